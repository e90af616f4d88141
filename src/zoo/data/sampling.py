"""Which images make up each step, on each process: a pure function of (seed, epoch, step).

The batch size is that of one step over all processes together, as a paper states it; each process takes its share.
So the images of a step are the same on one GPU and on eight, and every image of a split is visited exactly once.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DistributedSampler

from zoo import keyed


class Draw(NamedTuple):
    """One process's share of one step: the epoch, and positions in the split (int64, shape (n,))."""

    epoch: int
    indices: Tensor


class Batches(DistributedSampler):
    """Yields one ``Draw`` a step; every process gets the same number of steps.

    Subclasses DistributedSampler so that Lightning leaves it in place: its own sampler pads the last batch and counts
    images twice. Here the last batch is short instead, and on some process even empty, so that all processes make the
    same number of forward passes (collective operations stay matched) while no image is repeated.

    ``n`` images, ``batch_size`` images a step over all processes; the order is a new one each epoch where ``shuffle``.
    ``go_on_at`` makes the next epoch begin in the middle of an epoch, at the very step that would come there.
    """

    def __init__(
        self, n: int, batch_size: int, *, shuffle: bool, seed: int = 0, rank: int = 0, num_replicas: int = 1
    ) -> None:
        # DistributedSampler's own constructor wants the dataset and pads; only its type and set_epoch are used.
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.rank, self.num_replicas, self.epoch = rank, num_replicas, 0
        self.first_step = 0

    def set_epoch(self, epoch: int) -> None:
        """Draws the order of ``epoch`` from now on."""
        if epoch != self.epoch:
            self.epoch, self.first_step = epoch, 0

    def go_on_at(self, epoch: int, step: int) -> None:
        """Skips the first ``step`` steps of ``epoch``; later epochs are whole."""
        self.epoch, self.first_step = epoch, step

    def __len__(self) -> int:
        return math.ceil(self.n / self.batch_size)

    def __iter__(self) -> Iterator[Draw]:
        order = self._order()
        first, self.first_step = self.first_step * self.batch_size, 0
        for start in range(first, self.n, self.batch_size):
            step = order[start : start + self.batch_size]
            share = len(step) / self.num_replicas
            yield Draw(self.epoch, step[round(self.rank * share) : round((self.rank + 1) * share)])

    def _order(self) -> Tensor:
        if not self.shuffle:
            return torch.arange(self.n)
        return keyed.permutation(keyed.key(self.seed, "order", self.epoch), self.n)
