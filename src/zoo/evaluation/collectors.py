"""What is kept of an evaluation besides its errors: who was scored, the classes, the calibration, the predictions."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from zoo.evaluation.calibration import Calibration
from zoo.evaluation.classes import ClassCounts, names_of_outputs
from zoo.evaluation.exact import ScoredImages, indices_of


class Collector(Protocol):
    """Is fed each batch: indices in the official order (n,), logits or log-probabilities (n, classes), labels (n,)."""

    def update(self, indices: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Adds a batch."""


# Logits stay where they were made until so many images are together: fewer waits for the device, less to do for each.
_TOGETHER = 1024


class Measures:
    """Everything that a Record holds of one evaluation besides its errors; also feeds ``others``.

    Works on the CPU in float64, so that the same logits give the same numbers whatever device made them. Itself a
    ``Collector``, for an evaluation whose data say which images they are.
    ``num_images`` are in the split, ``num_classes`` are the network's, ``names`` the data's names of them.
    """

    def __init__(
        self, num_images: int, num_classes: int, names: Sequence[str] = (), others: Sequence[Collector] = ()
    ) -> None:
        self.names = list(names)
        self.scored, self.classes, self.calibration = ScoredImages(num_images), ClassCounts(num_classes), Calibration()
        self.collectors: list[Collector] = [self.classes, self.calibration, *others]
        self._waiting: list[tuple[Tensor, Tensor, Tensor]] = []
        self._num_waiting = 0

    def update(self, indices: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Adds a batch; ``indices`` are those that were asked for."""
        self.scored.update(indices, len(labels))
        # A process's share of the last step may be empty.
        if len(indices) == len(labels) > 0:
            self._waiting.append((indices, logits.detach(), labels))
            self._num_waiting += len(labels)
        if self._num_waiting >= _TOGETHER:
            self._pass_on()

    def result(self, complete: bool = True) -> dict[str, Any]:
        """The metrics for a Record, over all processes: every process calls this.

        Raises InputError unless each image was scored once, or at most once if not ``complete``.
        """
        self._pass_on()
        self.scored.check(complete)
        metrics = self.classes.result() | {"calibration": self.calibration.result()}
        if self.names:
            metrics["per_class"]["names"] = names_of_outputs(self.names, len(metrics["per_class"]["images"]))
        return metrics

    def _pass_on(self) -> None:
        if self._waiting:
            indices, logits, labels = (torch.cat(parts).cpu() for parts in zip(*self._waiting, strict=True))
            self._waiting, self._num_waiting = [], 0
            for collector in self.collectors:
                collector.update(indices, logits, labels)


class TrainerMeasures:
    """Feeds ``Measures`` in a Trainer's loop, where the loader's sampler says which images each batch holds."""

    def __init__(self, loader: Any, data: Any, network: Any, others: Sequence[Collector] = ()) -> None:
        self.measures = Measures(len(data.splits["test"]), network.num_classes, data.class_names, others)
        self._indices: Iterator[Tensor] = indices_of(loader)
        self._steps = len(loader)

    def update(self, scored: dict[str, Tensor]) -> None:
        """Adds the loader's next batch: its ``logits`` and ``labels``."""
        self.measures.update(next(self._indices), scored["logits"], scored["labels"])

    def result(self, steps: int | float) -> dict[str, Any]:
        """As ``Measures.result``; an evaluation of fewer ``steps`` than the loader has was limited by the user."""
        return self.measures.result(complete=steps >= self._steps)
