"""Each promise of the zoo's conventions as a user types it, with the installed wheel, in an empty folder."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hub_server import HubServer
from take_tours import blocks

PAGES = sorted(Path(__file__).parent.glob("*.md"))
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


@pytest.fixture(scope="module")
def taken(installed, tmp_path_factory):
    """What became of every tour."""
    folder = tmp_path_factory.mktemp("tours")
    hub = HubServer()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    environment = {name: value for name, value in os.environ.items() if name not in ("ZOO_TEST_DATA", "ZOO_RUN_DIR")}
    environment |= {
        "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache"),
        "TORCH_HOME": str(folder / "torch"), "HF_HOME": str(folder / "hf"), "HF_ENDPOINT": hub.address,
        "HF_TOKEN": "hf_of_the_test", "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "no_proxy": "*",
    }  # fmt: skip
    command = [sys.executable, "-P", str(Path(__file__).with_name("take_tours.py")), *map(str, PAGES)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    hub.shutdown()
    hub.server_close()
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert Path(outcome["zoo"]).is_relative_to(installed)
    return outcome["tours"]


def test_there_is_a_tour_of_each_of_the_nine_points():
    assert [page.name[:2] for page in PAGES] == [f"{number}_" for number in range(1, 10)]
    for page in PAGES:
        kinds = [words[0] for words, _ in blocks(page) if len(words) == 1 or words[1] == "status"]
        # Every step says what it prints.
        assert set(kinds[::2]) <= {"sh", "python"}
        assert set(kinds[1::2]) == {"text"}
        assert len(kinds) % 2 == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tour_goes_as_it_is_written(taken, page):
    told = [(words, text) for words, text in blocks(page) if words[0] == "text"]
    assert len(taken[page.stem]) == len(told)
    for step, (words, text) in zip(taken[page.stem], told, strict=True):
        *before, last = step["statuses"]
        shown = f"{step['typed']}\nprints\n{step['printed']}"
        assert not any(before), shown
        assert last == (int(words[2]) if words[1:] else 0), shown
        lines = iter(step["printed"].splitlines())
        for wanted in text.splitlines():
            pattern = ".*".join(map(re.escape, wanted.split("...")))
            assert any(re.search(pattern, line) for line in lines), f"{wanted!r} is not in\n{shown}"
