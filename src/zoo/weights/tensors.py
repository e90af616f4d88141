"""Reads ``.safetensors`` files as what they may be: anything that somebody sent."""

from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from zoo.errors import InputError

#: What the file holds beside the network's own tensors begins so.
PREPROCESSING = "preprocessing."
MEAN_IMAGE = f"{PREPROCESSING}mean_image"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of the file, on the CPU; nothing in it can be executed.

    Raises InputError where it is missing, cut short, has a header that does not fit it, or is of another format.
    """
    try:
        return safetensors.torch.load_file(path)
    except OSError as error:
        raise InputError(f"Cannot read the weights {path}: {error.strerror or error}.") from error
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError, OverflowError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"{path} is no whole .safetensors file ({reason}): fetch it again, or give one that zoo wrote."
        ) from error
