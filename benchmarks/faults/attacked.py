"""Puts faults that were closed back into a copy of the package, one at a time, and attacks that copy.

    python benchmarks/faults/attacked.py             all of them, some minutes on one core

The corpus of ``tests/attacks`` was made from commands that had once been wrongly accepted, had hung, or had ended in a
traceback. For each of the faults below the part of the corpus that met it runs against the faulty copy, and its runner
must say so; against the sound package the same parts run clean, which comes first.

Exit status: 0 where every fault was seen; 1 where one was not, or where the sound package fails.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Closed(NamedTuple):
    """A fault of ``src/zoo/<file>``, as the text that closed it and what stood there; ``met`` names attacks."""

    what: str
    file: str
    old: str
    new: str
    met: str


CLOSED = (
    Closed(
        "a process without an image waits for ever", "data/base.py", "if self.batch_size < num_processes:", "if False:",
        "fewer images than processes",
    ),
    Closed(
        "a damaged checkpoint is measured as if whole", "weights/sources/seal.py", "    if not whole:", "    if False:",
        "files/checkpoint/flip",
    ),
    Closed("an empty word counts as none", "cli.py", "if not word.strip():", "if False:", "verbs/speed"),
    Closed("of two equal keys the last wins", "yaml_text.py", "if key.value in found:", "if False:", "configs/"),
    Closed(
        "a number below the least is taken", "training/bounds.py", "value < least:", "False:", "trainer/bounds",
    ),
    Closed(
        "a seed of more than 32 bits is taken", "training/bounds.py", "not 0 <= seed <= MOST_SEED", "False",
        "fit/seeds",
    ),
    Closed(
        "two processes resume one run", "files.py", "fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH", "of a run at work",
    ),
    Closed(
        "a part of a test looks like all of it", "report/summary.py", "if record.is_trial:", "if False:",
        "a part of a test",
    ),
    Closed(
        "a lent config runs what it names", "training/lent.py", "    if fault is None:", "    if True:",
        "files/config with code",
    ),
    Closed(
        "images that do not fit fail in the network", "models/classifier.py",
        'if stage == "fit" and isinstance(data, ImageDataModule):', "if False:", "model/shapes",
    ),
)  # fmt: skip


def main() -> int:
    """Attacks the sound package, then each faulty one. Returns the exit status."""
    unseen = []
    with tempfile.TemporaryDirectory() as place:
        source = Path(place, "src")
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        for met in dict.fromkeys(fault.met for fault in CLOSED):
            if attack(source, met).returncode:
                unseen.append(f"{met}: the sound package fails")
        for fault in CLOSED:
            began = time.monotonic()
            file = source / "zoo" / fault.file
            sound = file.read_text()
            if sound.count(fault.old) != 1:
                unseen.append(f"{fault.what}: its text does not stand once in {fault.file}")
                continue
            file.write_text(sound.replace(fault.old, fault.new))
            done = attack(source, fault.met)
            file.write_text(sound)
            seen = done.returncode == 1 and " faults; " in done.stdout
            last = done.stdout.strip().splitlines()[-1:] or [done.stderr[-200:]]
            outcome = "seen" if seen else "NOT SEEN"
            print(f"{fault.what}: {outcome}, {time.monotonic() - began:.0f} s; {last[0]}", flush=True)
            if not seen:
                unseen.append(fault.what)
    print(f"{len(CLOSED) - len(unseen)} of {len(CLOSED)} faults seen.", *unseen, sep="\n")
    return 1 if unseen else 0


def attack(source: Path, met: str) -> subprocess.CompletedProcess[str]:
    """The runner on the part of the corpus with ``met`` in its name, against the package in ``source``."""
    words = [sys.executable, str(ROOT / "tests" / "attacks" / "attack_runner.py"), "--only", met]
    # What is written is never newer than what was compiled before by less than a second: nothing is compiled.
    env = os.environ | {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(words, env=env, text=True, capture_output=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
