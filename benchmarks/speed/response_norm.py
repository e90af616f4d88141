"""Times the response normalisation of AlexNet's two layers against torch's, side by side, and writes the table.

    OMP_NUM_THREADS=1 python benchmarks/speed/response_norm.py

Each round times both, one after the other, so that what else the machine does falls on both; the table has medians over
the rounds and the median of their ratios. It also asserts that both compute the same, to 1e-6 of the largest value.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.layers import ResponseNorm

TABLE = Path(__file__).parents[1] / "tables" / "response_norm.md"
# Maps and side of norm1 and norm2 in the paper's form.
SIZES = {"norm1": (96, 55), "norm2": (256, 27)}


def torchs(x: Tensor) -> Tensor:
    """torch divides alpha by the window first: 5e-4 there is 1e-4 on the sum."""
    return F.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0)


def milliseconds(norm: Callable[[Tensor], Tensor], x: Tensor, slope: Tensor) -> tuple[float, float]:
    """Forward and backward of one call."""
    x.grad = None
    begin = time.perf_counter()
    y = norm(x)
    middle = time.perf_counter()
    y.backward(slope)
    return 1e3 * (middle - begin), 1e3 * (time.perf_counter() - middle)


def check_equal(ours: Callable[[Tensor], Tensor], x: Tensor, slope: Tensor) -> None:
    """Values and slopes to 1e-6 of the largest."""
    pairs = [(y, torch.autograd.grad(y, x, slope)[0]) for y in (ours(x), torchs(x))]
    for found, expected in zip(*pairs, strict=True):
        assert (found - expected).abs().max() <= 1e-6 * expected.abs().max()


def rows(batch: int, rounds: int) -> list[str]:
    """A forward and a backward row for each layer."""
    table = []
    for name, (maps, side) in SIZES.items():
        ours = ResponseNorm(5, alpha=1e-4, beta=0.75, k=2)
        x = (50 * torch.randn(batch, maps, side, side)).relu_().requires_grad_()
        slope = torch.randn_like(x)
        check_equal(ours, x, slope)
        pairs = [(milliseconds(ours, x, slope), milliseconds(torchs, x, slope)) for _ in range(rounds + 1)][1:]
        for part, way in enumerate(("forward", "backward")):
            zoos, theirs = ([pair[who][part] for pair in pairs] for who in (0, 1))
            ratio = statistics.median(b / a for a, b in zip(zoos, theirs, strict=True))
            times = f"{statistics.median(zoos):.1f} | {statistics.median(theirs):.1f}"
            table.append(f"| {name} {batch}x{maps}x{side}x{side} | {way} | {times} | {ratio:.1f} |")
    return table


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    head = ["layer", "pass", "zoo, ms", "torch, ms", "torch / zoo"]
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *rows(arguments.batch, arguments.rounds)]
    note = f"torch {torch.__version__}, {platform.machine()} CPU, {torch.get_num_threads()} thread(s), float32;"
    note += f" medians of {arguments.rounds} rounds. `python benchmarks/speed/response_norm.py`"
    text = "\n".join(["# Response normalisation against torch.nn.functional.local_response_norm", "", *lines, "", note])
    print(text)
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(f"{text}\n")


if __name__ == "__main__":
    main()
