"""The loader of all splits: times how long it is waited for, names a worker that hangs, goes on within an epoch."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.util import Finalize
from typing import Any

import torch
from torch.utils.data import DataLoader

from zoo.errors import InputError, Stopped

# Seconds after which a worker that has not delivered its batch is named, again and again, and when the run ends.
HANGS, HOPELESS = 60.0, 1800.0
# In a worker: where it notes which item of its data set it is reading, and its own number.
_notes: tuple[Any, int] | None = None


class Loader(DataLoader):
    """A DataLoader over whole batches that knows how long they kept the caller waiting.

    ``waited`` is the seconds spent in taking batches since it was last set to zero; where there are no workers, it is
    the time in which they were made. A worker that hangs is named on standard error, with the file that it is reading
    where the data set says so by ``reading`` and ``name_of``. A disk or a server may come back; ``HOPELESS`` seconds
    later Stopped is raised.

    With ``threads`` so many threads of this process make the batches ahead, without workers: right for data that lie
    in memory or are mapped into it, where what makes a batch lets go of the interpreter and a pipe would cost more.
    """

    waited = 0.0

    def __init__(self, *args: Any, threads: int = 0, **options: Any) -> None:
        super().__init__(*args, **options)
        self.threads = threads

    def __iter__(self) -> Any:
        # Where an epoch goes on in its middle, the sampler forgets so as it begins.
        first: int = self.sampler.first_step  # type: ignore[attr-defined]
        return _Timed(self._ahead() if self.threads else super().__iter__(), self, first)

    def _ahead(self) -> Iterator:
        """The batches in order, each begun while at most two a thread before it are not yet taken."""
        pool, begun = ThreadPoolExecutor(self.threads, "zoo-loader"), deque[Future]()
        _single_threaded(pool, self.threads)
        try:
            for draw in self.sampler:
                begun.append(pool.submit(self._made, draw))
                if len(begun) > 2 * self.threads:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            # Also where the epoch is left in its middle.
            pool.shutdown(cancel_futures=True)

    def _made(self, draw: Any) -> Any:
        # A list, as DataLoader makes of a tuple.
        return [part.pin_memory() if self.pin_memory else part for part in self.dataset[draw]]

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


def _single_threaded(pool: ThreadPoolExecutor, threads: int) -> None:
    """Has each thread of a pool compute alone, to which torch would give as many threads as there are cores."""
    usual, together = torch.get_num_threads(), threading.Barrier(threads)

    def settle() -> None:
        torch.set_num_threads(1)
        together.wait()

    for each in [pool.submit(settle) for _ in range(threads)]:
        each.result()
    # It is also what threads that begin later will have, and is set for this one anew.
    torch.set_num_threads(usual)


class _Timed(Iterator):
    def __init__(self, batches: Iterator, loader: Any, first: int) -> None:
        self.batches, self.loader, self.first, self.given = batches, loader, first, 0

    def __next__(self) -> Any:
        started = time.perf_counter()
        try:
            batch = self._next(started)
            self.given += 1
            return batch
        finally:
            self.loader.waited += time.perf_counter() - started

    def _next(self, started: float) -> Any:
        while True:
            try:
                return next(self.batches)
            except RuntimeError as error:
                # torch has no class for it. It stands where it stood, and can be asked again.
                if not str(error).startswith("DataLoader timed out after"):
                    raise
                seconds = time.perf_counter() - started
                if seconds > HOPELESS:
                    raise Stopped(
                        f"{self._hanging(seconds)}: see what holds it up, then go on with --resume", 1
                    ) from error
                print(f"zoo: {self._hanging(seconds)}.", file=sys.stderr, flush=True)

    def _hanging(self, seconds: float) -> str:
        # Workers take turns, beginning anew in each epoch.
        loader, worker = self.loader, self.given % self.loader.num_workers
        start, sampler, name_of = loader.worker_init_fn, loader.sampler, getattr(loader.dataset, "name_of", None)
        process, place = start.notes[2 * worker : 2 * worker + 2]
        what = f", which is reading {name_of(place)}" if name_of and place >= 0 else ""
        return (
            f"Process {sampler.rank} has waited {seconds:.0f} seconds for batch {self.first + self.given + 1} of"
            f" {len(sampler)} from its loader's worker {worker} (process {process}){what}"
        )


def reading(place: int) -> None:
    """Data sets call this before each item that could take long; ``name_of(place)`` of theirs tells what it is."""
    if _notes is not None:
        notes, worker = _notes
        notes[2 * worker + 1] = place


class WorkerStart:
    """What each worker of a loader calls first: then signals are the parent's to answer, until the parent exits.

    Ctrl-C and a scheduler's SIGTERM or SIGUSR1 reach the whole process group, and the step that the parent ends wants
    its batch. ``notes`` are shared with the workers: of each in turn its process, and what it is reading.
    """

    def __init__(self, num_workers: int) -> None:
        self.notes: Any = multiprocessing.RawArray("q", [-1] * (2 * num_workers))
        self.leaving = multiprocessing.RawValue("b", 0)
        # At exit multiprocessing runs its finalizers, sends every worker SIGTERM and waits for as long as they live.
        Finalize(self, setattr, args=(self.leaving, "value", 1), exitpriority=0)

    def __call__(self, worker: int) -> None:
        """Leaves signals to the parent, and notes where ``reading`` is to write."""
        # A worker is a process of its own, and reads for one loader.
        global _notes
        _notes, leaving = (self.notes, worker), self.leaving
        self.notes[2 * worker] = os.getpid()
        for name in ("SIGINT", "SIGUSR1"):
            # Windows has only the first.
            if signum := getattr(signal, name, None):
                signal.signal(signum, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *ignored: os._exit(0) if leaving.value else None)
