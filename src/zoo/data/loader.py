"""The loader of all splits: times how long it is waited for, and goes on in the middle of an epoch."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.util import Finalize
from typing import Any

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
        """What an epoch is cut into; where in it to go on, ``zoo.models.resuming`` tells the sampler."""
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


def signals_left_to_parent() -> Callable[[int], None]:
    """What each worker of a loader calls first: then signals are the parent's to answer, until the parent exits.

    Ctrl-C and a scheduler's SIGTERM or SIGUSR1 reach the whole process group, and the step that the parent ends wants
    its batch.
    """
    leaving = multiprocessing.RawValue("b", 0)
    begin = partial(_leave_signals, leaving)
    # At exit multiprocessing runs its finalizers, sends every worker SIGTERM and waits for as long as they live.
    Finalize(begin, setattr, args=(leaving, "value", 1), exitpriority=0)
    return begin


def _leave_signals(leaving: Any, worker: int) -> None:
    for signum in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(signum, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *ignored: os._exit(0) if leaving.value else None)
