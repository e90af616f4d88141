"""Prints the table of the ladder in ``docs/train.md`` from the Records in ``results/``."""

from pathlib import Path
from statistics import mean, stdev

from zoo.catalog import data_named
from zoo.report.row import label_of
from zoo.results.record import Record

RESULTS = Path(__file__).parent / "results"
ORDER = (
    "mark1_digits",
    "symmetry",
    "neocognitron",
    "lenet5_digits",
    "linear_mnist",
    "mlp_mnist",
    "lenet5_1998",
    "lenet5",
    "lenet5_distorted",
    "nearest_neighbour_cifar10",
    "eigenfaces_cifar10",
    "hog_svm_cifar10",
    "perceptron_cifar10",
    "linear_cifar10",
    "mlp_cifar10",
    "lenet5_cifar10",
    "cuda_convnet_26pct_cifar10",
    "convnetjs_cifar10",
    "convnetjs_cifar10_modern",
    "cuda_convnet_18pct_cifar10",
    "cuda_convnet_13pct_cifar10",
    "alexnet_cifar10",
    "alexnet_cifar10_continued",
    "alexnet_cifar10_continued_again",
    "alexnet_cifar10_mixed",
    "cuda_convnet_11pct_cifar10",
    "cuda_convnet_11pct_cifar10_modern",
    "vgg16_cifar10",
    "alexnet_imagenette",
)


def records(config: str) -> list[Record]:
    """The Records of a config, by seed."""
    found = [Record.read(path) for path in RESULTS.glob(f"{config}-seed*.json")]
    return sorted(found, key=lambda record: record.seed or 0)


def spread(errors: list[float]) -> str:
    """Mean and standard deviation over seeds, where there are several."""
    return f"{mean(errors):.2f} ± {stdev(errors):.2f} %, {len(errors)} seeds" if len(errors) > 1 else ""


def where(record: Record) -> str:
    """The GPU that a network was trained on; nothing for a CPU."""
    device = record.environment["device"]
    return "" if device == "cpu" else f", {device}"


def images(record: Record) -> str:
    """The data set, and how many of its classes where the test images are not all of the official ones."""
    name, num_images, num_classes = (record.dataset[key] for key in ("name", "num_images", "num_classes"))
    data = data_named(name)
    if data is None:
        return name
    official = data.num_images.get(data.test_split, num_images)
    return data.title if num_images == official else f"{data.title}, {num_classes} classes"


def training(record: Record) -> str:
    """Epochs, seconds, and the GPU where it was one."""
    epochs, seconds = record.timing["train_epochs"], record.timing["train_seconds"]
    return f"{epochs} epoch{'s' if epochs != 1 else ''}, {seconds:.0f} s{where(record)}"


def row(config: str) -> str:
    """One Markdown row: config, network, data, test error, training epochs and time."""
    runs = records(config)
    record = runs[0]
    cells = [
        f"`{config}`",
        label_of(record.network, record.variant),
        images(record),
        f"{record.metrics['top1_error']:.2f} %",
        spread([float(run.metrics["top1_error"] or 0) for run in runs]),
        f"{record.n:,}",
        f"{record.parameters:,}",
        training(record),
    ]
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """The whole table."""
    head = [
        "config",
        "network",
        "data",
        "test top-1 error",
        "over seeds",
        "n",
        "parameters",
        "training, on a CPU unless named",
    ]
    return "\n".join([f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *map(row, ORDER)])


if __name__ == "__main__":
    print(table())
