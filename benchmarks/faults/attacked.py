"""Puts faults that were closed back into a copy of the package, one at a time, and attacks that copy.

    python benchmarks/faults/attacked.py                     all of them, some ten minutes on one core
    python benchmarks/faults/attacked.py "full disk" pipe    those whose names have any of these words

The corpus of ``tests/attacks`` was made from commands that had once been wrongly accepted, had hung, or had ended in a
traceback. For each of the faults below the part of the corpus that met it runs against the faulty copy, and its runner
must say so; against the sound package the same parts run clean, which comes first.

Exit status: 0 where every fault was seen; 1 where one was not, or where the sound package fails.
"""

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from faults import CLOSED
from planted import HEAVY, ROOT, copy_of, put_into


def main(words: Sequence[str] | None = None) -> int:
    """Attacks the sound package, then each faulty one. Returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("words", nargs="*", metavar="WORDS", help="faults with these in their names; all unless given")
    wanted = parser.parse_args(words).words
    chosen = [fault for fault in CLOSED if not wanted or any(word in fault.what for word in wanted)]
    if not chosen:
        parser.error(f"no fault has {' or '.join(wanted)} in its name")
    seen = 0
    # Before torch counts the cores.
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in (*HEAVY, "matplotlib.pyplot", "scipy.io"):
        import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_of(ROOT, copy)
        unsound = [met for met in dict.fromkeys(fault.tests for fault in chosen) if attack(copy, *met)[0]]
        for met in unsound:
            print(f"{met[0]}: not as it should be without any fault, too")
        for fault in chosen:
            began = time.monotonic()
            with put_into(copy / "src" / "zoo", fault) as is_in:
                if not is_in:
                    print(f"{fault.what}: the text is gone")
                    continue
                status, said = attack(copy, *fault.tests)
            found = status == 1 and fault.tests not in unsound and " faults; " in said
            seen += found
            last = said.strip().rpartition("\n")[2][-200:]
            outcome = "seen" if found else "NOT SEEN"
            print(f"{fault.what}: {outcome}, {time.monotonic() - began:.0f} s; {last}", flush=True)
    print(f"{seen} of {len(chosen)} faults seen.")
    return 0 if seen == len(chosen) else 1


def attack(copy: Path, met: str) -> tuple[int, str]:
    """The status of the copy's runner, and what it says, of the attacks with ``met`` in their names.

    It runs in a fork of this process, which has imported all that is heavy, and nothing of any zoo.
    """
    log = copy / "attacks.log"
    sys.stdout.flush()
    child = os.fork()
    if not child:
        _run_attacks(copy, met, log)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, log.read_text(encoding="utf-8", errors="replace")


def _run_attacks(copy: Path, met: str, log: Path) -> None:
    """In the fork: becomes the runner and ends the process."""
    status = 2
    try:
        opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, 1)
        os.dup2(opened, 2)
        package, runner = copy / "src", copy / "tests" / "attacks" / "attack_runner.py"
        # Nothing is compiled: two texts of one length, written within a second, would look the same.
        sys.dont_write_bytecode = True
        os.environ |= {"PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"}
        sys.path[:0] = [str(runner.parent), str(package)]
        sys.argv = [str(runner), "--only", met]
        status = import_module(runner.stem).main()
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
