"""Top-1 and top-5 error as exact integer counts."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

# Behind every class of any network.
_LAST = torch.iinfo(torch.int64).max
# So many logits are looked at together, a quarter of a megabyte: of few classes, counting those of one step takes
# fifteen calls of next to no work each.
_TOGETHER = 1 << 16

Batch = tuple[Tensor, Tensor, Tensor]


class ErrorCounts(Metric):
    """Counts images and mistakes; ``compute`` adds the counts of all processes.

    An image is wrong in top-k where k classes rank before its label. Equal logits rank by class number, as argmax
    has it; a label whose logits contain NaN is wrong.

    A training that asks for its counts now and then adds its batches by ``later``: small ones then wait for each other.
    The states are those of all batches after ``settle``, with which ``update``, ``forward``, ``compute`` and
    ``merge_state`` begin. A collection of torchmetrics, which lends states from one to another, knows ``update`` alone.
    """

    full_state_update = False
    num_images: Tensor
    top1_wrong: Tensor
    top5_wrong: Tensor
    loss_sum: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("num_images", "top1_wrong", "top5_wrong"):
            self.add_state(name, torch.tensor(0, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("loss_sum", torch.tensor(0.0, dtype=torch.float32), dist_reduce_fx="sum")
        self._waiting: list[Batch] = []
        self._num_waiting = 0

    def update(self, logits: Tensor, labels: Tensor, losses: Tensor) -> None:
        """Adds a batch: logits (N, classes), labels int64 (N,), one loss an image (N,).

        Raises ValueError where there are more or fewer labels than rows of logits.
        """
        _check(logits, labels)
        self.settle()
        self._count([(logits, labels, losses)])

    def later(self, logits: Tensor, labels: Tensor, losses: Tensor) -> None:
        """Adds a batch as ``update`` does, now or with those that follow. Raises what ``update`` raises."""
        _check(logits, labels)
        num = logits.numel()
        if self._waiting and (self._num_waiting + num > _TOGETHER or not _alike(logits, self._waiting[0][0])):
            self.settle()
        if not 0 < num <= _TOGETHER:
            self.update(logits, labels, losses)
            return
        if not self._waiting:
            # As torchmetrics notes an update.
            self._update_count += 1
            self._computed = None
        # Copies, as the network and the loader may write their next batch into the same memory.
        self._waiting.append((logits.detach().clone(), labels.clone(), losses.detach().clone()))
        self._num_waiting += num

    def settle(self) -> None:
        """Counts the batches that still wait for it."""
        if self._waiting:
            self._count(self._waiting)
            self._forget()

    def _count(self, batches: list[Batch]) -> None:
        logits, labels, losses = zip(*batches, strict=True)
        # What waited may have been left behind on the device of a training that was broken off.
        device = self.num_images.device
        ranks = label_ranks(_joined(logits), _joined(labels)).to(device)
        wrong1, wrong5, loss_sum = (ranks >= 1).sum(), (ranks >= 5).sum(), self.loss_sum
        for of_batch in losses:
            # In one layout, as the order of additions depends on it.
            loss_sum = loss_sum + of_batch.detach().to(_widest(of_batch)).contiguous().sum().to(device)
        # All at the end, so that an interrupted training keeps what it had.
        self.num_images.add_(len(ranks))
        self.top1_wrong.add_(wrong1)
        self.top5_wrong.add_(wrong5)
        self.loss_sum = loss_sum

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gathers the counts of all processes, of which none may wait. For the arguments see torchmetrics."""
        self.settle()
        super().sync(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Updates, and computes what the batch alone gives. For the arguments see ``update``."""
        self.settle()
        return super().forward(*args, **kwargs)

    def merge_state(self, incoming_state: Any) -> None:
        """Adds the counts of another one. For the argument see torchmetrics."""
        for counts in (self, incoming_state):
            if isinstance(counts, ErrorCounts):
                counts.settle()
        super().merge_state(incoming_state)

    def reset(self) -> None:
        """Starts at no image."""
        self._forget()
        super().reset()

    def _forget(self) -> None:
        self._waiting.clear()
        self._num_waiting = 0

    def compute(self) -> dict[str, float | int]:
        """``n``, ``top1_wrong``, ``top5_wrong``, the errors in percent and the mean loss, over all processes."""
        n, wrong1, wrong5 = int(self.num_images), int(self.top1_wrong), int(self.top5_wrong)
        return {
            "n": n,
            "top1_wrong": wrong1,
            "top5_wrong": wrong5,
            "top1_error": 100 * wrong1 / n,
            "top5_error": 100 * wrong5 / n,
            "loss": float(self.loss_sum) / n,
        }


def _check(logits: Tensor, labels: Tensor) -> None:
    # A tensor's len() is a function in Python.
    images, num = logits.shape[0], labels.shape[0]
    if images != num:
        raise ValueError(f"there are {num} labels for the logits of {images} images")


def _joined(parts: tuple[Tensor, ...]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _alike(logits: Tensor, others: Tensor) -> bool:
    """Whether they can be ranked together."""
    return (logits.shape[1], logits.dtype, logits.device) == (others.shape[1], others.dtype, others.device)


def _widest(losses: Tensor) -> torch.dtype:
    """float64, in which the order of additions shows in the last digits only; Apple's GPUs have float32 alone."""
    return torch.float32 if losses.device.type == "mps" else torch.float64


def label_ranks(logits: Tensor, labels: Tensor) -> Tensor:
    """How many classes rank before each image's label: int64 (N,), 0 where the label is the argmax, huge where NaN."""
    own = logits.gather(1, labels[:, None])
    classes = torch.arange(logits.shape[1], device=logits.device)
    before = (logits > own) | ((logits == own) & (classes < labels[:, None]))
    # Comparisons with NaN are all false and would rank the label first; the number of classes may be less than 5.
    return torch.where(logits.isnan().any(dim=1), _LAST, before.sum(dim=1))
