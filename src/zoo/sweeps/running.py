"""The runs of a sweep, several at a time, each in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from zoo import runs
from zoo.data.cores import share
from zoo.errors import Stopped
from zoo.files import read_text
from zoo.sweeps.folder import Outcome, Sweep
from zoo.sweeps.grid import Member

# What an earlier run in this shell may have left for a process that joins a run.
_OF_OTHERS = ("LOCAL_RANK", "ZOO_RUN_DIR", "PL_GLOBAL_SEED")
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)]
# Seconds between two looks at the processes.
_PAUSE = 0.1

Tell = Callable[[Member, Outcome], None]


@dataclass
class _Running:
    member: Member
    process: subprocess.Popen
    slot: int
    began: float


def train(sweep: Sweep, members: Sequence[Member], jobs: int, num_gpus: int, tell: Tell) -> None:
    """Trains ``members``, ``jobs`` at a time, and writes down and tells how each ended.

    Raises Stopped, once all have saved, where a signal asks to stop; a second one kills them. A member that an earlier
    sweep, which was killed, has left at work is waited for.
    """
    waiting, running = list(members), list[_Running]()
    with _noted_signals() as noted:
        try:
            while (waiting or running) and not noted:
                free = sorted({*range(jobs)} - {one.slot for one in running})
                while waiting and free and not noted:
                    slot, member = free.pop(0), waiting.pop(0)
                    running.append(_start(sweep, member, slot, surroundings(slot, jobs, num_gpus)))
                _end_those_over(sweep, running, tell)
                time.sleep(_PAUSE)
        finally:
            _stop(running, noted)
        if noted:
            name = signal.Signals(noted[0]).name
            raise Stopped(f"Stopped by {name}; go on with: zoo sweep --resume {sweep.folder}", 128 + noted[0])


@contextmanager
def _noted_signals() -> Iterator[list[int]]:
    """The signals that came within the block; those of a terminal do not reach the members, which do not share it."""
    noted: list[int] = []

    def note(signum: int, frame: FrameType | None) -> None:
        noted.append(signum)

    before = {signum: signal.signal(signum, note) for signum in _SIGNALS}
    try:
        yield noted
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def surroundings(slot: int, jobs: int, num_gpus: int, now: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a member: its share of the cores and of the GPUs, where several members share them."""
    found = {name: value for name, value in now.items() if name not in _OF_OTHERS}
    if not any(path in ("", os.getcwd()) for path in sys.path):
        # As the command zoo itself: the modules of the working folder are not imported.
        found["PYTHONSAFEPATH"] = "1"
    if jobs == 1:
        return found
    found.setdefault("OMP_NUM_THREADS", str(share(jobs)))
    if num_gpus > 1:
        visible = now.get("CUDA_VISIBLE_DEVICES", "")
        gpus = [gpu for gpu in visible.split(",") if gpu] or [str(gpu) for gpu in range(num_gpus)]
        found["CUDA_VISIBLE_DEVICES"] = ",".join(gpus[slot::jobs] or [gpus[slot % len(gpus)]])
    return found


def _start(sweep: Sweep, member: Member, slot: int, environment: dict[str, str]) -> _Running:
    while runs.in_progress(sweep.run_dir(member)):
        time.sleep(_PAUSE)
    # Away from the terminal, whose Ctrl-C would reach a member a second time.
    apart: dict[str, Any] = (
        {"start_new_session": True} if os.name == "posix" else {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
    )
    with sweep.log(member).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "zoo.sweeps.member", "fit", *sweep.words(member)],
            stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=environment, **apart,
        )  # fmt: skip
    return _Running(member, process, slot, time.monotonic())


def _end_those_over(sweep: Sweep, running: list[_Running], tell: Tell) -> None:
    for one in [one for one in running if one.process.poll() is not None]:
        running.remove(one)
        assert one.process.stdin
        one.process.stdin.close()
        status = one.process.returncode
        outcome = Outcome(status, round(time.monotonic() - one.began, 1), _reason(sweep, one) if status else "")
        sweep.keep(one.member, outcome)
        tell(one.member, outcome)


def _reason(sweep: Sweep, one: _Running) -> str:
    """The last thing that a member said, which is its one sentence or the last line of a traceback."""
    try:
        lines = read_text(sweep.log(one.member)).strip().splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    if one.process.returncode < 0:
        return f"it was killed by {signal.Signals(-one.process.returncode).name}"
    said = next((line for line in reversed(lines) if line.startswith("zoo: ")), lines[-1] if lines else "")
    return said.removeprefix("zoo: ").strip()[:500] or f"it ended with status {one.process.returncode}"


def _stop(running: list[_Running], noted: list[int]) -> None:
    """Tells those that still run to save and end, and waits for that; a further signal kills them."""
    for one in running:
        assert one.process.stdin
        one.process.stdin.close()
    before = len(noted)
    while any(one.process.poll() is None for one in running):
        if len(noted) > before:
            for one in running:
                one.process.kill()
        time.sleep(_PAUSE)
