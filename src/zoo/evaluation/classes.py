"""Which classes are mistaken, and for which: integer counts a class, and the confusion matrix."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.evaluation.processes import summed

#: A Record holds the confusion matrix of at most so many classes.
MOST_CLASSES = 100
# float32 rounds at 6e-8; this leaves room for the sums of a deep network.
NEAR = 1e-5


class ClassCounts:
    """Images, top-1 and top-5 mistakes a class, and how often each class was taken for each.

    The integers do not depend on the number of processes or the size of batches: each image adds 1 somewhere.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.images, self.top1_wrong, self.top5_wrong = (torch.zeros(num_classes, dtype=torch.int64) for _ in range(3))
        #: Row: label; column: the class that ranks first.
        self.confusion = torch.zeros(num_classes, num_classes, dtype=torch.int64)
        self.undecided, self.near_ties = torch.tensor(0), torch.tensor(0)

    def update(self, indices: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Adds a batch: logits or log-probabilities (N, classes), labels int64 (N,), on the CPU."""
        # Imported here, for it brings in torchmetrics, which those that only name classes need not wait for.
        from zoo.evaluation.metrics import label_ranks

        ranks = label_ranks(logits, labels)
        self.images += self._count(labels)
        self.top1_wrong += self._count(labels[ranks >= 1])
        self.top5_wrong += self._count(labels[ranks >= 5])
        self.near_ties += near_ties(logits)
        decided = ~logits.isnan().any(dim=1)
        self.undecided += (~decided).sum()
        pairs = (labels * self.num_classes + logits.argmax(dim=1))[decided]
        self.confusion += torch.bincount(pairs, minlength=self.num_classes**2).view_as(self.confusion)

    def result(self) -> dict[str, Any]:
        """The counts over all processes as lists; the matrix is None for many classes, and where outputs are NaN."""
        names = ("images", "top1_wrong", "top5_wrong")
        confusion = summed(self.confusion)
        whole = self.num_classes <= MOST_CLASSES and not int(summed(self.undecided))
        return {
            "per_class": {name: summed(getattr(self, name)).tolist() for name in names},
            "confusion": confusion.tolist() if whole else None,
            "near_ties": int(summed(self.near_ties)),
        }

    def _count(self, labels: Tensor) -> Tensor:
        return torch.bincount(labels, minlength=self.num_classes)


def names_of_outputs(names: Sequence[str], num_classes: int) -> list[str]:
    """A name for each of a network's outputs, which may be more than the data have classes: "class 12" for the rest."""
    return [*names, *(f"class {number}" for number in range(len(names), num_classes))]


def near_ties(logits: Tensor) -> Tensor:
    """How many images' two greatest logits differ by at most ``NEAR`` of the greatest magnitude among theirs.

    A matrix product may add up in another order for another size of batch, and so turn the rank of such logits.
    """
    if logits.shape[1] < 2:
        return torch.tensor(0)
    first, second = logits.double().topk(2, dim=1).values.unbind(1)
    return (first - second <= NEAR * logits.double().abs().amax(dim=1)).sum()
