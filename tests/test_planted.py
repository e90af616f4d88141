"""The faults of ``benchmarks/faults`` can be planted, in every room; what the script says of a toy package."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks" / "faults"))
sys.path.insert(0, str(ROOT / "tests" / "attacks"))
import planted
from attack_corpus import all_cases
from faults import CLOSED, FAULTS

# The survivors of the list that this one replaces.
SURVIVORS = ("benchmark/measurements.py", "data/store/resizing.py", "models/classifier.py")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_fault_can_be_planted_and_its_tests_exist(fault):
    text = (ROOT / "src" / "zoo" / fault.file).read_text(encoding="utf-8")
    assert planted.planted(text, fault) not in (None, text)
    for test in fault.tests:
        file, _, name = test.partition("::")
        source = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert not name or f"def {name.partition('[')[0]}(" in source


@pytest.mark.parametrize("fault", CLOSED, ids=lambda fault: fault.what)
def test_a_fault_of_old_can_be_put_back_and_attacks_met_it(fault):
    text = (ROOT / "src" / "zoo" / fault.file).read_text(encoding="utf-8")
    assert planted.planted(text, fault) not in (None, text)
    (met,) = fault.tests
    assert any(met in case.name for case in all_cases())


def test_every_room_has_faults_and_no_two_are_the_same():
    assert len(FAULTS) >= 52
    assert len({fault.what for fault in FAULTS}) == len({fault[1:4] for fault in FAULTS}) == len(FAULTS)
    rooms = {file.parent.relative_to(ROOT / "src" / "zoo") for file in (ROOT / "src" / "zoo").rglob("*.py")}
    # A page's scripts are in no room of their own.
    assert {Path(fault.file).parent for fault in FAULTS if not fault.file.endswith(".js")} == rooms
    assert {fault.file for fault in FAULTS} >= set(SURVIVORS)


def test_ranges_of_numbers():
    assert planted.numbers_in([], 3) == [1, 2, 3]
    assert planted.numbers_in(["5-7", "2", "6-9"], 8) == [2, 5, 6, 7, 8]


CODE = """
import sys
sys.path.insert(0, {folder!r})
import planted
from faults import Fault
planted.HEAVY = ()
faults = [
    Fault("noticed", "numbers.py", "1 + 1", "1 + 2", ("test_numbers.py",)),
    Fault("not noticed", "numbers.py", "3 + 3", "3 + 4", ("test_numbers.py",)),
    Fault("cannot be planted", "numbers.py", "4 + 4", "4 + 5", ("test_numbers.py",)),
    Fault("noticed by what fails anyway", "numbers.py", "3 + 3", "3 + 5", ("test_broken.py",)),
]
sys.exit(planted.main({words!r}, planted.Path({root!r}), faults))
"""


@pytest.mark.parametrize(
    ("words", "status", "outcomes", "last"),
    [
        (["1"], 0, ["caught"], "1 of 1 faults caught"),
        (["1-4"], 1, ["caught", "SURVIVED", "TEXT IS GONE", "caught"], "1 of 4 faults caught"),
    ],
)
def test_what_survives_is_told_from_what_is_caught(tmp_path, words, status, outcomes, last):
    files = {
        "src/zoo/__init__.py": "",
        "src/zoo/numbers.py": "TWO = 1 + 1\nSIX = 3 + 3\n",
        "tests/test_numbers.py": "from zoo.numbers import TWO\n\n\ndef test_two():\n    assert TWO == 2\n",
        "tests/test_broken.py": "def test_nothing():\n    raise AssertionError\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    code = CODE.format(folder=str(ROOT / "benchmarks" / "faults"), words=words, root=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    *lines, end = [line for line in done.stdout.splitlines() if not line.startswith("Fails without")]
    assert (done.returncode, done.stderr) == (status, "")
    assert [line.partition(": ")[2].partition(",")[0] for line in lines] == outcomes
    assert end.startswith(last)
    assert ("tests/test_broken.py::test_nothing" in done.stdout) == (len(outcomes) > 1)
