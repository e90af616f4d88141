"""Shards written by several processes, with one progress bar, and stopped together."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from zoo.data.progress import progress_bar
from zoo.data.store.shards import ShardJob, write_shard
from zoo.errors import InputError


class _StoppedError(Exception):
    """Another shard failed, or the user wants to end."""


# The counter of photos and the flag to stop, in the processes of a pool.
_shared: dict[str, Any] = {}


def run_all(jobs: list[ShardJob], total: int, num_workers: int) -> None:
    """Writes all shards; the bar counts photos up to ``total``, of which those of no job are done.

    Raises the first InputError of a shard; the others stop then, and leave nothing half-written.
    """
    done = total - sum(len(job.files) for job in jobs)
    with progress_bar("Preparing") as progress:
        task = progress.add_task("", total=total, completed=done)
        if num_workers == 1 or len(jobs) <= 1:
            for job in jobs:
                write_shard(job, lambda: progress.advance(task))
        else:
            _in_processes(jobs, num_workers, lambda number: progress.update(task, completed=done + number))


def _in_processes(jobs: list[ShardJob], num_workers: int, show: Any) -> None:
    # Spawned, not forked: the progress bar has a thread.
    context = multiprocessing.get_context("spawn")
    counter, stop = context.Value("q", 0), context.Event()
    pool = ProcessPoolExecutor(min(num_workers, len(jobs)), context, _begin, (counter, stop))
    try:
        waiting = {pool.submit(_write, job) for job in jobs}
        while waiting:
            finished, waiting = wait(waiting, timeout=0.2, return_when=FIRST_EXCEPTION)
            show(counter.value)
            for future in finished:
                future.result()
    except BrokenProcessPool as error:
        raise InputError(
            "A process that prepared photos was killed, as happens where memory runs out: try fewer --workers."
        ) from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _begin(counter: Any, stop: Any) -> None:
    _shared.update(counter=counter, stop=stop)
    # Control-C reaches the whole group; the parent alone acts on it, and sets the flag.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A killed parent cannot tell its pool, which would wait for work for ever.
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _write(job: ShardJob) -> None:
    write_shard(job, _step)


def _step() -> None:
    with _shared["counter"].get_lock():
        _shared["counter"].value += 1
    if _shared["stop"].is_set():
        raise _StoppedError
