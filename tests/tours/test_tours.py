"""Each promise of the zoo's conventions as a user types it, with the installed wheel, in an empty folder.

A tour is a page of what a user types. Its fenced blocks say what they are:

    ```sh                  commands of zoo and Python
    ```python              what is typed to Python
    ```python mine.py      a file of the user's, of that name
    ```text                what the block before prints, in this order and among other lines, and ends with status 0
    ```text status 2       the same, with another status of its last command

and a line ``Files: examples/digit.png`` names files of the repository that the user has brought along.
"""

import os
import re
import shlex
import shutil
import threading
from pathlib import Path

import preloaded
import pytest
from conftest import ROOT, slow_where
from hub_server import HubServer

PAGES = sorted(Path(__file__).parent.glob("*.md"))


def blocks(page):
    """The fenced blocks of a page: the words behind the fence, and the text."""
    found = re.findall(r"^```(.+)\n((?:.*\n)*?)```$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [(words.split(), text) for words, text in found]


@pytest.fixture(scope="module")
def environment(installed, tmp_path_factory):
    """Variables of a user who has the wheel, and an account with the hub."""
    folder, hub = tmp_path_factory.mktemp("home"), HubServer()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    yield {name: value for name, value in os.environ.items() if name not in ("ZOO_TEST_DATA", *preloaded.STALE)} | {
        "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache"),
        "TORCH_HOME": str(folder / "torch"), "HF_HOME": str(folder / "hf"), "HF_ENDPOINT": hub.address,
        "HF_TOKEN": "hf_of_the_test", "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "no_proxy": "*",
    }  # fmt: skip
    hub.shutdown()
    hub.server_close()


def test_the_zoo_of_the_tours_is_the_installed_one(environment, installed, tmp_path):
    done = preloaded.run("-c", "import zoo; print(zoo.__file__)", cwd=tmp_path, env=environment)
    assert Path(done.stdout.strip()).is_relative_to(installed)


def test_there_is_a_tour_of_each_of_the_nine_points():
    assert [page.name[:2] for page in PAGES] == [f"{number}_" for number in range(1, 10)]
    for page in PAGES:
        kinds = [words[0] for words, _ in blocks(page) if len(words) == 1 or words[1] == "status"]
        # Every step says what it prints.
        assert set(kinds[::2]) <= {"sh", "python"}
        assert set(kinds[1::2]) == {"text"}
        assert len(kinds) % 2 == 0


# Tests of their own see the same in parts.
LONG = ("4_schedules", "5_own_network", "6_own_data", "7_fine_tuning", "8_own_code")


@pytest.mark.parametrize("page", slow_where(lambda page: page.stem in LONG, PAGES), ids=lambda page: page.stem)
def test_a_tour_goes_as_it_is_written(page, environment, tmp_path):
    for names in re.findall(r"^Files: (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        for name in names.split(", "):
            shutil.copy(ROOT / name, tmp_path)
    statuses, shown = [], ""
    for words, text in blocks(page):
        match words:
            case ["text", *status]:
                assert not any(statuses[:-1]), shown
                assert statuses[-1] == (int(status[1]) if status else 0), shown
                lines = iter(shown.splitlines())
                for wanted in text.splitlines():
                    pattern = ".*".join(map(re.escape, wanted.split("...")))
                    assert any(re.search(pattern, line) for line in lines), f"{wanted!r} is not in\n{shown}"
            case [_, name]:
                (tmp_path / name).write_text(text, encoding="utf-8")
            case [kind]:
                typed = [["python", "-c", text]] if kind == "python" else map(shlex.split, _lines(text))
                done = [_typed(command, environment, tmp_path) for command in typed]
                statuses, shown = [one.returncode for one in done], "".join(one.stdout + one.stderr for one in done)


def _lines(text):
    return text.replace("\\\n", "").splitlines()


def _typed(command, environment, folder):
    program, *words = command
    assert program in ("zoo", "python")
    return preloaded.run(*(["-m", "zoo"] if program == "zoo" else []), *words, cwd=folder, env=environment, check=False)
