"""The callback that tells whether the network waits for its images."""

import os
import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.rank_zero import rank_zero_only

# A share of waiting from which a sentence is worth the user's time, and the seconds an epoch must have for it.
TOO_LONG, LONG_ENOUGH = 0.2, 10.0


class LoaderReport(Callback):
    """Logs ``train/images_per_second`` and ``train/waiting``, the share of an epoch in which no batch was at hand.

    Validation is left out of both. Where the loader holds the network back, one sentence a run says what may help:
    ``advice`` holds it on the first process.
    """

    def __init__(self) -> None:
        self.advice = ""
        self._images, self._began, self._validated = 0, 0.0, 0.0
        self._validating_since: float | None = None
        self._waited_before: float | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that goes on in the middle of an epoch reports on the rest of it."""
        if threads := getattr(trainer.train_dataloader, "threads", 0):
            rank_zero_only(print)(f"Batches are made by {threads} thread{'s' * (threads > 1)} a process.")
        self._start(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts the clock."""
        self._start(trainer)

    def _start(self, trainer: Trainer) -> None:
        self._images, self._validated, self._began = 0, 0.0, time.perf_counter()
        self._waited_before = _waited(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Counts this process's images."""
        self._images += len(batch[1])

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stops the clock."""
        self._validating_since = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts the clock again."""
        if self._validating_since is not None:
            self._validated += time.perf_counter() - self._validating_since
        self._validating_since = None

    def pace(self, trainer: Trainer) -> tuple[float, float] | None:
        """Of the epoch so far, as this process sees it: images a second of all processes, and the share of waiting.

        None where nothing is known yet. A GPU may have steps left to compute, for which nobody waits here.
        """
        waited, seconds = _waited(trainer), self._seconds()
        if waited is None or self._waited_before is None or not self._images or seconds <= 0:
            return None
        return self._images * trainer.world_size / seconds, (waited - self._waited_before) / seconds

    def _seconds(self) -> float:
        """Of training in this epoch."""
        return (self._validating_since or time.perf_counter()) - self._began - self._validated

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Logs both numbers: images of all processes, and the mean share of waiting."""
        device = trainer.strategy.root_device
        if device.type == "cuda":
            torch.cuda.synchronize(device)  # the last steps are still being computed
        waited = _waited(trainer)
        seconds = self._seconds()
        if waited is None or self._waited_before is None:  # so on all processes or on none
            return
        sums = torch.tensor([self._images, (waited - self._waited_before) / seconds], device=device)
        # A process that had no image adds its zero: the others wait for it.
        images, shares = trainer.strategy.reduce(sums, reduce_op="sum").tolist()
        if not images:
            return
        rate, share = images / seconds, shares / trainer.world_size
        pl_module.log("train/images_per_second", rate, rank_zero_only=True)
        pl_module.log("train/waiting", share, rank_zero_only=True)
        if share > TOO_LONG and seconds > LONG_ENOUGH and not self.advice:
            self._advise(share, getattr(trainer, "datamodule", None))

    @rank_zero_only
    def _advise(self, share: float, data: Any) -> None:
        self.advice = f"The network waited for its images in {share:.0%} of the epoch: {_advice(data)}."
        print(self.advice)


def _advice(data: Any) -> str:
    workers, cores = getattr(data, "num_workers", 0), os.cpu_count() or 1
    if getattr(data, "threads", 0) and getattr(data, "store", None):
        return f"{data.threads} threads cut them from the store: try --data.num_workers {cores}, or a faster disk"
    if hasattr(data, "read"):  # in memory: there are no workers to add
        return "its batches are made by the process that trains, which a lighter data.transform or a GPU would relieve"
    more = f"try --data.num_workers {cores} (now {workers}), " if workers < cores else ""
    decoder = "pip install simplejpeg opencv-python-headless for a faster decoder"
    return f"{more}{decoder}, or have the photos resized once: zoo data prepare"


def _waited(trainer: Trainer) -> float | None:
    return getattr(trainer.train_dataloader, "waited", None)
