"""Digests that say which data a number was measured on."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor


def of_tensors(tensors: Iterable[Tensor]) -> str:
    """sha256 over dtype, shape and bytes of each tensor, in order."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().data.cast("B"))
    return f"sha256:{digest.hexdigest()}"


def of_listing(root: Path, files: Iterable[Path]) -> str:
    """sha256 over the sorted relative paths and sizes of ``files``: names the listing, not the pixels."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(root).as_posix()} {file.stat().st_size}\n".encode())
    return f"listing-sha256:{digest.hexdigest()}"
