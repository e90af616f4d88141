"""The corpus of attacks, its brief form, with --slow the short one too, with ZOO_ALL_ATTACKS all; the runner's eyes."""

import json
import os
import sys
from collections import Counter
from pathlib import Path

import preloaded
import pytest

HERE = Path(__file__).parent
ALL = bool(os.environ.get("ZOO_ALL_ATTACKS"))

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the runner sees hangs in /proc")


# What an attack starts is to be in the attack's session, which the runner watches, and no fork of the server.
ALONE = """
import runpy, sys
sys.executable, sys.path[0], sys.argv = sys.argv[1], sys.argv[2], sys.argv[3:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def script(name: str, *words: str) -> None:
    done = preloaded.run("-c", ALONE, sys.executable, HERE, HERE / name, *words, check=False)
    print(done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("form", "least"),
    [
        pytest.param([], 250, marks=pytest.mark.slow), (["--brief"], 7),
        pytest.param(["--all"], 2800, marks=pytest.mark.skipif(not ALL, reason="takes ten minutes: ZOO_ALL_ATTACKS=1")),
    ],
    ids=["short", "brief", "all"],
)  # fmt: skip
def test_every_attack_ends_as_it_should(tmp_path, form, least):
    script("attack_runner.py", *form, "--save", str(tmp_path / "outcomes.json"))
    outcomes = json.loads((tmp_path / "outcomes.json").read_text())
    assert {each["name"]: each["faults"] for each in outcomes if each["faults"]} == {}
    assert len(outcomes) >= least


def test_the_corpus_is_as_large_as_it_says():
    from attack_corpus import all_cases

    kinds = Counter(case.kind for case in all_cases())
    assert kinds["words"] >= 700
    assert kinds["files"] >= 500
    expected = Counter(case.expect for case in all_cases())
    assert expected["refused"] > expected["either"]
    assert expected["accepted"] >= 30


def test_the_runner_sees_each_kind_of_fault(tmp_path):
    script("attack_faults.py", str(tmp_path / "found.json"))
    found = json.loads((tmp_path / "found.json").read_text())
    expected = {
        "traceback": "shows a traceback that ends with: KeyError: 'data'",
        "hang": "hangs",
        "spin": "computes for more than",
        "crash": "was ended by signal 11",
        "accepts": "ended with status 0, not 2",
        "says nothing": "does not say one sentence",
        "says too much": "does not say one sentence",
        "says twice": "says 2 sentences",
        "names nothing": "does not say 'batch_size'",
        "leaves a file": "left new.json",
        "leaves half a file": "left .x.part",
        "leaves half a row": "left half a row in metrics.csv",
        "leaves an empty file": "left record.json empty",
        "changes a file": "changed kept.txt",
        "leaves a temporary file": "in the folder for temporary files",
        "runs code": "ran code of the attacker's",
        "takes all memory": "shows a traceback",
        "as it should": "",
    }
    assert set(found) == set(expected)
    for name, words in expected.items():
        assert words in "; ".join(found[name]), (name, found[name])
        assert found[name] if words else not found[name]
