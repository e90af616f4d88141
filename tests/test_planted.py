"""The faults of ``benchmarks/faults`` can be planted, in every room; what the script says of a toy package."""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks" / "faults"))
sys.path.insert(0, str(ROOT / "tests" / "attacks"))
import attacked
import planted
from attack_corpus import all_cases
from faults import CLOSED, FAULTS, Edit, Fault

# The survivors of the list that this one replaces.
PACKAGE = ROOT / "src" / "zoo"
SURVIVORS = ("benchmark/measurements.py", "data/store/resizing.py", "models/classifier.py")


def check_edits(fault):
    """Each of the fault's edits can be made alone, and all of them together."""
    texts = planted.planted(PACKAGE, fault)
    assert texts is not None
    assert {*texts} == {PACKAGE / edit.file for edit in fault.edits}
    for edit in fault.edits:
        sound = (PACKAGE / edit.file).read_text(encoding="utf-8")
        assert sound.count(edit.old) == 1
        assert edit.new != edit.old
        assert edit.old not in edit.new or sound.replace(edit.old, edit.new) != sound


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_fault_can_be_planted_and_its_tests_exist(fault):
    check_edits(fault)
    for test in fault.tests:
        file, _, name = test.partition("::")
        source = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert not name or f"def {name.partition('[')[0]}(" in source


@pytest.mark.parametrize("fault", CLOSED, ids=lambda fault: fault.what)
def test_a_fault_of_old_can_be_put_back_and_attacks_met_it(fault):
    check_edits(fault)
    (met,) = fault.tests
    assert any(met in case.name for case in all_cases())


def test_every_room_has_faults_and_no_two_are_the_same():
    assert len(FAULTS) >= 52
    assert len({fault.what for fault in FAULTS}) == len({fault.edits for fault in FAULTS}) == len(FAULTS)
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
from faults import Edit, Fault
planted.HEAVY = ()
faults = [
    Fault("noticed", "numbers.py", "1 + 1", "1 + 2", ("test_numbers.py",)),
    Fault("not noticed", "numbers.py", "3 + 3", "3 + 4", ("test_numbers.py",)),
    Fault("cannot be planted", "numbers.py", "4 + 4", "4 + 5", ("test_numbers.py",)),
    Fault("noticed by what fails anyway", "numbers.py", "3 + 3", "3 + 5", ("test_broken.py",)),
    Fault("one of two checks is gone", "numbers.py", "True  # first", "False", ("test_both.py",)),
    Fault(
        "both checks are gone, and a name", "numbers.py", "True  # first", "False", ("test_both.py",),
        (Edit("more.py", "True  # second", "False"), Edit("numbers.py", "FIRST = False", "FIRST = 0")),
    ),
    Fault(
        "the second edit cannot be made", "numbers.py", "1 + 1", "1 + 2", ("test_numbers.py",),
        (Edit("more.py", "4 + 4", "4 + 5"),),
    ),
]
sys.exit(planted.main({words!r}, planted.Path({root!r}), faults))
"""


@pytest.mark.parametrize(
    ("words", "status", "outcomes", "last"),
    [
        (["1"], 0, ["caught"], "1 of 1 faults caught"),
        (["1-4"], 1, ["caught", "SURVIVED", "TEXT IS GONE", "caught"], "1 of 4 faults caught"),
        # After the faults of two files the next finds both as they were.
        pytest.param(["6", "5"], 1, ["SURVIVED", "caught"], "1 of 2 faults caught", marks=pytest.mark.slow),
        pytest.param(
            ["1", "6-7"], 1, ["caught", "caught", "TEXT IS GONE"], "2 of 3 faults caught", marks=pytest.mark.slow
        ),
    ],
)
def test_what_survives_is_told_from_what_is_caught(tmp_path, words, status, outcomes, last):
    files = {
        "src/zoo/__init__.py": "",
        "src/zoo/numbers.py": "TWO = 1 + 1\nSIX = 3 + 3\nFIRST = True  # first\n",
        "src/zoo/more.py": "SECOND = True  # second\n",
        "tests/test_numbers.py": "from zoo.numbers import TWO\n\n\ndef test_two():\n    assert TWO == 2\n",
        "tests/test_both.py": "from zoo.more import SECOND\nfrom zoo.numbers import FIRST\n\n\n"
        "def test_both():\n    assert SECOND or FIRST\n",
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
    assert ("tests/test_broken.py::test_nothing" in done.stdout) == ("1-4" in words)


def test_all_edits_are_made_and_undone(tmp_path):
    sound = {"one.py": "a = 1\nb = 2\n", "two.py": "c = 3\n"}
    for name, text in sound.items():
        (tmp_path / name).write_text(text)
    more = (Edit("two.py", "c = 3", "c = 4"), Edit("one.py", "b = 2", "b = 5"))
    with planted.put_into(tmp_path, Fault("", "one.py", "1", "0", (), more)) as is_in:
        texts = {name: (tmp_path / name).read_text() for name in sound}
    assert is_in
    assert texts == {"one.py": "a = 0\nb = 5\n", "two.py": "c = 4\n"}
    assert {name: (tmp_path / name).read_text() for name in sound} == sound
    for wrong in ("d", "\n", " "):
        fault = Fault("", "two.py", "c = 3", "c = 4", (), (Edit("one.py", wrong, "e"),))
        with planted.put_into(tmp_path, fault) as is_in:
            assert not is_in
            assert {name: (tmp_path / name).read_text() for name in sound} == sound


def test_faults_of_old_are_chosen_by_words_of_their_names(monkeypatch, capsys):
    tried = []
    monkeypatch.setattr(attacked, "import_module", lambda name: None)
    monkeypatch.setattr(attacked, "copy_of", lambda root, folder: None)
    monkeypatch.setattr(attacked, "attack", lambda copy, met: (0, ""))
    monkeypatch.setattr(attacked, "put_into", lambda package, fault: tried.append(fault) or nullcontext(False))
    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "1")
    assert attacked.main(["deep YAML", "W&B project"]) == 1
    assert {fault.what for fault in tried} == {
        fault.what for fault in CLOSED if "deep YAML" in fault.what or "W&B project" in fault.what
    }
    assert 3 < len(tried) + 1 < len(CLOSED)
    assert capsys.readouterr().out.endswith(f"0 of {len(tried)} faults seen.\n")
    with pytest.raises(SystemExit) as stop:
        attacked.main(["no such words"])
    assert stop.value.code == 2
