"""Top-1 and top-5 error as exact integer counts."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

# Behind every class of any network.
_LAST = torch.iinfo(torch.int64).max
# So many logits are ranked together, a quarter of a megabyte: of few classes, ranking those of one step takes ten calls
# of next to no work each.
_TOGETHER = 1 << 16


class ErrorCounts(Metric):
    """Counts images and mistakes; ``compute`` adds the counts of all processes.

    An image is wrong in top-k where k classes rank before its label. Equal logits rank by class number, as argmax
    has it; a label whose logits contain NaN is wrong.

    With ``together`` the mistakes of small batches are counted several batches at a time, for a training that asks for
    them at its checkpoints and at the end of an epoch: ``num_images`` and ``loss_sum`` are those of all batches at any
    time, ``top1_wrong`` and ``top5_wrong`` after ``rank``, which ``compute`` calls. Whatever else reads the states or
    replaces them, as torchmetrics' ``forward`` and collections do, needs a metric without.
    """

    full_state_update = False
    num_images: Tensor
    top1_wrong: Tensor
    top5_wrong: Tensor
    loss_sum: Tensor

    def __init__(self, together: bool = False) -> None:
        super().__init__()
        for name in ("num_images", "top1_wrong", "top5_wrong"):
            self.add_state(name, torch.tensor(0, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("loss_sum", torch.tensor(0.0, dtype=torch.float32), dist_reduce_fx="sum")
        self._most = _TOGETHER if together else 0
        self._waiting: list[tuple[Tensor, Tensor]] = []
        self._num_waiting = 0

    def update(self, logits: Tensor, labels: Tensor, losses: Tensor) -> None:
        """Adds a batch: logits (N, classes), labels int64 (N,), one loss an image (N,).

        Raises ValueError where there are more or fewer labels than rows of logits.
        """
        if len(logits) != len(labels):
            raise ValueError(f"there are {len(labels)} labels for the logits of {len(logits)} images")
        if self._waiting and not _alike(logits, self._waiting[0][0]):
            self.rank()
        if 0 < logits.numel() <= self._most - self._num_waiting:
            # Copies, as the network and the loader may write their next batch into the same memory.
            self._waiting.append((logits.detach().clone(), labels.clone()))
            self._num_waiting += logits.numel()
        else:
            self.rank()
            self._count(logits, labels)
        # In place: an assignment to a metric costs as much as the addition.
        self.num_images.add_(len(labels))
        total = losses.detach().to(_widest(losses)).sum()
        if self.loss_sum.dtype == total.dtype:
            self.loss_sum.add_(total)
        else:
            self.loss_sum = self.loss_sum + total

    def rank(self) -> None:
        """Counts the mistakes of the batches that still wait for it."""
        if self._waiting:
            logits, labels = zip(*self._waiting, strict=True)
            self._count(torch.cat(logits), torch.cat(labels))
            self._forget()

    def _count(self, logits: Tensor, labels: Tensor) -> None:
        # What waited may have been left behind on the device of a training that was broken off.
        ranks = label_ranks(logits, labels).to(self.top1_wrong.device)
        self.top1_wrong.add_((ranks >= 1).sum())
        self.top5_wrong.add_((ranks >= 5).sum())

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gathers the counts of all processes, of which none may wait. For the arguments see torchmetrics."""
        self.rank()
        super().sync(*args, **kwargs)

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
