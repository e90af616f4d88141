"""Memory that runs out: one sentence that names how many images a step takes, which is what one can make smaller."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from zoo.errors import InputError

# What allocators, and loaders whose workers the system killed, say in errors that have no class of their own.
_SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED", "is killed by signal: Killed")


@contextmanager
def enough_for(batch_size: int, option: str) -> Iterator[None]:
    """Raises InputError where the block runs out of memory, on the device or off it; ``option`` says how to need less.

    A loader's worker that the system killed for want of memory is told the same way.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not known and not any(sign in str(error) for sign in _SIGNS):
            raise
        raise InputError(
            f"Memory ran out with {batch_size:,} images a step: give a smaller {option}, or take a larger machine."
        ) from error
