"""Times all test protocols of a network in one measurement on photographs against the sum of their forward passes.

    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/speed/protocols.py --photos DIR --write
    OMP_NUM_THREADS=1 python benchmarks/speed/protocols.py --photos DIR --clock wall --write  # on a quiet machine

DIR holds JPEG files, in folders or not. Each round measures, one after the other: every protocol by itself on photos
that are decoded and scaled already, of which only the time inside the network counts; then one measurement with all
protocols from the files on, with decoding, scaling, cropping, normalising and averaging. The ratio of the second to the
sum of the first is below 1 where protocols share views, which go through the network once. Medians over rounds, with
the least and the greatest ratio; the first round is not counted. Weights are random.

The clock is the processor's time of this process, which other processes disturb little: it has the decoding of every
photograph in it, which is what one core has to do whatever the network costs, so that the last column leaves it out.
With ``--clock wall`` photographs are decoded beside the network, as ``zoo benchmark`` does by default, and what counts
is how long the network waits for them. Photographs are as many as make a round of seconds; by the wall's clock more, so
that what goes before the first batch is a small part of it. ``--sets`` takes some of the sets of protocols alone, by
their numbers in ``SETS``. ``--write`` puts what was measured into the table, whose other rows stay.
"""

import argparse
import itertools
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from kept_rows import kept_rows
from torch import Tensor

import zoo
from zoo.data.imagenet import ImageNet
from zoo.data.protocol_images import Batch, ProtocolImages
from zoo.evaluation.protocols import Protocol, protocol
from zoo.evaluation.protocols.scores import scores
from zoo.models import fully_convolutional
from zoo.training.allocator import keep_freed_memory

TABLES = Path(__file__).parents[1] / "tables"
# From protocols that share nothing to those that are made of one another.
SETS = (
    ("centre",),
    ("ten-crop",),
    ("dense-256-384-512",),
    ("centre", "ten-crop", "dense-256"),
    ("centre", "ten-crop", "dense-256", "dense-384", "dense-256-384-512"),
    ("centre", "ten-crop", "dense-256", "multi-crop-256", "multi-crop+dense-256"),
)
# Of each network its preprocessing, and how many photographs each of the sets is measured on, by either clock.
NETWORKS = {
    "alexnet": ("alexnet", {"cpu": (128, 16, 4, 8, 4, 4), "wall": (1024, 64, 16, 32, 16, 16)}),
    "vgg16": ("vgg", {"cpu": (16, 2, 1, 1, 1, 1), "wall": (96, 4, 1, 2, 1, 1)}),
}


class Timed:
    """A network that adds up the time inside it."""

    def __init__(self, network: Callable[[Tensor], Tensor], clock: Callable[[], float]) -> None:
        self.network, self.clock, self.seconds = network, clock, 0.0

    def __call__(self, images: Tensor) -> Tensor:
        begin = self.clock()
        result = self.network(images)
        self.seconds += self.clock() - begin
        return result


class Bench:
    """One network on one folder."""

    def __init__(self, name: str, root: Path, device: str, batch_size: int, wall: bool) -> None:
        torch.manual_seed(0)
        self.wall = wall or device != "cpu"
        self.network = zoo.get_model(name).eval().to(device)
        self.dense, self.device, self.batch_size = fully_convolutional(self.network), device, batch_size
        workers = None if wall else 0
        self.data = ImageNet(str(root), transform=NETWORKS[name][0], num_held_out=0, num_workers=workers)

    def clock(self) -> float:
        """Seconds: of this process, or of the wall, on a GPU that has done its work."""
        if self.device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() if self.wall else time.process_time()

    def looks(self, protocols: Sequence[Protocol]) -> ProtocolImages:
        """What the protocols want of the folder."""
        made = ProtocolImages(
            self.data, {scale for one in protocols for scale in one.scales or (None,)}, self.batch_size
        )
        made.setup("test")
        return made

    def batches(self, looks: ProtocolImages) -> list[Batch]:
        """Everything decoded and scaled, on the device."""
        return [looks.on_after_batch_transfer(self._moved(packed), 0) for packed in looks.test_dataloader()]

    def one_measurement(self, protocols: Sequence[Protocol]) -> tuple[float, float, float]:
        """Seconds of a measurement from the files on, and of them: in the network, and for photographs."""
        looks, begin, inside, reading = self.looks(protocols), self.clock(), 0.0, 0.0
        batches, asked = iter(looks.test_dataloader()), begin
        while (packed := next(batches, None)) is not None:
            reading += self.clock() - asked
            inside += self.score(looks, looks.on_after_batch_transfer(self._moved(packed), 0), protocols)
            asked = self.clock()
        return self.clock() - begin, inside, reading

    def score(self, looks: ProtocolImages, batch: Batch, protocols: Sequence[Protocol]) -> float:
        """Seconds inside the network."""
        views, maps = Timed(self.network, self.clock), Timed(self.dense, self.clock)
        scores(
            views, maps, protocols, batch.groups, size=(224, 224), own=256, limit=self.batch_size,
            normalize=looks.normalized,
        )  # fmt: skip
        return views.seconds + maps.seconds

    def _moved(self, packed: tuple) -> tuple:
        return type(packed)(*(part.to(self.device) if isinstance(part, Tensor) else part for part in packed))


def row(bench: Bench, network: str, names: Sequence[str], number: int, rounds: int) -> str:
    """Medians over rounds; the first one warms up."""
    protocols = [protocol(name) for name in names]
    ready = {one.name: (looks := bench.looks([one]), bench.batches(looks)) for one in protocols}
    measured = []
    for _ in range(rounds + 1):
        alone = sum(bench.score(ready[one.name][0], batch, [one]) for one in protocols for batch in ready[one.name][1])
        measured.append((alone, *bench.one_measurement(protocols)))
    alone, together, inside, reading = (list(column) for column in zip(*measured[1:], strict=True))
    seconds = " | ".join(f"{statistics.median(column):.2f}" for column in (alone, together, inside, reading))
    ratios = [whole / passes for whole, passes in zip(together, alone, strict=True)]
    rest = [(whole - waited) / within for whole, within, waited in zip(together, inside, reading, strict=True)]
    shown = f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
    return f"| {network} | {', '.join(names)} | {number} | {seconds} | {shown} | {statistics.median(rest):.3f} |"


def as_imagenet(photos: Path, number: int, root: Path) -> Path:
    """So many photos of a folder in ImageNet's layout, as links, again from the first where it has fewer."""
    files = sorted(file for file in photos.rglob("*") if file.suffix.lower() in (".jpeg", ".jpg"))
    if not files:
        raise SystemExit(f"{photos} holds no JPEG files.")
    for place, file in zip(range(number), itertools.cycle(files), strict=False):
        for split in ("train", "val"):
            folder = root / split / f"n{place % 2:08d}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{place}.JPEG").symlink_to(file.resolve())
    return root


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--networks", nargs="+", default=[*NETWORKS], choices=[*NETWORKS])
    parser.add_argument(
        "--sets", type=int, nargs="+", default=[*range(1, len(SETS) + 1)], choices=range(1, len(SETS) + 1)
    )
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clock", choices=["cpu", "wall"], default="cpu")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    wall = options.clock == "wall"
    keep_freed_memory(torch.device(options.device))  # as zoo benchmark does
    head = [
        "network", "protocols", "photographs", "forward passes of each, sum, s", "one measurement, s",
        "of it in the network, s", f"of it {'waiting for' if wall else 'decoding and scaling'} photographs, s",
        "one measurement / sum (range)", "without photographs / in the network",
    ]  # fmt: skip
    top = [f"| {' | '.join(head)} |", "| --- | --- " + "| ---: " * (len(head) - 2) + "|"]
    print("\n".join(top))
    table = TABLES / f"protocols{'_wall' if wall else ''}.md"
    rows = kept_rows(table, 2) if options.write else {}
    for name in options.networks:
        for place in options.sets:
            names, number = SETS[place - 1], NETWORKS[name][1][options.clock][place - 1]
            with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
                root = as_imagenet(options.photos, number, Path(folder))
                bench = Bench(name, root, options.device, options.batch_size, wall)
                rows[name, ", ".join(names)] = made = row(bench, name, names, number, options.rounds)
            print(made, flush=True)
    if options.write:
        typed = " --clock wall" if wall else ""
        shown = [n for n, names in enumerate(SETS, 1) if any((one, ", ".join(names)) in rows for one in NETWORKS)]
        typed += f" --sets {' '.join(map(str, shown))}" if len(shown) < len(SETS) else ""
        device = torch.cuda.get_device_name() if options.device != "cpu" else f"{platform.machine()} CPU"
        note = (
            f"Batches of {options.batch_size}; torch {torch.__version__}, {device}, threads: {torch.get_num_threads()},"
            f" {options.clock} clock, float32; medians of {options.rounds} rounds."
            f" `python benchmarks/speed/protocols.py --photos DIR{typed} --write`"
        )
        order = [(name, ", ".join(names)) for name in NETWORKS for names in SETS]
        lines = [*top, *(rows[what] for what in order if what in rows)]
        heading = "# Test protocols in one measurement against their forward passes"
        if wall:
            heading += ", by the wall's clock"
        table.write_text("\n".join([heading, "", *lines, "", note, ""]), "utf-8")


if __name__ == "__main__":
    main()
