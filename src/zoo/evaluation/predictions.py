"""What a network said of each test image: collected, put into the official order, written as a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from zoo.evaluation.collectors import TrainerMeasures
from zoo.evaluation.prediction_files import write
from zoo.evaluation.processes import gathered, is_first

TOP = 5


@dataclass(frozen=True)
class Predicted:
    """Images by index: indices and labels (N,), probabilities (N, classes), the best classes in order (N, 5)."""

    indices: Tensor
    labels: Tensor
    probabilities: Tensor
    best: Tensor

    def taken(self, places: Tensor) -> "Predicted":
        """The images at ``places``, in that order."""
        return Predicted(*(getattr(self, name)[places] for name in self.__dataclass_fields__))


class Predictions:
    """Collects predictions for ``path``: .csv, .npz or .parquet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.batches: list[Predicted] = []

    def update(self, indices: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Adds a batch; equal logits rank by class number, as they are counted."""
        best = torch.sort(logits, dim=1, descending=True, stable=True).indices[:, :TOP]
        self.batches.append(Predicted(indices, labels, logits.double().softmax(dim=1).float(), best))

    def write(self, data: Any) -> None:
        """Gathers the images of all processes, in the official order, and writes them on the first.

        ``data`` is the data module, for the names of classes and files. Every process calls this.
        """
        shares = gathered(joined(self.batches) if self.batches else None)
        if is_first():
            everything = joined([share for share in shares if share is not None])
            write(self.path, everything.taken(everything.indices.argsort()), data.class_names, file_names(data))


class Predicting(Callback):
    """Feeds ``Predictions`` with what a Trainer's test or prediction makes, and writes them at its end.

    Raises InputError, and writes nothing, where images were left out or came twice.
    """

    def __init__(self, predictions: Predictions) -> None:
        self.predictions = predictions

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Looks up which images will come."""
        self._start(trainer, trainer.test_dataloaders)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Looks up which images will come."""
        self._start(trainer, trainer.predict_dataloaders)

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *batch: Any) -> None:
        """Adds the batch to the predictions."""
        self._measures.update(outputs)

    def on_predict_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *batch: Any) -> None:
        """Adds the batch to the predictions."""
        self._measures.update(outputs)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the file."""
        self._end(trainer, trainer.num_test_batches[0])

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Writes the file."""
        self._end(trainer, trainer.num_predict_batches[0])

    def _start(self, trainer: Any, loader: Any) -> None:
        self._measures = TrainerMeasures(
            loader, trainer.datamodule, trainer.lightning_module.network, [self.predictions]
        )

    def _end(self, trainer: Any, steps: int | float) -> None:
        self._measures.result(steps)
        self.predictions.write(trainer.datamodule)


def file_names(data: Any) -> list[str] | None:
    """The path of each test image, below the data's root if it is, where each image is a file."""
    files = getattr(data, "files", {}).get("test")
    if not files:
        return None
    # A table of one's own may name files anywhere.
    below = (file.relative_to(data.root) if file.is_relative_to(data.root) else file for file in files)
    return [file.as_posix() for file in below]


def joined(parts: list[Predicted]) -> Predicted:
    """All images of several parts, in their order."""
    return Predicted(*(torch.cat([getattr(part, name) for part in parts]) for name in Predicted.__dataclass_fields__))
