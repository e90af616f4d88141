"""Times how long a command or a script takes until it has something to show: what is typed most often, from the start.

    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/speed/start.py [--write]

Each command is a process of its own, five rounds in turns; the first round, which also writes bytecode, is not counted.
The clocks are the wall's, for a quiet machine, until there are words and until the process has ended, which frees what
torch made piece by piece; and the processor's of the whole, which other processes disturb little. ``import torch`` is
the floor of whatever needs tensors: the last column is the processor's time in units of that. ``--write`` writes
tables/start.md.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TABLE = Path(__file__).parents[1] / "tables" / "start.md"
ZOO = [sys.executable, "-c", "from zoo.cli import main; main()"]
FLOOR = "import torch"


def script(code: str) -> list[str]:
    """The words of a process that says when it has done what ``code`` says."""
    return [sys.executable, "-c", f"{code}; print('done', flush=True)"]


# What is typed, the words of its process, and the wall's seconds that were asked for.
STARTS: dict[str, tuple[list[str], str]] = {
    "zoo --help": ([*ZOO, "--help"], ""),
    "zoo info lenet5": ([*ZOO, "info", "lenet5"], "0.8"),
    "zoo fit --help": ([*ZOO, "fit", "--help"], "2.0"),
    "zoo table cifar10": ([*ZOO, "table", "cifar10"], ""),
    'zoo.get_model("vgg16")': (script("import zoo; zoo.get_model('vgg16')"), "2.5"),
    'zoo.get_model("vgg16", weights=...)': (
        script("import zoo; zoo.get_model('vgg16', weights='vgg16-bn/cifar10')"), "2.5"),
    "torchvision.models.vgg16()": (script("import torchvision; torchvision.models.vgg16()"), ""),
    FLOOR: (script(FLOOR), ""),
}  # fmt: skip


def seconds(words: list[str]) -> tuple[float, float, float]:
    """The wall's until the first word and until the end of one process in an empty folder, and the processor's."""
    with tempfile.TemporaryDirectory() as folder:
        before, began = os.times(), time.perf_counter()
        with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.read(1)
            shown = time.perf_counter() - began
            child.communicate()
        ended, after = time.perf_counter() - began, os.times()
    if child.returncode:
        raise SystemExit(f"{words} ended with status {child.returncode}.")
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return shown, ended, used


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Measures, prints and, if asked to, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in STARTS}
    for number in range(options.rounds + 1):
        for name, (words, _) in STARTS.items():
            measured = seconds(words)
            if number:
                taken[name].append(measured)
    head = ["what", "first words, s (range)", "asked, s", "end, s (range)", "CPU seconds (range)", f"times {FLOOR}"]
    lines = [f"| {' | '.join(head)} |", "| --- " + "| ---: " * (len(head) - 1) + "|"]
    for name, (_, asked) in STARTS.items():
        shown, ended, used = ([one[clock] for one in taken[name]] for clock in range(3))
        ratio = statistics.median(mine / floor[-1] for mine, floor in zip(used, taken[FLOOR], strict=True))
        lines.append(f"| `{name}` | {spread(shown)} | {asked} | {spread(ended)} | {spread(used)} | {ratio:.2f} |")
    print("\n".join(lines))
    if options.write:
        note = (
            f"Python {platform.python_version()}, {platform.machine()}, files in the system's cache, bytecode written;"
        )
        note += f" medians of {options.rounds} rounds in turns. `python benchmarks/speed/start.py --write`"
        TABLE.write_text("\n".join(["# From a command to its first words", "", *lines, "", note, ""]), "utf-8")


if __name__ == "__main__":
    main()
