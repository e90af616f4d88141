"""Measures how time and memory grow with the number of images, Records, classes and processes, and draws it.

    OMP_NUM_THREADS=1 python benchmarks/speed/growth.py --photos DIR [--only start table] [--largest 100000] [--write]

DIR holds JPEG files, in folders or not; 1,000 to 1,000,000 images are hard links to 64 of them, at most 1,000 a class.
Each point is a process of its own, ``--rounds`` of them, of which the medians count: its CPU time and that of its
children within the measured call, the wall's time, and the most memory that it held. An exponent is the slope of a
straight line through the logarithms, by least squares, over the larger half of the points, where what is paid once no
longer shows: 1 is linear growth, 0 none. ``--write`` puts what was measured into tables/growth.json, whose other
growths stay, and makes tables/growth.md and tables/growth.png of it.
"""

import argparse
import contextlib
import io
import itertools
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "tables" / "growth.md"
POINTS = TABLE.with_suffix(".json")
RECORDS = Path(__file__).parents[1] / "results"
PHOTOS, IN_CLASS = 64, 1_000
IMAGES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
# Each image of these is decoded: a million takes up to an hour a round, of which there is one.
DECODED = (1_000, 10_000, 100_000, 1_000_000)
ONE_ROUND_FROM = 100_000
# Seconds until a new folder may be kept in an index (zoo.data.photos.folder_index).
SETTLED = 4
STEPS = 10


def start(place: Path, number: int) -> Callable[[], object]:
    """What ``zoo fit`` does with a folder of photographs before its first step."""
    from zoo.data import ImageNet

    def work() -> object:
        data = ImageNet(str(place), num_held_out=100, num_workers=0)
        data.prepare_data()
        data.setup("fit")
        return data.train_dataloader()

    return work


def again(place: Path, number: int) -> Callable[[], object]:
    """The same once more, by the index that the first time left."""
    time.sleep(SETTLED)
    work = start(place, number)
    work()
    return work


def fingerprint(place: Path, number: int) -> Callable[[], object]:
    """The digest of all names and sizes for the Record, which asks the disk for the size of every file."""
    from zoo.data import ImageNet

    data = ImageNet(str(place), num_held_out=100, num_workers=0)
    data.setup("fit")
    return lambda: data.fingerprint


def train(place: Path, number: int) -> Callable[[], object]:
    """The first ten steps of an epoch, which draws its order: batches of 32, a linear classifier of mean colours."""
    import torch

    from zoo.data import ImageNet

    data = ImageNet(str(place), num_held_out=100, num_workers=0, batch_size=32)
    data.setup("fit")
    loader, layer = data.train_dataloader(), torch.nn.Linear(3, data.num_classes)
    rule = torch.optim.SGD(layer.parameters(), 0.01, 0.9)

    def work() -> object:
        for batch in itertools.islice(loader, STEPS):
            images, labels = data.on_after_batch_transfer(batch, 0)
            rule.zero_grad()
            torch.nn.functional.cross_entropy(layer(images.mean((2, 3))), labels).backward()
            rule.step()
        return None

    return work


def verify(place: Path, number: int) -> Callable[[], object]:
    """``zoo data verify``, in one process."""
    return command("data", "verify", "imagenet", "--root", place, "--workers", 1, "--manifest", place / "m.jsonl")


def prepare(place: Path, number: int) -> Callable[[], object]:
    """``zoo data prepare``, in one process, of small copies: a million with a short side of 256 pixels are 190 GB."""
    words = ("--size", 64, "--workers", 1, "--output", place / "store")
    return command("data", "prepare", "imagenet", "--root", place, *words)


def evaluate(place: Path, number: int) -> Callable[[], object]:
    """The central view of every image but ten through a linear classifier of mean colours."""
    import torch

    from zoo.data import ImageNet
    from zoo.evaluation.metrics import ErrorCounts

    def work() -> object:
        data = ImageNet(str(place), num_held_out=number - 10, num_workers=0)
        data.setup("validate")
        layer, counts = torch.nn.Linear(3, data.num_classes), ErrorCounts()
        with torch.inference_mode():
            for batch in data.val_dataloader():
                images, labels = data.on_after_batch_transfer(batch, 0)
                counts.update(layer(images.mean((2, 3))), labels, torch.zeros(len(labels)))
        return counts.compute()

    return work


def table(place: Path, number: int) -> Callable[[], object]:
    """``zoo table cifar10`` of so many Records, which differ in their seeds."""
    records = place / "records"
    records.mkdir()
    kept = [json.loads(file.read_text("utf-8")) for file in sorted(RECORDS.glob("*cifar10-seed0.json"))]
    for n in range(number):
        record = kept[n % len(kept)] | {"seed": n // len(kept)}
        (records / f"{n}.json").write_text(json.dumps(record), "utf-8")
    return command("table", "cifar10", "--records", records, "--format", "md", "--output", place / "table.md")


def classes(place: Path, number: int) -> Callable[[], object]:
    """Ten steps of AlexNet on 63 pixels, batches of 32, with so many classes."""
    return steps(number, 32)


def processes(place: Path, number: int) -> Callable[[], object]:
    """Ten steps of the same by so many processes together, with the means of their gradients."""

    def work() -> object:
        environment = os.environ | {"MASTER_ADDR": "127.0.0.1", "WORLD_SIZE": str(number)}
        words = [sys.executable, __file__, "--rank", str(place / "meeting")]
        children = [subprocess.Popen(words, env=environment | {"RANK": str(n)}) for n in range(number)]
        # Of all of them, also after one that failed.
        statuses = [child.wait() for child in children]
        if any(statuses):
            raise SystemExit("A process failed.")
        return None

    return work


def steps(num_classes: int, batch: int, distributed: bool = False) -> Callable[[], object]:
    """Forward, loss, backward and update, ten times."""
    import torch

    from zoo.models import get_model

    network: Any = get_model("alexnet", variant="torchvision", num_classes=num_classes, input_size=63).train()
    if distributed:
        network = torch.nn.parallel.DistributedDataParallel(network)
    rule = torch.optim.SGD(network.parameters(), 0.01, 0.9)
    images, labels = torch.randn(batch, 3, 63, 63), torch.arange(batch) % num_classes

    def work() -> object:
        for _ in range(STEPS):
            rule.zero_grad()
            torch.nn.functional.cross_entropy(network(images), labels).backward()
            rule.step()
        return None

    return work


def command(*words: object) -> Callable[[], object]:
    """A zoo command, without what it prints."""
    from zoo.cli import main

    def work() -> object:
        with contextlib.redirect_stdout(io.StringIO()):
            return main([str(word) for word in words])

    return work


# What grows: what with, at which sizes, whether it needs a folder of so many photographs.
GROWTHS: dict[str, tuple[Callable[[Path, int], Callable[[], object]], str, tuple[int, ...], bool]] = {
    "start": (start, "images", IMAGES, True),
    "start again": (again, "images", IMAGES, True),
    "fingerprint": (fingerprint, "images", IMAGES, True),
    "train step": (train, "images", IMAGES, True),
    "verify": (verify, "images", DECODED, True),
    "prepare": (prepare, "images", DECODED, True),
    "evaluate": (evaluate, "images", DECODED, True),
    "table": (table, "Records", (10, 30, 100, 300, 1_000, 3_000, 10_000), False),
    "classes": (classes, "classes", (10, 30, 100, 300, 1_000, 3_000, 10_000), False),
    "processes": (processes, "processes", (1, 2, 4), False),
}


def fill(photos: Path, place: Path, number: int) -> None:
    """ImageNet's layout with ``number`` training images, hard links, and one a class to test on."""
    found = sorted(file for file in photos.rglob("*") if file.suffix.lower() in (".jpeg", ".jpg"))[:PHOTOS]
    # A link needs a file on the same disk, which here is a copy, and a file has only so many links.
    sources: list[Path] = []
    for n in range(number):
        if n % 50_000 == 0:
            sources = [place / f"source-{n}-{m}" for m in range(len(found))]
            for source, file in zip(sources, found, strict=True):
                source.write_bytes(file.read_bytes())
        wnid = f"n{n // IN_CLASS if number > 2 * IN_CLASS else n % 2:08d}"
        if n % IN_CLASS < 2:
            for split in ("train", "val"):
                (place / split / wnid).mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                (place / "val" / wnid / "0.JPEG").hardlink_to(sources[n % len(sources)])
        (place / "train" / wnid / f"{n}.JPEG").hardlink_to(sources[n % len(sources)])


def point(name: str, place: Path, number: int) -> None:
    """Prints one measurement: seconds of CPU, seconds of the wall, megabytes."""
    work = GROWTHS[name][0](place, number)
    begun, wall = cpu(), time.perf_counter()
    work()
    seconds = cpu() - begun, time.perf_counter() - wall
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps([*seconds, memory * (1 if sys.platform == "darwin" else 1024) / 1e6]))


def cpu() -> float:
    """Seconds of CPU of this process and of those that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def rank(meeting: str) -> None:
    """One of several processes that train together."""
    import torch

    whole, own = int(os.environ["WORLD_SIZE"]), int(os.environ["RANK"])
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", world_size=whole, rank=own)
    steps(10, 32, distributed=True)()
    torch.distributed.destroy_process_group()


def straight(sizes: list[int], values: list[float]) -> tuple[list[int], float, list[float]]:
    """The larger half of the sizes, the slope on log axes there, and what that line has in the values' place."""
    larger = sizes[len(sizes) // 2 if len(sizes) > 3 else 0 :]
    x, y = [math.log(n) for n in larger], [math.log(max(v, 1e-9)) for v in values[-len(larger) :]]
    if len(x) < 2:
        return [], math.nan, []
    slope, height = statistics.linear_regression(x, y)
    return larger, slope, [math.exp(height + slope * one) for one in x]


def exponent(sizes: list[int], values: list[float]) -> float:
    """The slope on log axes, over the larger half of the points."""
    return straight(sizes, values)[1]


def measure(name: str, photos: Path, largest: int, rounds: int, work_in: Path | None) -> dict[str, Any]:
    """The medians at each size."""
    _, what, sizes, needs_photos = GROWTHS[name]
    chosen = [size for size in sizes if size <= largest]
    found: list[list[float]] = []
    turns = [1 if sizes is DECODED and size >= ONE_ROUND_FROM else rounds for size in chosen]
    for size, times in zip(chosen, turns, strict=True):
        taken = []
        for _ in range(times):
            with tempfile.TemporaryDirectory(dir=work_in) as folder:
                if needs_photos:
                    fill(photos, Path(folder), size)
                words = [sys.executable, __file__, "--point", name, folder, str(size)]
                # Indices and manifests go with the folder.
                environment = os.environ | {"XDG_CACHE_HOME": str(Path(folder, "cache"))}
                done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
                taken.append(json.loads(done.stdout.splitlines()[-1]))
        found.append([round(statistics.median(column), 3) for column in zip(*taken, strict=True)])
        print(f"{name}: {size:,} {what}: {found[-1][0]:.2f} s CPU, {found[-1][2]:,.0f} MB", file=sys.stderr, flush=True)
    seconds, wall, memory = (list(column) for column in zip(*found, strict=True))
    return {"of": what, "sizes": chosen, "rounds": turns, "seconds": seconds, "wall": wall, "memory": memory}


def draw(grown: dict[str, dict[str, Any]], file: Path) -> None:
    """Time and memory on log axes, a column each, with the straight lines and their exponents in the titles."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3 * len(grown)), layout="constrained")
    axes = figure.subplots(len(grown), 2, squeeze=False)
    for row, (name, one) in zip(axes, grown.items(), strict=True):
        for axis, key, unit in zip(row, ("seconds", "memory"), ("seconds of CPU", "megabytes"), strict=True):
            larger, slope, line = straight(one["sizes"], one[key])
            axis.loglog(one["sizes"], one[key], "o")
            axis.loglog(larger, line, "-")
            # At least a decade, so that what stays the same looks it.
            # Under the clock's hundredth of a second there is 0, which has no logarithm.
            least = min(value for value in one[key] if value)
            axis.set_ylim(least / 2, max(2 * max(one[key]), 5 * least))
            axis.set(xlabel=one["of"], ylabel=unit, title=f"{name}: exponent {slope:.2f}")
            axis.grid(visible=True, which="both", alpha=0.3)
    figure.savefig(file, dpi=100)


def rows(grown: dict[str, dict[str, Any]]) -> list[str]:
    """The table, line by line."""
    lines = ["| what | of | smallest | largest | rounds | seconds of CPU | MB | exponent of time | of memory |"]
    lines += ["| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for name, one in grown.items():
        sizes, seconds, memory = one["sizes"], one["seconds"], one["memory"]
        turns = " to ".join(str(n) for n in dict.fromkeys((one["rounds"][0], one["rounds"][-1])))
        ends = f"{sizes[0]:,} | {sizes[-1]:,} | {turns} | {seconds[0]:,.2f} to {seconds[-1]:,.2f} | {memory[0]:,.0f} to"
        slopes = f"{exponent(sizes, seconds):.2f} | {exponent(sizes, memory):.2f}"
        lines.append(f"| {name} | {one['of']} | {ends} {memory[-1]:,.0f} | {slopes} |")
    return lines


def write(measured: dict[str, dict[str, Any]]) -> None:
    """Puts these growths in the place of those kept before, and writes the table and its picture."""
    kept = json.loads(POINTS.read_text("utf-8")) if POINTS.exists() else {}
    grown = {name: (kept | measured)[name] for name in GROWTHS if name in kept | measured}
    lines = [f"{json.dumps(name)}: {json.dumps(one)}" for name, one in grown.items()]
    POINTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    note = f"Python {platform.python_version()}, {platform.machine()}; medians of so many rounds, each a process of its"
    note += " own, at the smallest and the largest number. Exponents are slopes on log axes over the larger half of the"
    note += " points, the lines of the picture. Rows are of several runs on two processors, some beside other work; all"
    note += " points are in `growth.json`. `OMP_NUM_THREADS=1 python benchmarks/speed/growth.py --photos DIR --write`"
    picture = "![Time and memory on logarithmic axes](growth.png)"
    TABLE.write_text("\n".join(["# How cost grows", "", *rows(grown), "", note, "", picture, ""]), "utf-8")
    draw(grown, TABLE.with_suffix(".png"))


def main() -> None:
    """Measures, prints and, if asked to, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, metavar="DIR")
    parser.add_argument("--only", nargs="+", default=[*GROWTHS], choices=[*GROWTHS])
    parser.add_argument("--largest", type=int, default=max(IMAGES), metavar="N", help="leave larger sizes out")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work_in", type=Path, metavar="DIR", help="a disk with room for a million names")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--point", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--rank", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.point:
        name, place, number = options.point
        return point(name, Path(place), int(number))
    if options.rank:
        return rank(options.rank)
    if options.photos is None and any(GROWTHS[name][3] for name in options.only):
        parser.error("--photos DIR is needed")
    grown = {
        name: measure(name, options.photos, options.largest, options.rounds, options.work_in) for name in options.only
    }
    print("\n".join(rows(grown)))
    if options.write:
        write(grown)
    return None


if __name__ == "__main__":
    main()
