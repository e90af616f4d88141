"""Plants faults in a copy of the package, one at a time, and asks the tests that ought to notice.

    python benchmarks/faults/planted.py              all of them
    python benchmarks/faults/planted.py 1-20 34      some, by their numbers
    python benchmarks/faults/planted.py --list       what there is, without running anything

The faults stand in ``faults.py``: small changes, mostly to one file, of a kind that a careless maintainer makes, each
with the tests that mirror the file. They run until the first of them fails. At the end all tests that failed run once
more, on the sound code: what fails there, too, has caught nothing. One process runs at a time. Tests on real data need
ZOO_TEST_DATA, as ever.

Exit status: 0 where every fault was caught; 1 where one survives, where a text to replace is no longer there, where a
test fails on the sound code, or where tests take longer than the bound.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest
from faults import FAULTS, Fault

ROOT = Path(__file__).resolve().parents[2]
# Imported once, before anything is forked: most tests need them, and each would import them for seconds.
HEAVY = ("torch", "torchvision.transforms", "lightning.pytorch", "lightning.pytorch.cli", "sklearn.datasets", "yaml")
# Ten times what the slowest take on a core of their own.
BOUND = 300.0
CAUGHT, SURVIVED, GONE, SLOW = "caught", "SURVIVED", "TEXT IS GONE", "TOO SLOW"


@dataclass(frozen=True)
class Answer:
    """What tests said: ``status`` is pytest's, None where they were stopped; ``tests`` are those that failed."""

    status: int | None
    tests: list[str]
    seconds: float

    @property
    def test(self) -> str:
        return self.tests[0] if self.tests else ""


def main(words: Sequence[str] | None = None, root: Path = ROOT, faults: Sequence[Fault] = FAULTS) -> int:
    """Runs what the words ask for; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("numbers", nargs="*", metavar="N or N-M", help="faults by their numbers; all unless given")
    parser.add_argument("--list", action="store_true", help="show the faults and stop")
    parser.add_argument("--bound", type=float, default=BOUND, metavar="SECONDS", help="the longest that tests may take")
    options = parser.parse_args(words)
    chosen = {number: faults[number - 1] for number in numbers_in(options.numbers, len(faults))}
    if options.list:
        for number, fault in chosen.items():
            print(f"{number:>3}  {fault.file:<36}  {fault.what}")
        return 0
    # Before torch counts the cores.
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in HEAVY:
        import_module(name)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="zoo-faults-") as folder:
        copy = Path(folder).resolve() / "zoo"
        copy_of(root, copy)
        return _plant(copy, chosen, options.bound)


def numbers_in(words: Sequence[str], most: int) -> list[int]:
    """Which faults ``3`` and ``5-9`` mean, in rising order; all where nothing is given."""
    if not words:
        return [*range(1, most + 1)]
    ends = [(int(first), int(last or first)) for first, _, last in (word.partition("-") for word in words)]
    return sorted({number for first, last in ends for number in range(first, last + 1) if 1 <= number <= most})


def copy_of(root: Path, folder: Path) -> None:
    """Copies what git tracks below ``root`` and what it does not ignore, as it is in the working tree."""
    listed = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (root / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target)


def planted(package: Path, fault: Fault) -> dict[Path, str] | None:
    """The files of ``package`` that the fault changes, with the fault in their texts.

    None unless what each edit replaces stands exactly once in its file, after the edits before it.
    """
    texts: dict[Path, str] = {}
    for edit in fault.edits:
        path = package / edit.file
        text = texts.get(path) or path.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            return None
        texts[path] = text.replace(edit.old, edit.new)
    return texts


@contextmanager
def put_into(package: Path, fault: Fault) -> Iterator[bool]:
    """Has the fault in the files of ``package`` as long as the block lasts; False where it cannot be planted."""
    texts = planted(package, fault)
    sound = {path: path.read_text(encoding="utf-8") for path in texts or ()}
    try:
        for path, text in (texts or {}).items():
            _write(path, text)
        yield texts is not None
    finally:
        for path, text in sound.items():
            _write(path, text)


def _plant(copy: Path, chosen: dict[int, Fault], bound: float) -> int:
    failed, started = dict[int, str](), time.monotonic()
    for number, fault in chosen.items():
        outcome, answer = _try(copy, fault, bound)
        if outcome == CAUGHT:
            failed[number] = answer.test
        where = answer.test or " ".join(fault.tests)
        print(f"{number:>3}  {fault.file:<36}  {fault.what}: {outcome}, {answer.seconds:.1f} s, {where}", flush=True)
    again = [*dict.fromkeys(failed.values())]
    unsound = ask(copy, again, bound * len(again), first_only=False).tests if again else []
    caught = [number for number, test in failed.items() if test not in unsound]
    for test in unsound:
        print(f"Fails without any fault, too: {test}")
    print(f"{len(caught)} of {len(chosen)} faults caught, in {time.monotonic() - started:.0f} s.")
    return 0 if len(caught) == len(chosen) else 1


def _try(copy: Path, fault: Fault, bound: float) -> tuple[str, Answer]:
    with put_into(copy / "src" / "zoo", fault) as is_in:
        if not is_in:
            return GONE, Answer(None, [], 0.0)
        answer = ask(copy, [f"tests/{test}" for test in fault.tests], bound)
    return SLOW if answer.status is None else SURVIVED if answer.status == 0 else CAUGHT, answer


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    # Two texts of one length, written within a second, look the same to whoever compares times and sizes.
    Path(cache_from_source(str(path))).unlink(missing_ok=True)


def ask(copy: Path, tests: Sequence[str], bound: float, first_only: bool = True) -> Answer:
    """Runs ``tests`` of the copy in a fork of this process, until the first fails, or all are over, or the bound."""
    started, result = time.monotonic(), copy.with_name("answer.json")
    result.unlink(missing_ok=True)
    sys.stdout.flush()
    child = os.fork()
    if not child:
        _answer(copy, ["-x"] * first_only + [*tests], result)
    try:
        while os.waitpid(child, os.WNOHANG)[0] == 0:
            if time.monotonic() - started > bound:
                return Answer(None, [], bound)
            time.sleep(0.02)
    finally:
        # The tests, where they are not over, and whatever they started and left.
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    status, failed = json.loads(result.read_text()) if result.is_file() else (3, ["the process of the tests died"])
    return Answer(status, failed, time.monotonic() - started)


def _answer(copy: Path, words: Sequence[str], result: Path) -> None:
    """In the fork: runs pytest, writes down what it said, and ends the process."""
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        log = os.open(result.with_name("tests.log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(copy)
        package = str(copy / "src")
        sys.path.insert(0, package)
        os.environ |= {"PYTHONPATH": package, "OMP_NUM_THREADS": "1"}
        failures = _Failures()
        status = pytest.main(["-q", "-n", "0", "-p", "no:cacheprovider", *words], plugins=[failures])
        result.write_text(json.dumps([int(status), failures.tests]))
    finally:
        os._exit(0)


class _Failures:
    """Knows the tests that failed, and the files that could not be collected."""

    def __init__(self) -> None:
        self.tests: list[str] = []

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and report.nodeid not in self.tests:
            self.tests.append(report.nodeid)

    @pytest.hookimpl
    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.tests.append(report.nodeid)


if __name__ == "__main__":
    sys.exit(main())
