"""The list of an image folder's files, with sizes and checksums, that ``zoo data verify`` leaves behind.

JSON lines sorted by path: path, size (bytes), width, height, mode, format, sha256 (of the bytes). It lies in the cache
folder, or in the data folder itself where the user put it there, and is believed while names and sizes still fit.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.data.photos.inspection import CheckedPhoto
from zoo.errors import InputError
from zoo.files import whole

NAME = "zoo-manifest.jsonl"
FIELDS = ("path", "size", "width", "height", "mode", "format", "sha256")


def default_path(root: Path) -> Path:
    """The manifest of ``root`` in the user's cache folder: $XDG_CACHE_HOME/zoo or ~/.cache/zoo."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = root.resolve()
    return cache / "zoo" / "manifests" / f"{place.name}-{hashlib.sha256(str(place).encode()).hexdigest()[:16]}.jsonl"


def write(path: Path, photos: Iterable[CheckedPhoto]) -> str:
    """Writes ``photos`` to ``path``, which is either whole or as it was; returns the fingerprint of the files.

    Raises InputError where it cannot be written.
    """
    ordered = sorted(photos, key=lambda photo: photo.path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as draft, draft.open("w", encoding="utf-8") as file:
            for photo in ordered:
                file.write(json.dumps({name: getattr(photo, name) for name in FIELDS}) + "\n")
    except OSError as error:
        raise InputError(
            f"The manifest cannot be written to {path} ({error.strerror}): name another place with --manifest FILE."
        ) from error
    return of_files((photo.path, photo.size, photo.sha256) for photo in ordered)


def fitting(root: Path, files: Iterable[Path]) -> list[dict] | None:
    """The entries of the first manifest of ``root`` that has exactly ``files`` with their sizes; None without one.

    A manifest that is broken or out of date is as good as none.
    """
    sizes: dict[str, int] | None = None
    for path in (root / NAME, default_path(root)):
        if not path.is_file():
            continue
        try:
            entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            listed = {entry["path"]: entry["size"] for entry in entries}
            complete = all(set(FIELDS) <= set(entry) and _is_digest(entry["sha256"]) for entry in entries)
            if sizes is None:
                sizes = {file.relative_to(root).as_posix(): file.stat().st_size for file in files}
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            continue
        if complete and listed == sizes and len(entries) == len(sizes):
            return entries
    return None


def _is_digest(value: Any) -> bool:
    # None is that of a file that could not be read.
    return value is None or (isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None)


def fingerprint(root: Path, files: Iterable[Path]) -> str | None:
    """The fingerprint of ``files`` by a manifest that fits them; None where there is none."""
    entries = fitting(root, files)
    return None if entries is None else of_files(sorted((e["path"], e["size"], e["sha256"]) for e in entries))


def of_files(files: Iterable[tuple[str, int, str | None]]) -> str:
    """sha256 over paths, sizes and sha256 of files, sorted by their paths; None for one that could not be read."""
    digest = hashlib.sha256()
    for path, size, contents in files:
        digest.update(f"{path} {size} {contents}\n".encode())
    return f"files-sha256:{digest.hexdigest()}"
