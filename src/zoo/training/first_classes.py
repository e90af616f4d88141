"""What a network said of each test image, for loggers: its five likeliest classes, less than all probabilities."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from zoo.evaluation.collectors import TrainerMeasures
from zoo.evaluation.predictions import TOP, Predicted, joined
from zoo.evaluation.processes import gathered, is_first


class FirstClasses(Callback):
    """Collects them in a test. ``found`` then has the images of all processes, on the first one; None elsewhere."""

    def __init__(self) -> None:
        self.found: Predicted | None = None
        self._batches: list[Predicted] = []

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Looks up which images will come."""
        self._batches = []
        data = trainer.datamodule  # type: ignore[attr-defined]
        self._measures = TrainerMeasures(trainer.test_dataloaders, data, pl_module.network, [self])

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *batch: Any) -> None:
        """Hands the batch on, with the indices of its images."""
        self._measures.update(outputs)

    def update(self, indices: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Adds a batch; equal logits rank by class number, as they are counted."""
        best = torch.sort(logits, dim=1, descending=True, stable=True).indices[:, :TOP]
        chances = logits.double().softmax(dim=1).gather(1, best).float()
        self._batches.append(Predicted(indices, labels, chances, best))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gathers the images in the official order; every process calls this."""
        self._measures.result(trainer.num_test_batches[0])
        shares = gathered(joined(self._batches) if self._batches else None)
        self._batches = []
        some = [share for share in shares if share is not None]
        if some and is_first():
            everything = joined(some)
            self.found = everything.taken(everything.indices.argsort())


def name_of_class(names: list[str], number: int) -> str:
    """The data's name of a class; its number where an output has none."""
    return str(names[number]) if number < len(names) else str(number)
