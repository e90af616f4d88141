"""Runs attacks through the real command, each in a process of its own, and says what was wrong with its end.

    python attack_runner.py [--all | --brief] [--only PART-OF-A-NAME] [--save FILE.json]

Each process is forked from this one, in which everything heavy is imported, and calls ``zoo.cli.main`` in an empty
folder. It must end within a bound, say one sentence where it refuses, show no traceback, leave the folder as it was,
and create no canary, which every pickle and every YAML tag of the corpus tries to do.
"""

import argparse
import contextlib
import fcntl
import gc
import hashlib
import io
import json
import os
import re
import resource
import shlex
import shutil
import signal
import stat
import sys
import tempfile
import time
import traceback
import warnings
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import attack_calls
from attack_corpus import Case, all_cases, brief_form, short_form
from attack_stock import Stock

import zoo

CANARY = "CANARY"
# A process that computes longer than this, or sleeps so long with nothing of its own at work, hangs. On a machine that
# others keep busy it may take any time by the clock.
MOST_CPU, MOST_SLEEP, HARDLY = 40.0, 15.0, 0.3
MOST_MEMORY = 4 << 30  # bytes, beyond what is mapped already
LARGEST = 100_000_000  # bytes of a file that is compared, not only its size
MOST_WORDS = 1500  # characters of one sentence
STATUSES = {"refused": {2}, "accepted": {0}, "either": {0, 1, 2}}
# What nobody should find afterwards.
LEFT_OVER = (".part", ".tmp", ".lock")
_PROGRESS = re.compile(r"━|\d+/\d+ [-\d]+:")
_CLEAN = ("ZOO_", "PL_", "SLURM_", "LOCAL_RANK", "NODE_RANK", "RANK", "WORLD_SIZE", "MASTER_", "WANDB_", "TORCH_HOME")


@dataclass
class Outcome:
    """How one case ended; ``faults`` are empty where it ended as it should."""

    name: str
    command: str
    status: int | None
    said: str
    faults: list[str] = field(default_factory=list)


def run(case: Case, stock: Stock, place: Path) -> Outcome:
    """Runs one case in a new folder below ``place``, which is gone afterwards."""
    folder = Path(tempfile.mkdtemp(dir=place))
    work = folder / "work"
    for name in ("work", "home", "tmp"):
        (folder / name).mkdir()
    try:
        locked = case.prepare(work, stock, folder / CANARY)
        before = _tree(work)
        # A pipe: a case may allow no file to grow.
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 20)
        child = os.fork()
        if not child:
            for file in locked:
                # Without letting go: a child's copy would keep it.
                os.close(file.fileno())
            _child(case, folder, writer)
        os.close(writer)
        status, fault = _awaited(child)
        with open(reader, encoding="utf-8", errors="replace") as said:
            text = said.read()
        outcome = Outcome(case.name, shlex.join(case.words), status, text, [fault] if fault else [])
        for file in locked:
            file.close()
        if not fault:
            outcome.faults = [*_faults(case, status, text), *_of_folder(case, status, before, work)]
            outcome.faults += [f"left {path.name} in the folder for temporary files" for path in _in(folder / "tmp")]
        if case.shows or case.hides:
            shown = (folder / "shown").read_text(encoding="utf-8", errors="replace")
            if case.shows not in shown:
                outcome.faults.append(f"does not show {case.shows!r}")
            if case.hides and case.hides in shown:
                outcome.faults.append(f"shows {case.hides!r}")
        if (folder / CANARY).exists() or (work / CANARY).exists():
            outcome.faults.append("ran code of the attacker's")
        return outcome
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _faults(case: Case, status: int | None, said: str) -> Iterator[str]:
    """What is wrong with the exit status and the words on standard error."""
    # What is broken in a data set is what this one looks for: it says so with 1.
    found = {1} if case.words[:2] == ["data", "verify"] and case.expect == "refused" else set()
    allowed = case.status or STATUSES[case.expect] | found
    # A bar that shows progress is no message.
    lines = [line for line in said.splitlines() if line.strip() and not _PROGRESS.search(line)]
    if "Traceback (most recent call last)" in said:
        yield f"shows a traceback that ends with: {lines[-1][:200]}"
    elif status not in allowed:
        yield f"ended with status {status}, not {' or '.join(map(str, sorted(allowed)))}: {' '.join(lines)[-300:]}"
    elif status == 2 or (status == 1 and lines):
        sentences = [line for line in lines if line.startswith("zoo: ")]
        if len(lines) != len(sentences) or not lines:
            yield f"does not say one sentence: {said[-300:]!r}"
        elif len(sentences) > 1 and not case.notices:
            yield f"says {len(sentences)} sentences: {said[-300:]!r}"
        elif not 15 < len(lines[-1]) < MOST_WORDS:
            yield f"says {len(lines[-1])} characters"
        for word in case.says if lines else ():
            if word not in lines[-1]:
                yield f"does not say {word!r}: {lines[-1]}"


def _of_folder(case: Case, status: int | None, before: dict[str, str], work: Path) -> Iterator[str]:
    """What is wrong with the folder: all as before where the input was refused, and in no case half a file."""
    after = _tree(work)
    new = [path for path in after if path not in before]
    changed = [path for path in before if after.get(path) != before[path]]
    if case.may_write:
        new = [path for path in new if not fnmatch(path, case.may_write)]
        changed = [path for path in changed if not fnmatch(path, case.may_write)]
    for path in new:
        if path.endswith(LEFT_OVER) or Path(path).name.startswith("."):
            yield f"left {path}"
        elif after[path] == "empty":
            yield f"left {path} empty"
    # Whatever it may write, it writes rows whole.
    for path in after:
        if path.endswith(".csv") and after[path] != before.get(path) and not _ends_with_a_line(work / path):
            yield f"left half a row in {path}"
    if status == 2:
        for path in new:
            yield f"left {path}"
        for path in changed:
            yield f"changed {path}"
    elif changed and case.words[0] not in ("fit", "data"):
        yield f"changed {changed[0]}"


def _ends_with_a_line(path: Path) -> bool:
    return not path.is_file() or path.read_bytes()[-1:] in (b"", b"\n")


def _tree(folder: Path) -> dict[str, str]:
    """Each path below ``folder`` with a digest of what it is."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = path.lstat()
        if stat.S_ISREG(kind.st_mode):
            # Data sets of a hundred megabytes are linked from the stock, and files with holes have any size.
            large = kind.st_nlink > 1 or kind.st_size > LARGEST
            content = str(kind.st_size) if large else hashlib.sha256(path.read_bytes()).hexdigest()
            what = content if kind.st_size else "empty"
        else:
            what = f"{stat.S_IFMT(kind.st_mode):o}" + (os.readlink(path) if path.is_symlink() else "")
        found[str(path.relative_to(folder))] = what
    return found


def _in(folder: Path) -> list[Path]:
    # Torch keeps a folder for what it compiles, zoo one for the chunks of streams, and W&B several.
    allowed = ("torchinductor", "zoo-stream", "wandb")
    return [path for path in folder.iterdir() if not any(word in path.name for word in allowed)]


def _child(case: Case, folder: Path, said: int) -> None:
    """Becomes the command; never returns."""
    status = 99
    inherited = set(weakref.finalize._registry)
    try:
        os.setsid()
        os.chdir(folder / "work")
        for name in [name for name in os.environ if name.startswith(_CLEAN)]:
            del os.environ[name]
        os.environ |= {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "WANDB_MODE": "offline"}
        os.environ |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
        os.environ |= case.env
        tempfile.tempdir = None
        # As ``python -m zoo`` has it: what lies in the folder can be imported, and must not be.
        sys.path.insert(0, "")
        # What Lightning starts for other devices.
        sys.argv = [str(Path(zoo.__file__).with_name("__main__.py")), *case.words]
        resource.setrlimit(resource.RLIMIT_AS, (_mapped() + MOST_MEMORY,) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (int(MOST_CPU), int(MOST_CPU) + 5))
        if case.file_limit is not None:
            # As on a full disk: no file grows beyond it, and no half of a module's code stays.
            sys.dont_write_bytecode = True
            resource.setrlimit(resource.RLIMIT_FSIZE, (case.file_limit,) * 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _give_output(case.stdout, folder, said)
        status = attack_calls.call(case.words)
        if sys.stdout is not None:
            sys.stdout.flush()
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    except BaseException:
        status = 99
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        # What the interpreter's end does for folders that the command itself made, such as W&B's.
        for each in set(weakref.finalize._registry) - inherited:
            with contextlib.suppress(Exception):
                each()
        os._exit(status)


def _give_output(kind: str, folder: Path, said: int) -> None:
    """Standard output as the case wants it: a file, of ASCII alone, full, closed, or read by nobody."""
    os.dup2(said, 2)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", "backslashreplace", line_buffering=True)
    if kind == "closed":
        os.close(1)
        sys.stdout = None  # as the interpreter has it
        return
    if kind == "pipe":
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 1)
    else:
        target = "/dev/full" if kind == "full" else folder / "shown"
        os.dup2(os.open(target, os.O_CREAT | os.O_WRONLY), 1)
    buffered = io.BufferedWriter(io.FileIO(1, "w", closefd=False))
    sys.stdout = io.TextIOWrapper(buffered, "ascii" if kind == "ascii" else "utf-8")


def _mapped() -> int:
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return 64 << 30


def _awaited(child: int) -> tuple[int | None, str | None]:
    """The exit status, and what is wrong where the process was killed, here or by the system."""
    pause, worked, since = 0.002, -1.0, time.monotonic()
    looked = since
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            _end(child)  # the workers that it left
            code = os.waitstatus_to_exitcode(status)
            if code == -signal.SIGXCPU:
                return None, f"computes for more than {MOST_CPU:g} s"
            return code, f"was ended by signal {-code}" if code < 0 else None
        time.sleep(pause)
        pause = min(0.05, pause * 1.2)
        now = time.monotonic()
        if now < looked + 1:
            continue
        looked = now
        running, seconds = _at_work(child)
        # A bar of progress goes on beside what hangs.
        if running or seconds > worked + HARDLY:
            worked, since = seconds, now
        if now > since + MOST_SLEEP or seconds > 2 * MOST_CPU:
            _end(child)
            os.waitpid(child, 0)
            return None, f"hangs: it has done nothing for {MOST_SLEEP:g} s" if seconds <= 2 * MOST_CPU else "spins"


def _end(session: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)


def _at_work(session: int) -> tuple[bool, float]:
    """Whether any process of a session waits for nothing but the processor, and the seconds that all have computed."""
    running, ticks = False, 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            values = entry.read_text().rpartition(")")[2].split()
            if int(values[3]) == session:
                running |= values[0] == "R"
                ticks += int(values[11]) + int(values[12])
    return running, ticks / os.sysconf("SC_CLK_TCK")


def warm_up() -> None:
    """Imports once what the commands import."""
    import matplotlib.pyplot  # noqa: F401
    import scipy.io  # noqa: F401
    import sklearn.datasets
    import torch

    import zoo.benchmark.verb
    import zoo.commands.data
    import zoo.commands.reproduce
    import zoo.data.store.writer
    import zoo.data.verify.folder
    import zoo.report.summary
    import zoo.report.tables
    import zoo.training.verbs
    import zoo.weights.classify
    import zoo.weights.export.write
    import zoo.weights.sources.caffe
    import zoo.weights.sources.run
    import zoo.weights.sources.shipped  # noqa: F401
    from zoo.training.cli import load_classes

    torch.set_num_threads(1)
    load_classes()
    sklearn.datasets.load_digits()
    gc.collect()
    gc.freeze()  # so that the forks share it


def attack(cases: list[Case], tell: bool = False) -> list[Outcome]:
    """The outcomes of all cases, in their order."""
    warm_up()
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="zoo-attacks-") as place:
        stock = Stock(Path(place, "stock"))
        stock.make({name for case in cases for name in case.stock})
        for case in cases:
            outcomes.append(run(case, stock, Path(place)))
            if tell and outcomes[-1].faults:
                print(f"{case.name}: {'; '.join(outcomes[-1].faults)}\n    zoo {outcomes[-1].command}", flush=True)
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--all", action="store_true", help="the long form")
    forms.add_argument("--brief", action="store_true", help="the first case of every 24th group")
    parser.add_argument("--only", default="", help="cases whose names have this in them")
    parser.add_argument("--save", type=Path, help="write the outcomes as JSON")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    cases = [case for case in all_cases() if options.only in case.name]
    if options.brief:
        cases = brief_form(cases)
    elif not options.all and not options.only:
        cases = short_form(cases)
    began = time.monotonic(), time.process_time()
    outcomes = attack(cases, tell=True)
    for outcome in outcomes:
        outcome.said = outcome.said[-2000:]
    faulty = [outcome for outcome in outcomes if outcome.faults]
    expected = Counter(f"{case.kind} {case.expect}" for case in cases)
    times = os.times()
    cpu = time.process_time() - began[1] + times.children_user + times.children_system
    print(
        f"{len(cases)} attacks ({', '.join(f'{number} {what}' for what, number in sorted(expected.items()))}):"
        f" {len(faulty)} faults; {time.monotonic() - began[0]:.0f} s by the clock, {cpu:.0f} s of one core"
    )
    if options.save:
        options.save.write_text(json.dumps([vars(outcome) for outcome in outcomes], indent=1))
    return 1 if faulty else 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # Without the interpreter's end: what was kept from the collector would be reported as leaks.
    os._exit(status)
