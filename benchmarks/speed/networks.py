"""Times training steps of AlexNet and VGG-16 on a CPU beside torchvision's networks, each in a plain loop.

    python benchmarks/speed/networks.py [--networks alexnet --batch 16 --rounds 5] [--write]

Rows are ours in torchvision's form and torchvision's, in float32, channels-last and bfloat16 (autocast over
channels-last), for the ways to use two cores: one process of one thread, one of two threads, two processes of one
thread that average their gradients as ``zoo fit --trainer.devices 2`` does. Ours has zoo's layers and forward checks,
and both have the same loss, SGD with momentum and made images. Within a round ours and torchvision's take turns step
by step in the same process, so that what else the machine does falls on both. ``--clock cpu`` takes the processes' CPU
time instead of the wall's, for a machine that is not quiet; it says nothing about several threads or processes.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from kept_rows import kept_rows

TABLE = Path(__file__).parents[1] / "tables" / "networks.md"
# Processes, and threads of each.
WAYS = {"1 x 1": (1, 1), "1 x 2": (1, 2), "2 x 1": (2, 1)}
FORMS = ("float32", "channels_last", "bfloat16")
SIDES = ("zoo", "torchvision")
OURS = {"alexnet": ("alexnet", "torchvision"), "vgg16": ("vgg16", "paper")}
NUM_CLASSES = 1000
HEAD = (
    "| network | form | processes x threads | images a step | rounds | zoo, images/s | torchvision, images/s"
    " | zoo / torchvision |",
    "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
)


def stepper(side: str, name: str, form: str, batch: int, distributed: bool) -> Callable[[], None]:
    """One training step on made images."""
    import torch
    import torchvision

    import zoo

    torch.manual_seed(0)
    network: Any
    if side == "zoo":
        network = zoo.get_model(OURS[name][0], variant=OURS[name][1])
    else:
        network = getattr(torchvision.models, name)()
    network.train()
    images, labels = torch.randn(batch, 3, 224, 224), torch.randint(0, NUM_CLASSES, (batch,))
    if form != "float32":
        network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    rule = torch.optim.SGD(network.parameters(), 0.01, 0.9)
    trained = torch.nn.parallel.DistributedDataParallel(network) if distributed else network

    def step() -> None:
        rule.zero_grad()
        with torch.autocast("cpu", torch.bfloat16) if form == "bfloat16" else nullcontext():
            loss = torch.nn.functional.cross_entropy(trained(images), labels)
        loss.backward()
        rule.step()

    return step


def rank(name: str, form: str, batch: int, threads: int, rounds: int, clock: str, meeting: str) -> None:
    """One process: prints, of its rounds, the seconds of a step of each side."""
    import torch

    torch.set_num_threads(threads)
    whole, own = int(os.environ["WORLD_SIZE"]), int(os.environ["RANK"])
    if whole > 1:
        torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", world_size=whole, rank=own)
    now = time.process_time if clock == "cpu" else time.perf_counter
    sides = {side: stepper(side, name, form, batch, whole > 1) for side in SIDES}
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in range(rounds + 1):
        for side in SIDES if number % 2 else SIDES[::-1]:
            begun = now()
            sides[side]()
            seconds[side].append(now() - begun)
    if whole > 1:
        torch.distributed.destroy_process_group()
    if own == 0:
        print(json.dumps({side: values[1:] for side, values in seconds.items()}))


def measure(name: str, form: str, way: tuple[int, int], options: argparse.Namespace) -> dict[str, list[float]]:
    """Images a second of all processes, a round each."""
    processes, threads = way
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, __file__, "--rank", name, form, str(options.batch // processes), str(threads)]
        words += [str(options.rounds), options.clock, str(Path(folder, "meeting"))]
        # What a thread beyond its own would do is torch's business, and OpenMP's.
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "WORLD_SIZE": str(processes)}
        children = [
            subprocess.Popen(words, env=environment | {"RANK": str(n)}, stdout=subprocess.PIPE, text=True)
            for n in range(processes)
        ]
        printed = [child.communicate()[0] for child in children]
    if any(child.returncode for child in children):
        raise SystemExit(f"A process of {name}, {form}, {way} failed.")
    found = json.loads(printed[0].splitlines()[-1])
    return {side: [options.batch / seconds for seconds in values] for side, values in found.items()}


def row(what: tuple[str, ...], rates: dict[str, list[float]], options: argparse.Namespace) -> str:
    """The line of a network, form and way: images of a step, rounds, both rates, their ratio with its range."""
    ratios = [ours / theirs for ours, theirs in zip(*(rates[side] for side in SIDES), strict=True)]
    medians = [f"{statistics.median(rates[side]):.3g}" for side in SIDES]
    ratio = f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
    return f"| {' | '.join([*what, str(options.batch), str(options.rounds), *medians, ratio])} |"


def main() -> None:
    """Measures, prints and, if asked to, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=[*OURS], choices=[*OURS])
    parser.add_argument("--forms", nargs="+", default=[*FORMS], choices=FORMS)
    parser.add_argument("--ways", nargs="+", default=[*WAYS], choices=WAYS, help="processes x threads of each")
    parser.add_argument("--batch", type=int, default=16, help="images of a step, of all processes together")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--rank", nargs=7, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rank:
        name, form, batch, threads, rounds, clock, meeting = options.rank
        return rank(name, form, int(batch), int(threads), int(rounds), clock, meeting)
    if options.write and options.clock != "wall":
        parser.error("--write is for the wall's clock")
    ways = options.ways if options.clock == "wall" else [*WAYS][:1]
    print("\n".join(HEAD))
    table = kept_rows(TABLE, 3) if options.write else {}
    for name in options.networks:
        for form in options.forms:
            for way in ways:
                what = name, form, way
                table[what] = row(what, measure(name, form, WAYS[way], options), options)
                print(table[what], flush=True)
    if options.write:
        order = [(name, form, way) for name in OURS for form in FORMS for way in WAYS]
        lines = [*HEAD, *(table[what] for what in order if what in table)]
        note = f"{platform.machine()}, wall clock, images of 224x224; medians of so many rounds in turns."
        note += " `python benchmarks/speed/networks.py --write`"
        heading = "# Training steps of large networks beside torchvision's"
        TABLE.write_text("\n".join([heading, "", *lines, "", note, ""]), "utf-8")
    return None


if __name__ == "__main__":
    main()
