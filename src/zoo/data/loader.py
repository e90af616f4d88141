"""The loader of all splits: times how long it is waited for, and goes on in the middle of an epoch."""

import signal
import time
from collections.abc import Iterator
from typing import Any

from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

from zoo.errors import InputError


class Loader(DataLoader):
    """A DataLoader over whole batches that knows how long they kept the caller waiting.

    ``waited`` is the seconds spent in taking batches since it was last set to zero; where there are no workers, it is
    the time in which they were made.
    """

    waited = 0.0

    def __iter__(self) -> Any:
        return _Timed(super().__iter__(), self)

    def state_dict(self) -> dict[str, Any]:
        """What an epoch is cut into; where in it to go on follows from the Trainer's progress, see ``place_in_epoch``.

        That the method is there tells Lightning that this loader goes on in the middle of an epoch.
        """
        return {"num_images": self.sampler.n, "batch_size": self.sampler.batch_size}  # type: ignore[attr-defined]

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises InputError where the rest of an epoch would be cut otherwise than its first part."""
        own = self.state_dict()
        if state != own and self.sampler.first_step:  # type: ignore[attr-defined]
            raise InputError(
                f"The checkpoint stands in the middle of an epoch of {state['num_images']:,} images in batches of"
                f" {state['batch_size']:,}, which batches of {own['batch_size']:,} from {own['num_images']:,} cannot go"
                " on with: leave data.batch_size and data.num_held_out as they were."
            )


class _Timed(Iterator):
    def __init__(self, batches: Iterator, loader: Loader) -> None:
        self.batches, self.loader = batches, loader

    def __next__(self) -> Any:
        started = time.perf_counter()
        try:
            return next(self.batches)
        finally:
            self.loader.waited += time.perf_counter() - started


def place_in_epoch(trainer: Trainer) -> tuple[int, int]:
    """The epoch, and how many of its steps are done, where ``trainer`` stands or goes on from its checkpoint.

    Asked before the first batch is drawn: worker processes draw ahead as soon as they are started.
    """
    loop = trainer.fit_loop
    epoch: Any = loop.epoch_progress.current
    steps: Any = loop.epoch_loop.batch_progress.current
    # Between two epochs the steps of the last one are still on the books.
    return epoch.processed, steps.processed if epoch.started > epoch.processed else 0


def leave_signals_to_parent(worker: int) -> None:
    """For worker processes: Ctrl-C and a scheduler's SIGTERM reach the whole group, and the step wants its batch."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
