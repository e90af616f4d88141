"""Digests that say which data a number was measured on. No torch."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

# What a fingerprint is a digest of, by what stands before its colon.
KINDS = {
    "sha256": "pixels and labels",
    "listing-sha256": "names and sizes of the files",
    "files-sha256": "names, sizes and contents of the files",
    "labelled-listing-sha256": "splits, classes, names and sizes of the files",
    "labelled-files-sha256": "splits, classes, names, sizes and contents of the files",
}


def of_tensors(tensors: Iterable["Tensor"]) -> str:
    """sha256 over dtype, shape and bytes of each tensor, in order."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().data.cast("B"))
    return f"sha256:{digest.hexdigest()}"


def of_listing(root: Path, files: Iterable[Path]) -> str:
    """sha256 over the sorted relative paths and sizes of ``files``: names the listing, not the pixels.

    Raises InputError for a link that leads nowhere.
    """
    return of_paths(root, (file.relative_to(root).as_posix() for file in sorted(files)))


def of_paths(root: Path, paths: Iterable[str]) -> str:
    """As ``of_listing``, of sorted relative paths with slashes."""
    digest, stat = hashlib.sha256(), os.stat
    start = os.path.join(root, "")
    for path in paths:
        try:
            size = stat(start + path).st_size
        except OSError as error:
            raise InputError(f"{root / path} cannot be read ({error.strerror}): replace or remove it.") from error
        digest.update(f"{path} {size}\n".encode())
    return f"listing-sha256:{digest.hexdigest()}"


def kind_of(fingerprint: str) -> str:
    """What ``fingerprint`` is a digest of, in words."""
    return KINDS[fingerprint.partition(":")[0]]
