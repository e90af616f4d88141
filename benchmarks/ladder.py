"""Prints the README's table of the ladder from the Records in ``results/``."""

from pathlib import Path
from statistics import mean, stdev

from zoo.results.record import Record

RESULTS = Path(__file__).parent / "results"
ORDER = (
    "mark1_digits",
    "symmetry",
    "neocognitron",
    "lenet5_digits",
    "linear_mnist",
    "mlp_mnist",
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
    "convnetjs_cifar10_modern",
    "cuda_convnet_18pct_cifar10",
    "alexnet_cifar10",
    "cuda_convnet_11pct_cifar10_modern",
    "vgg16_cifar10",
    "alexnet_imagenette",
)
NAMES = {
    "perceptron": "perceptron",
    "linear": "linear softmax",
    "mlp": "MLP",
    "symmetry": "6-2-1 of 1986",
    "neocognitron": "neocognitron",
    "lenet5": "LeNet-5",
    "nearest_neighbour": "nearest neighbour",
    "eigenfaces": "eigenfaces",
    "hog_svm": "HOG and linear SVM",
    "convnetjs": "ConvNetJS demo",
    "cuda_convnet": "cuda-convnet",
    "alexnet": "AlexNet",
    "vgg16": "VGG-16",
}
# Networks that stand here in other forms than their papers'.
SEVERAL = ("cuda_convnet", "alexnet", "vgg16")
DATA = {
    "digits": "digits",
    "cifar10": "CIFAR-10",
    "mnist": "MNIST",
    "symmetry": "64 patterns",
    "five-digits": "5 digits",
    "imagenet": "ImageNet, 10 classes",
}


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


def row(config: str) -> str:
    """One Markdown row: config, network, data, test error, training epochs and time."""
    runs = records(config)
    record = runs[0]
    cells = [
        f"`{config}`",
        NAMES[record.network] + (f" {record.variant}" if record.network in SEVERAL else ""),
        DATA[record.dataset["name"]],
        f"{record.metrics['top1_error']:.2f} %",
        spread([float(run.metrics["top1_error"] or 0) for run in runs]),
        f"{record.n:,}",
        f"{record.parameters:,}",
        f"{record.timing['train_epochs']} epochs, {record.timing['train_seconds']:.0f} s{where(record)}",
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
