"""Prints the README's table of the ladder from the Records in ``results/``."""

from pathlib import Path

from zoo.results.record import Record

RESULTS = Path(__file__).parent / "results"
ORDER = ("lenet5_digits", "perceptron_cifar10", "linear_cifar10", "mlp_cifar10", "lenet5_cifar10", "lenet5")
NAMES = {"perceptron": "perceptron", "linear": "linear softmax", "mlp": "MLP", "lenet5": "LeNet-5"}
DATA = {"digits": "digits", "cifar10": "CIFAR-10", "mnist": "MNIST"}


def row(config: str) -> str:
    """One Markdown row: config, network, data, test error, training epochs and time."""
    record = Record.read(RESULTS / f"{config}-seed0.json")
    cells = [
        f"`{config}`",
        NAMES[record.network],
        DATA[record.dataset["name"]],
        f"{record.metrics['top1_error']:.2f} %",
        f"{record.n:,}",
        f"{record.parameters:,}",
        f"{record.timing['train_epochs']} epochs, {record.timing['train_seconds']:.0f} s",
    ]
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """The whole table, for machines with two CPU cores."""
    head = ["config", "network", "data", "test top-1 error", "n", "parameters", "training on 2 CPU cores"]
    return "\n".join([f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *map(row, ORDER)])


if __name__ == "__main__":
    print(table())
