"""Trains the shipped weights: each recipe and seed that has no Record yet, one after another, resumable at any moment.

    python benchmarks/train_zoo.py                                 everything that is missing
    python benchmarks/train_zoo.py mlp/cifar10 --seeds 0,1         some of it
    python benchmarks/train_zoo.py --minutes 9                     as far as that goes; call again to go on
    python benchmarks/train_zoo.py --list                          what is there and what is missing

A run lies in RUNS/<config>-seed<N>. Once it is measured, its Record is copied to ``results/``, and seed 0's weights are
shipped whatever they score. Data are read from ``--data`` (default: data).
"""

import argparse
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from zoo.runs import RECORD

ROOT = Path(__file__).parent
RESULTS = ROOT / "results"
# What a run that SIGTERM stopped leaves with: after it has saved, or before it had begun to train.
STOPPED = (128 + signal.SIGTERM, -signal.SIGTERM)


@dataclass(frozen=True)
class Recipe:
    """A config, the seeds that it is run with, and whether it takes a GPU to come to an end on one day."""

    config: str
    seeds: tuple[int, ...] = (0, 1, 2)
    gpu: bool = False


# In the order of the time that they take.
RECIPES = {
    "lenet5/digits": Recipe("lenet5_digits"),
    "linear/mnist": Recipe("linear_mnist"),
    "mlp/mnist": Recipe("mlp_mnist"),
    "linear/cifar10": Recipe("linear_cifar10"),
    "perceptron/cifar10": Recipe("perceptron_cifar10"),
    "mlp/cifar10": Recipe("mlp_cifar10"),
    "lenet5/mnist": Recipe("lenet5"),
    "lenet5/mnist-distorted": Recipe("lenet5_distorted"),
    "lenet5/mnist-1998": Recipe("lenet5_1998", (0,)),
    "lenet5/cifar10": Recipe("lenet5_cifar10"),
    "cuda_convnet-26pct/cifar10": Recipe("cuda_convnet_26pct_cifar10"),
    "convnetjs/cifar10": Recipe("convnetjs_cifar10_modern"),
    "convnetjs/cifar10-adadelta": Recipe("convnetjs_cifar10", (0,)),
    "cuda_convnet-18pct/cifar10": Recipe("cuda_convnet_18pct_cifar10", (0,)),
    "cuda_convnet-13pct/cifar10": Recipe("cuda_convnet_13pct_cifar10", (0,)),
    "cuda_convnet-11pct/cifar10-modern": Recipe("cuda_convnet_11pct_cifar10_modern", (0,)),
    "cuda_convnet-11pct/cifar10": Recipe("cuda_convnet_11pct_cifar10", (0,)),
    # What is shipped went on from seed 0 three times: --config alexnet_cifar10_continued, _continued_again, _mixed.
    "alexnet-cifar/cifar10": Recipe("alexnet_cifar10", (0, 1), gpu=True),
    "vgg16-bn/cifar10": Recipe("vgg16_cifar10", (0,), gpu=True),
}


def main() -> int:
    """0 where nothing is missing any more, 1 where time ran out or a run failed, 2 for bad input."""
    options = _options()
    missing = [
        (name, seed)
        for name in options.names or RECIPES
        for seed in (RECIPES[name].seeds if options.seeds is None else options.seeds)
        if not record_of(RECIPES[name], seed).exists()
    ]
    if options.list:
        return _show(missing)
    if not options.names and not _on_gpu():
        left_out = {name for name, _ in missing if RECIPES[name].gpu}
        missing = [(name, seed) for name, seed in missing if name not in left_out]
        for name in sorted(left_out):
            print(f"{name} is left to a GPU; name it to train it here all the same", flush=True)
    deadline = time.monotonic() + 60 * options.minutes if options.minutes else None
    for name, seed in missing:
        status = train(name, seed, options, deadline)
        if status:
            print(f"{name} seed {seed}: " + ("stopped, call again to go on" if status in STOPPED else "failed"))
            return 1
        keep(name, seed, options.runs)
    return 0


def record_of(recipe: Recipe, seed: int) -> Path:
    """Where the Record of a finished run lies."""
    return RESULTS / f"{recipe.config}-seed{seed}.json"


def train(name: str, seed: int, options: argparse.Namespace, deadline: float | None) -> int:
    """Starts the run or goes on with it; returns the exit status of ``zoo fit``, after SIGTERM at the deadline."""
    run = run_dir(options.runs, name, seed)
    if (run / RECORD).exists():
        return 0
    command = [sys.executable, "-m", "zoo", "fit", "--config", RECIPES[name].config, "--resume", str(run)]
    command += ["--seed_everything", str(seed), *options.options]
    if not name.endswith("/digits"):
        command += ["--data.root", options.data]
    print(f"{name} seed {seed}: {' '.join(command[1:])}", flush=True)
    process = subprocess.Popen(command)
    try:
        return process.wait(None if deadline is None else max(1.0, deadline - time.monotonic()))
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.terminate()
        return process.wait()


def keep(name: str, seed: int, runs: Path) -> None:
    """Copies the Record to ``results/`` and, for seed 0, ships the weights."""
    run = run_dir(runs, name, seed)
    if seed == 0:
        from zoo.weights.export.ship import ship

        ship(run, name)
    # Last, because a run with a Record is not looked at again.
    shutil.copyfile(run / RECORD, record_of(RECIPES[name], seed))


def run_dir(runs: Path, name: str, seed: int) -> Path:
    """The folder of one run."""
    return runs / f"{RECIPES[name].config}-seed{seed}"


def _show(missing: list[tuple[str, int]]) -> int:
    for name, recipe in RECIPES.items():
        seeds = [seed for missed, seed in missing if missed == name]
        state = f"seeds {', '.join(map(str, seeds))} missing" if seeds else "done"
        print(f"{name:34} {recipe.config:34} {state}{', wants a GPU' if recipe.gpu and seeds else ''}")
    return 1 if missing else 0


def _on_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="weights to train; default: all that need no GPU")
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], help="such as 0,1,2")
    parser.add_argument("--minutes", type=float, help="stop, saved, after so long")
    parser.add_argument("--data", default="data", help="where the data sets lie")
    parser.add_argument("--runs", type=Path, default=Path("runs/zoo"), help="where the runs lie")
    parser.add_argument("--list", action="store_true", help="show what is missing, train nothing")
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[], help="what follows goes to zoo fit")
    options = parser.parse_args()
    for name in options.names:
        if name not in RECIPES:
            parser.error(f"there is no recipe for {name!r}: there is {', '.join(RECIPES)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
