"""How baselines learn: the LightningModule that collects the training images and hands them over at once."""

from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.layers.pixels import whole_pixels
from zoo.models.baseline import BaselineNetwork
from zoo.models.classifier import Batch, Classifier
from zoo.models.ledger import Work


class Baseline(Classifier):
    """Collects the training images in one epoch and hands them to ``network.fit`` with the last batch.

    The order and size of batches change no more than roundings. There is no loss to train by; the one that is logged
    is the cross-entropy of the logits.
    """

    network: BaselineNetwork
    work = Work(None, "not counted: what is computed of the training images is no pass through the network")
    # The images collected so far are in no checkpoint.
    resumes_in_epoch = False

    def __init__(self, network: BaselineNetwork) -> None:
        super().__init__(network, lambda groups: torch.optim.SGD(groups, lr=0.0))
        self.automatic_optimization = False
        # Lightning counts steps, and saves no checkpoint before the first, by an optimiser: this is what it steps.
        self.batches = nn.Parameter(torch.zeros(()), requires_grad=False)
        self.collected: list[Batch] = []

    def setup(self, stage: str) -> None:
        """Raises InputError for several processes, more than one epoch, or another number of images than is stored."""
        super().setup(stage)
        if stage != "fit":
            return
        if self.trainer.world_size > 1:
            raise InputError(f"{self.network.name} needs all training images at once: set trainer.devices to 1.")
        if self.trainer.max_epochs != 1:
            raise InputError(f"{self.network.name} sees the training images once: set trainer.max_epochs to 1.")
        # Before it is fitted there is nothing to check, and all its stored images are equally near.
        self.trainer.num_sanity_val_steps = 0
        data = getattr(self.trainer, "datamodule", None)
        if data is not None:
            self._check_number(len(data.splits["train"]))

    def _check_number(self, found: int) -> None:
        wanted = self.network.num_stored
        if wanted not in (None, found):
            raise InputError(
                f"The network stores {wanted:,} training images but is given {found:,}:"
                f" set model.num_images to {found}."
            )

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What Lightning counts steps by."""
        return [{"params": [self.batches]}]

    @torch.no_grad()
    def training_step(self, batch: Batch, batch_idx: int) -> None:  # type: ignore[override]
        """Keeps the batch; with the last one, fits: validation comes right after it."""
        images, labels = batch
        self.collected.append((whole_pixels(images), labels))
        self.optimizers().step()  # type: ignore[union-attr]
        if self.trainer.is_last_batch:
            images, labels = (torch.cat(parts) for parts in zip(*self.collected, strict=True))
            self.collected = []
            self._check_number(len(labels))
            self.fit_network(images, labels)

    def fit_network(self, images: Tensor, labels: Tensor) -> None:
        """Fits the network; a model with options of learning passes them on."""
        self.network.fit(images, labels)

    def on_train_epoch_end(self) -> None:
        """Raises InputError where the epoch ended early, before a checkpoint is made of what was not fitted."""
        if self.collected:
            raise InputError(
                f"{self.network.name} has not seen all of its training images:"
                " leave out trainer.max_steps and trainer.max_time."
            )
