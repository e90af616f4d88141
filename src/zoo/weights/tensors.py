"""Reads the bytes of ``.safetensors`` files as what they may be: anything that somebody sent."""

from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from zoo.errors import InputError

#: What the file holds beside the network's own tensors begins so.
PREPROCESSING = "preprocessing."
MEAN_IMAGE = f"{PREPROCESSING}mean_image"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file that no card vouches for. Raises InputError where it cannot be read, and as ``parsed``."""
    try:
        return parsed(path.read_bytes(), path)
    except OSError as error:
        raise InputError(f"Cannot read the weights {path}: {error.strerror}.") from error


def parsed(content: bytes, path: Path) -> dict[str, Tensor]:
    """All tensors in the bytes of ``path``, on the CPU; nothing in them can be executed.

    Raises InputError where they are cut short, have a header that does not fit them, or are of another format.
    """
    try:
        return safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError, OverflowError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"{path} is not a whole .safetensors file ({reason}): fetch it again, or give one that zoo wrote."
        ) from error
