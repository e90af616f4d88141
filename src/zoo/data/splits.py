"""Which training images are held out for model selection: a fixed, stratified, hashed rule.

The rule depends on nothing but the images' labels and names, so the slice is the same on every machine, in every run
and for every seed, and the official test set stays out of every choice (DESIGN rule 3).
"""

import torch
from torch import Tensor


def held_out(labels: Tensor, hashes: Tensor, num: int) -> tuple[Tensor, Tensor]:
    """Positions of the images to train on, and of the ``num`` images held out, each in rising order.

    ``labels`` and ``hashes`` are int64 of shape (N,). Each class gives its share of ``num`` by largest remainder:
    those of its images whose hashes are smallest. Raises ValueError where ``num`` is not between 0 and N.
    """
    n = len(labels)
    if not 0 <= num <= n:
        raise ValueError(f"cannot hold out {num} of {n} images")
    counts = torch.bincount(labels)
    order = torch.argsort(hashes, stable=True)
    order = order[torch.argsort(labels[order], stable=True)]
    classes = labels[order]
    rank = torch.arange(n) - (counts.cumsum(0) - counts)[classes]
    chosen = torch.zeros(n, dtype=torch.bool)
    chosen[order[rank < torch.tensor(_quotas(counts, num), dtype=torch.int64)[classes]]] = True
    return torch.nonzero(~chosen).flatten(), torch.nonzero(chosen).flatten()


def _quotas(counts: Tensor, num: int) -> list[int]:
    """Shares of ``num`` in proportion to ``counts``, rounded so that they add up (largest remainder first)."""
    total = int(counts.sum())
    floors = [int(c) * num // total for c in counts]
    remainders = [int(c) * num % total for c in counts]
    order = sorted(range(len(floors)), key=lambda i: (-remainders[i], i))
    for i in order[: num - sum(floors)]:
        floors[i] += 1
    return floors
