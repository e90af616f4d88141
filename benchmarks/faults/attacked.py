"""Puts faults that were closed back into a copy of the package, one at a time, and attacks that copy.

    python benchmarks/faults/attacked.py             all of them, some minutes on one core

The corpus of ``tests/attacks`` was made from commands that had once been wrongly accepted, had hung, or had ended in a
traceback. For each of the faults below the part of the corpus that met it runs against the faulty copy, and its runner
must say so; against the sound package the same parts run clean, which comes first.

Exit status: 0 where every fault was seen; 1 where one was not, or where the sound package fails.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from faults import CLOSED
from planted import ROOT, copy_of, planted


def main() -> int:
    """Attacks the sound package, then each faulty one. Returns the exit status."""
    seen = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_of(ROOT, copy)
        unsound = [met for met in dict.fromkeys(fault.tests for fault in CLOSED) if attack(copy, *met).returncode]
        for met in unsound:
            print(f"{met[0]}: not as it should be without any fault, too")
        for fault in CLOSED:
            began, file = time.monotonic(), copy / "src" / "zoo" / fault.file
            sound = file.read_text(encoding="utf-8")
            if (text := planted(sound, fault)) is None:
                print(f"{fault.what}: the text is gone")
                continue
            file.write_text(text, encoding="utf-8")
            done = attack(copy, *fault.tests)
            file.write_text(sound, encoding="utf-8")
            found = done.returncode == 1 and fault.tests not in unsound and " faults; " in done.stdout
            seen += found
            last = done.stdout.strip().splitlines()[-1:] or [done.stderr[-200:]]
            outcome = "seen" if found else "NOT SEEN"
            print(f"{fault.what}: {outcome}, {time.monotonic() - began:.0f} s; {last[0]}", flush=True)
    print(f"{seen} of {len(CLOSED)} faults seen.")
    return 0 if seen == len(CLOSED) else 1


def attack(copy: Path, met: str) -> subprocess.CompletedProcess[str]:
    """The copy's runner on the attacks with ``met`` in their names, against the copy's package."""
    words = [sys.executable, str(copy / "tests" / "attacks" / "attack_runner.py"), "--only", met]
    # Nothing is compiled: two texts of one length, written within a second, would look the same.
    env = os.environ | {"PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(words, env=env, text=True, capture_output=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
