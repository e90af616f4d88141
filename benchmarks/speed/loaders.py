"""Times this package's loaders against torchvision's usual pipelines, side by side, and writes the table.

    OMP_NUM_THREADS=1 python benchmarks/speed/loaders.py --data DIR

DIR holds cifar-10-batches-bin/ and photos/<class>/*.JPEG. Each round runs every pipeline of a task, one after the
other, so that what else the machine does falls on all; the table has medians over the rounds, and of the
ratios within a round. All end with normalised float32 batches on the CPU; torchvision's workers stay from round to
round. Once these have started, the process keeps freed memory, as ``zoo fit`` has it. Of more than two cores the rest
is left idle.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import PIL
import torch
import torchvision
from torch import Tensor

from zoo.data import CIFAR10, ImageNet
from zoo.data.store.writer import prepare_store
from zoo.training.allocator import keep_freed_memory

sys.path.insert(0, str(Path(__file__).parent))
import decoding
import reference

TABLE = Path(__file__).parents[1] / "tables" / "loaders.md"
CORES = 2
# As many links to the photographs, so that the start of a round and its end, when one thread is still at work, are a
# small part of it, as they are of ImageNet's epochs: the fastest of the pipelines has read 512 images in 30 ms.
COPIES = 32

Pipeline = Callable[[], Iterator[Tensor]]


def epoch(data: Any) -> Pipeline:
    """All training batches of a data module, as a Trainer hands them to the network."""
    data.prepare_data()
    data.setup()
    loader = data.train_dataloader()

    def run() -> Iterator[Tensor]:
        for batch in loader:
            yield data.on_after_batch_transfer(batch, 0)[0]

    return run


def cifar10(root: Path, place: Path) -> dict[str, Pipeline]:
    """Pad 4, crop 32, flip, normalise; batches of 128."""
    options = {"batch_size": 128, "num_held_out": 0}
    return {
        "torchvision": reference.cifar10(root, place / "cifar10", workers=CORES),
        "zoo, in memory": epoch(CIFAR10(str(root), transform="crop_flip", **options)),
    }


def photos(place: Path) -> dict[str, Pipeline]:
    """A random resized crop of 224, flip, normalise; batches of 32."""
    usual = {"batch_size": 32, "num_held_out": 0}
    options = usual | {"num_workers": CORES}
    store = prepare_store(place, place / "prepared", 256, 1).folder
    return {
        "torchvision": reference.photos(place / "train", workers=CORES),
        # As configured by default: threads.
        "zoo, JPEG, plain": epoch(ImageNet(str(place), **usual)),
        "zoo, JPEG, fast": epoch(ImageNet(str(place), decoder="fast", **usual)),
        "zoo, JPEG, fast, two workers": epoch(ImageNet(str(place), decoder="fast", **options)),
        "zoo, store": epoch(ImageNet(str(store), **usual)),
        "zoo, store, fast": epoch(ImageNet(str(store), decoder="fast", **usual)),
        "zoo, store, AlexNet's 224 of 256": epoch(ImageNet(str(store), transform="alexnet", **usual)),
        "zoo, store, AlexNet's, two workers": epoch(ImageNet(str(store), transform="alexnet", **options)),
        "zoo, store, AlexNet's, no workers": epoch(
            ImageNet(str(store), transform="alexnet", **usual | {"num_workers": 0})
        ),
    }


def linked(photographs: Path, place: Path) -> Path:
    """ImageNet's layout at ``place``: every photograph ``COPIES`` times in train, once in val."""
    for split, copies in (("train", COPIES), ("val", 1)):
        for file in sorted(photographs.glob("*/*.JPEG")):
            for copy in range(copies):
                link = place / split / file.parent.name / f"{copy}_{file.name}"
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(file.absolute())
    return place


def rate(run: Pipeline) -> float:
    """Images a second of one epoch."""
    start = time.perf_counter()
    number = sum(len(images) for images in run())
    return number / (time.perf_counter() - start)


def rows(task: str, pipelines: dict[str, Pipeline], rounds: int, least: dict[str, float]) -> list[str]:
    """A row a pipeline, the first being what the others are compared with; one more round before is not counted."""
    for run in pipelines.values():
        check(next(iter(run())))
    times: dict[str, list[float]] = {name: [] for name in pipelines}
    for number in range(rounds + 1):
        for name, run in pipelines.items():
            times[name].append(rate(run))
            print(f"round {number}: {name} {times[name][-1]:,.0f} images/s", file=sys.stderr, flush=True)
    base, *_ = kept = {name: values[1:] for name, values in times.items()}
    table = []
    for name, values in kept.items():
        ratios = [mine / theirs for mine, theirs in zip(values, kept[base], strict=True)]
        ratio = "1" if name == base else f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        asked = f"{least[name]:g}" if name in least else ""
        table.append(f"| {task} | {name} | {statistics.median(values):,.0f} | {ratio} | {asked} |")
        print(table[-1], flush=True)
    return table


def check(images: Tensor) -> None:
    """What both sides must hand over."""
    assert images.dtype == torch.float32, images.dtype
    assert images.ndim == 4, images.shape
    assert images.std() > 0.5


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    torch.set_num_threads(1)
    table = []
    with tempfile.TemporaryDirectory() as folder:
        place = linked(arguments.data / "photos", Path(folder, "photos"))
        tasks = {
            "CIFAR-10: pad 4, crop, flip": (cifar10(arguments.data, Path(folder)), {"zoo, in memory": 20}),
            "224 random resized crop, flip": (
                photos(place),
                {
                    "zoo, JPEG, plain": 1.5, "zoo, JPEG, fast": 2.5,
                    "zoo, store": 4, "zoo, store, AlexNet's 224 of 256": 15,
                },
            ),
        }  # fmt: skip
        for pipelines, _ in tasks.values():
            check(next(iter(next(iter(pipelines.values()))())))
        keep_freed_memory(torch.device("cpu"))
        for task, (pipelines, least) in tasks.items():
            table += rows(task, pipelines, arguments.rounds, least)
    head = ["task", "pipeline", "images/s", "times torchvision (lowest to highest round)", "at least"]
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *table]
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}, Pillow {PIL.__version__}"
    note = f"{versions}, Python {platform.python_version()}, {platform.machine()}, {CORES} cores, {CORES} workers;"
    note += f" medians of {arguments.rounds} interleaved rounds. `python benchmarks/speed/loaders.py --data DIR`"
    pixels = ["| decoder | microseconds of a core | grey levels from Pillow's, mean / most |", "| --- | --- | --- |"]
    pixels += decoding.rows(sorted(arguments.data.glob("photos/*/*.JPEG")), arguments.rounds)
    print(*pixels, sep="\n", flush=True)
    text = ["# Loaders against torchvision's", "", *lines, "", note, "", "## One photograph", "", *pixels, ""]
    TABLE.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
