"""Nearest neighbours among stored examples: exact distances in bounded memory, and their votes as logits."""

from collections.abc import Callable, Iterator
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from zoo.layers.pixels import block_sums, manhattan, squared_distances, whole_pixels

Metric = Literal["l1", "l2"]
# Images and examples that are compared at a time: what bounds the memory. No result depends on them.
QUERIES = 256
ROWS = 4096


class Neighbours(nn.Module):
    """The ``k`` nearest of ``num_stored`` examples vote: features (N, *shape) to logits (N, num_classes).

    Distances are Euclidean, computed in float64. A class with votes has their number as its logit; a class without has
    a number below 1, the larger the nearer its nearest example lies, so that the classes after the first have an order
    too. Of examples at the same distance those of smaller labels vote first, and of classes with equal votes the
    smaller label wins: nothing depends on the order in which examples are stored.
    """

    labels: Tensor

    def __init__(
        self, num_stored: int, shape: tuple[int, ...], num_classes: int, k: int, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        if not 1 <= k <= num_stored:
            raise ValueError(f"k must lie between 1 and the {num_stored:,} stored examples, not be {k}")
        self.num_classes, self.k = num_classes, k
        # A parameter that nothing trains: what the network knows is what it stores, and is counted as such.
        self.examples = nn.Parameter(torch.zeros(num_stored, *shape, dtype=dtype), requires_grad=False)
        self.register_buffer("labels", torch.zeros(num_stored, dtype=torch.int64))

    def extra_repr(self) -> str:
        """What tells one such layer from another."""
        return f"{tuple(self.examples.shape)}, num_classes={self.num_classes}, k={self.k}"

    def store(self, examples: Tensor, labels: Tensor) -> None:
        """Replaces what was stored, in the order of the labels."""
        order = labels.argsort(stable=True)
        self.examples.copy_(examples[order])
        self.labels.copy_(labels[order])

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, num_classes) in float32, a function of steps and so without a gradient."""
        # Half precision would not hold the distances.
        with torch.autocast("cuda" if x.is_cuda else "cpu", enabled=False):
            distances = self.distances()
            parts = [votes(distances(part), self.labels, self.k, self.num_classes) for part in x.split(QUERIES)]
            return torch.cat(parts)

    def distances(self) -> Callable[[Tensor], Tensor]:
        """The function from some features (n, *shape) to their distances to all examples, (n, num_stored)."""
        return self._squares

    def _rows(self) -> Iterator[Tensor]:
        return iter(self.examples.flatten(1).split(ROWS))

    def _squares(self, x: Tensor) -> Tensor:
        x = x.flatten(1).double()
        parts = []
        for rows in self._rows():
            stored = rows.double()
            norms = x.square().sum(dim=1, keepdim=True) + stored.square().sum(dim=1)
            parts.append(norms - 2 * x @ stored.T)
        return torch.cat(parts, dim=1)


class PixelNeighbours(Neighbours):
    """Nearest neighbours among images of whole pixels, 0 to 255: (N, C, H, W) to logits (N, num_classes).

    Distances, the sum of absolute differences ("l1") or of squared ones ("l2", whose root orders alike), are exact
    whole numbers. Raises InputError for pixels that are not.
    """

    def __init__(self, num_stored: int, shape: tuple[int, int, int], num_classes: int, k: int, metric: Metric) -> None:
        if metric not in get_args(Metric):
            raise ValueError(f"no metric {metric!r}; there is {', '.join(get_args(Metric))}")
        super().__init__(num_stored, shape, num_classes, k, torch.uint8)
        self.metric = metric

    def extra_repr(self) -> str:
        """What tells one such layer from another."""
        return f"{super().extra_repr()}, metric={self.metric}"

    def distances(self) -> Callable[[Tensor], Tensor]:
        """See Neighbours. With "l1", examples that cannot vote or lead their class may be put infinitely far."""
        if self.metric == "l2":
            return lambda x: torch.cat(
                [squared_distances(whole_pixels(x).flatten(1), rows) for rows in self._rows()], dim=1
            )
        sums = torch.cat([block_sums(rows) for rows in self.examples.split(ROWS)])
        per_class = self.labels.bincount(minlength=self.num_classes).tolist() if not self.labels.is_meta else []
        return lambda x: manhattan(whole_pixels(x), self.examples, sums, per_class, self.k)


def votes(distances: Tensor, labels: Tensor, k: int, num_classes: int) -> Tensor:
    """Logits (N, num_classes) from distances (N, M) to examples with ``labels`` (M,): see Neighbours for the ties."""
    kth = distances.topk(k, largest=False).values.amax(dim=1, keepdim=True)
    inside, at_edge = (_per_class(mask, labels, num_classes) for mask in (distances < kth, distances == kth))
    # Of those at the k-th distance as many as there is still room for, smaller labels first.
    room = k - inside.sum(dim=1, keepdim=True) - (at_edge.cumsum(dim=1) - at_edge)
    counts = inside + torch.minimum(at_edge, room.clamp(min=0))
    order = nearest_of_classes(distances, labels, num_classes).argsort(dim=1, stable=True).argsort(dim=1)
    return torch.where(counts > 0, counts.float(), 1 - (order + 1.0) / (num_classes + 1))


def nearest_of_classes(distances: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """The distance (N, num_classes) of each class's nearest example; beyond all others where it has none."""
    limits = torch.finfo if distances.is_floating_point() else torch.iinfo
    far = distances.new_full((len(distances), num_classes), limits(distances.dtype).max)
    return far.scatter_reduce(1, labels.expand(len(distances), -1), distances, "amin")


def _per_class(mask: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    zeros = labels.new_zeros(len(mask), num_classes)
    return zeros.scatter_add(1, labels.expand(len(mask), -1), mask.long())
