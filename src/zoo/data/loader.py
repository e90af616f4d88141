"""The loader of all splits: times how long it is waited for, names a worker that hangs, goes on within an epoch."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from itertools import chain, repeat
from multiprocessing.util import Finalize
from queue import SimpleQueue
from typing import Any

import torch
from torch.utils.data import DataLoader

from zoo.errors import InputError, Stopped

# Seconds after which a worker that has not delivered its batch is named, again and again, and when the run ends.
HANGS, HOPELESS = 60.0, 1800.0
# In a worker: where it notes which item of its data set it is reading, and its own number; in a thread: its batch.
_notes: tuple[Any, int] | None = None
_here = threading.local()


class Loader(DataLoader):
    """A DataLoader over whole batches that knows how long they kept the caller waiting.

    ``waited`` is the seconds spent in taking batches since it was last set to zero; where there are no workers, it is
    the time in which they were made. A worker or thread that hangs is told of on standard error, with the file that it
    is reading where the data set says so by ``reading`` and ``name_of``. A disk or a server may come back; ``HOPELESS``
    seconds later Stopped is raised.

    With ``threads`` so many threads of this process make the batches ahead, without workers: right where what makes a
    batch lets go of the interpreter, and a pipe would cost more.
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
        """The batches in order, each begun while at most two a thread before it are not yet taken.

        Where one is not made within ``timeout`` seconds, ``_Late`` is given first, as often as it takes.
        """
        pool, begun = _Threads(self.threads), deque[_Begun]()
        late = False
        try:
            for draw in chain(self.sampler, repeat(None)):
                if draw is not None:
                    begun.append(pool.begin(self._made, draw))
                    if len(begun) <= 2 * self.threads:
                        continue
                if not begun:
                    break
                while late := not wait([begun[0].batch], self.timeout or None).done:
                    yield _Late(begun[0].place)
                yield begun.popleft().batch.result()
        finally:
            # Also where the epoch is left in its middle; one that hangs is left behind.
            for each in begun:
                each.batch.cancel()
            pool.close(0 if late else None)

    def _made(self, draw: Any) -> Any:
        made = self.dataset[draw]
        parts = (part.pin_memory() if self.pin_memory and isinstance(part, torch.Tensor) else part for part in made)
        # Of a tuple whose parts have names one like it, of another a list, as DataLoader makes them.
        return type(made)(*parts) if hasattr(made, "_fields") else list(parts)

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


@dataclass
class _Begun:
    """A batch that a thread makes or will make, and which item of its data set it is reading."""

    make: Callable[[Any], Any]
    draw: Any
    batch: Future = field(default_factory=Future)
    place: int = -1


@dataclass
class _Late:
    """In the place of a batch that is not there yet: which item the thread is reading that makes it."""

    place: int


class _Threads:
    """Threads that make batches, each computing alone: torch would give it as many threads as there are cores.

    Daemons, so that one that hangs does not keep the process from ending.
    """

    def __init__(self, number: int) -> None:
        self._queue: SimpleQueue[_Begun | None] = SimpleQueue()
        usual, together = torch.get_num_threads(), threading.Barrier(number + 1)
        self._threads = [
            threading.Thread(target=_work, args=(self._queue, together), name=f"zoo-loader-{n}", daemon=True)
            for n in range(number)
        ]
        for thread in self._threads:
            thread.start()
        together.wait()
        # What one thread sets is also what threads that begin later will have, and is set for this one anew.
        torch.set_num_threads(usual)
        # Python ends daemons in the middle of what they do, which compiled code need not bear.
        self._at_exit = Finalize(self, _end, args=(self._queue, self._threads, 5.0), exitpriority=0)

    def begin(self, make: Callable[[Any], Any], draw: Any) -> _Begun:
        """``make(draw)`` once a thread is free."""
        begun = _Begun(make, draw)
        self._queue.put(begun)
        return begun

    def close(self, seconds: float | None) -> None:
        """Ends the threads, and waits for each so long at most."""
        self._at_exit.cancel()
        _end(self._queue, self._threads, seconds)


def _end(queue: SimpleQueue, threads: list[threading.Thread], seconds: float | None) -> None:
    for _ in threads:
        queue.put(None)
    for thread in threads:
        thread.join(seconds)


def _work(queue: SimpleQueue, together: threading.Barrier) -> None:
    torch.set_num_threads(1)
    together.wait()
    while (begun := queue.get()) is not None:
        if not begun.batch.set_running_or_notify_cancel():
            continue
        _here.begun = begun
        try:
            begun.batch.set_result(begun.make(begun.draw))
        except BaseException as error:  # whatever it is, it is raised where the batch is taken
            begun.batch.set_exception(error)


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
            late = _Late(-1)
            try:
                if not isinstance(batch := next(self.batches), _Late):
                    return batch
                late = batch
            except RuntimeError as error:
                # torch has no class for it. It stands where it stood, and can be asked again.
                if not str(error).startswith("DataLoader timed out after"):
                    raise
            seconds = time.perf_counter() - started
            if seconds > HOPELESS:
                raise Stopped(f"{self._hanging(seconds, late)}: see what holds it up, then go on with --resume", 1)
            print(f"zoo: {self._hanging(seconds, late)}.", file=sys.stderr, flush=True)

    def _hanging(self, seconds: float, late: _Late) -> str:
        loader, sampler, name_of = self.loader, self.loader.sampler, getattr(self.loader.dataset, "name_of", None)
        if loader.threads:
            who, place = "a thread of its loader", late.place
        else:
            # Workers take turns, beginning anew in each epoch.
            worker = self.given % loader.num_workers
            process, place = loader.worker_init_fn.notes[2 * worker : 2 * worker + 2]
            who = f"its loader's worker {worker} (process {process})"
        what = f", which is reading {name_of(place)}" if name_of and place >= 0 else ""
        return (
            f"Process {sampler.rank} has waited {seconds:.0f} seconds for batch {self.first + self.given + 1} of"
            f" {len(sampler)} from {who}{what}"
        )


def reading(place: int) -> None:
    """Data sets call this before each item that could take long; ``name_of(place)`` of theirs tells what it is."""
    if _notes is not None:
        notes, worker = _notes
        notes[2 * worker + 1] = place
    if begun := getattr(_here, "begun", None):
        begun.place = place


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
