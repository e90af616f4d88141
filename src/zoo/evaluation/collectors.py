"""What is kept of an evaluation beside its errors: who was scored, the classes, the calibration, the predictions."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from torch import Tensor

from zoo.evaluation.calibration import Calibration
from zoo.evaluation.classes import ClassCounts
from zoo.evaluation.exact import Seen, indices_of


class Collector(Protocol):
    """Takes each batch: indices in the official order (n,), logits or log-probabilities (n, classes), labels (n,)."""

    def update(self, indices: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Adds a batch."""


class Measures:
    """Everything that a Record holds of one evaluation beside its errors; also feeds ``others``.

    Works on the CPU in float64, so that the same logits give the same numbers whatever device made them.
    """

    def __init__(self, num_images: int, num_classes: int, others: Sequence[Collector] = ()) -> None:
        self.seen, self.classes, self.calibration = Seen(num_images), ClassCounts(num_classes), Calibration()
        self.collectors: list[Collector] = [self.classes, self.calibration, *others]

    def update(self, indices: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Adds a batch; ``indices`` are those that were asked for."""
        self.seen.update(indices, len(labels))
        if len(indices) == len(labels):
            logits, labels = logits.detach().cpu(), labels.cpu()
            for collector in self.collectors:
                collector.update(indices, logits, labels)

    def result(self, complete: bool = True) -> dict[str, Any]:
        """The metrics for a Record, over all processes: every process calls this.

        Raises InputError unless each image was scored once, or at most once if not ``complete``.
        """
        self.seen.check(complete)
        return self.classes.result() | {"calibration": self.calibration.result()}


class Watched:
    """Feeds a ``Measures`` with the batches of a DataLoader, whose sampler says which images each one holds."""

    def __init__(self, loader: Any, measures: Measures) -> None:
        self.measures = measures
        self._indices: Iterator[Tensor] = indices_of(loader)

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Adds the loader's next batch."""
        self.measures.update(next(self._indices), logits, labels)
