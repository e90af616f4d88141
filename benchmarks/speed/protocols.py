"""Times all test protocols of one network in one measurement on photographs against the sum of their forward passes.

    OMP_NUM_THREADS=1 python benchmarks/speed/protocols.py --photos DIR [--network vgg16 --num_photos 4]

DIR holds JPEG files, in folders or not. Each round measures, one after the other: every protocol by itself on photos
that are decoded and scaled already, of which only the time inside the network counts; then one measurement with all
protocols from the files on, with decoding, scaling, cropping, normalising and averaging. The ratio of the second to the
sum of the first is at most 1.1 where decoding is shared; it is below 1 where protocols share views, which go through
the network once. The last column is against the forward passes that are left then. Weights are random; on a CPU the
clock is the process's own time, so that other processes do not count.
"""

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

import zoo
from zoo.data.imagenet import ImageNet
from zoo.data.protocol_images import Batch, ProtocolImages
from zoo.evaluation.protocols import Protocol, protocol
from zoo.evaluation.protocols.scores import scores
from zoo.models import fully_convolutional

TABLE = Path(__file__).parents[1] / "tables" / "protocols.md"
# From protocols that share nothing to those that are made of one another.
SETS = (
    ("centre",),
    ("ten-crop",),
    ("dense-256-384-512",),
    ("centre", "ten-crop", "dense-256"),
    ("centre", "ten-crop", "dense-256", "dense-384", "dense-256-384-512"),
    ("centre", "ten-crop", "dense-256", "dense-256-384", "multi-crop-256-384", "multi-crop+dense-256-384"),
)


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

    def __init__(self, name: str, transform: str, root: Path, device: str, batch_size: int) -> None:
        torch.manual_seed(0)
        self.network = zoo.get_model(name).eval().to(device)
        self.dense, self.device, self.batch_size = fully_convolutional(self.network), device, batch_size
        self.data = ImageNet(str(root), transform=transform, num_held_out=0, num_workers=0)

    def clock(self) -> float:
        """Seconds: of this process on a CPU, of the wall on a GPU that has done its work."""
        if self.device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

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

    def one_measurement(self, protocols: Sequence[Protocol]) -> tuple[float, float]:
        """Seconds of a measurement from the files on, and those of them that were inside the network."""
        looks, begin, inside = self.looks(protocols), self.clock(), 0.0
        for packed in looks.test_dataloader():
            inside += self.score(looks, looks.on_after_batch_transfer(self._moved(packed), 0), protocols)
        return self.clock() - begin, inside

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


def row(bench: Bench, names: Sequence[str], rounds: int) -> str:
    """Medians over rounds; the first one warms up."""
    protocols = [protocol(name) for name in names]
    ready = {one.name: (looks := bench.looks([one]), bench.batches(looks)) for one in protocols}
    measured = []
    for _ in range(rounds + 1):
        alone = sum(bench.score(ready[one.name][0], batch, [one]) for one in protocols for batch in ready[one.name][1])
        measured.append((alone, *bench.one_measurement(protocols)))
    apart, together, inside = (statistics.median(column) for column in zip(*measured[1:], strict=True))
    ratio, rest = (statistics.median(numbers[1] / numbers[other] for numbers in measured[1:]) for other in (0, 2))
    return f"| {', '.join(names)} | {apart:.2f} | {together:.2f} | {inside:.2f} | {ratio:.3f} | {rest:.3f} |"


def as_imagenet(photos: Path, number: int, root: Path) -> Path:
    """The first photos of a folder in ImageNet's layout, as links."""
    files = sorted(file for file in photos.rglob("*") if file.suffix.lower() in (".jpeg", ".jpg"))[:number]
    for place, file in enumerate(files):
        for split in ("train", "val"):
            folder = root / split / f"n{place % 2:08d}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{place}.JPEG").symlink_to(file.resolve())
    return root


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--network", default="alexnet", choices=("alexnet", "vgg16"))
    parser.add_argument("--num_photos", type=int, default=16)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=TABLE)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        root = as_imagenet(options.photos, options.num_photos, Path(folder))
        transform = {"alexnet": "alexnet", "vgg16": "vgg"}[options.network]
        bench = Bench(options.network, transform, root, options.device, options.batch_size)
        rows = [row(bench, names, options.rounds) for names in SETS]
    head = [
        "protocols", "forward passes of each, sum, s", "one measurement, s", "of it in the network, s",
        "one measurement / sum", "one measurement / in the network",
    ]  # fmt: skip
    device = torch.cuda.get_device_name() if options.device != "cpu" else f"{platform.machine()} CPU"
    note = (
        f"{options.network}, {options.num_photos} photographs in batches of {options.batch_size}; torch"
        f" {torch.__version__}, {device}, {torch.get_num_threads()} thread(s), float32; medians of {options.rounds}"
        " rounds. `python benchmarks/speed/protocols.py`"
    )
    lines = [f"| {' | '.join(head)} |", "| --- " + "| ---: " * (len(head) - 1) + "|", *rows]
    text = "\n".join(["# Test protocols in one measurement against their forward passes", "", *lines, "", note])
    print(text)
    options.output.write_text(f"{text}\n")


if __name__ == "__main__":
    main()
