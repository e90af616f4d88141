"""A prepared store: photographs scaled once, as uint8 planes in memory-mapped shards, with an index. No torch.

zoo-store.json      the index: format, size, source, classes, shards with their sha256, statistics; written last
pictures.npz        for each split labels, heights, widths, offsets within the shard, file names
mean_image.npy      float32 (3, size, size)
train-00000.bin     photos one after the other, each uint8 (3, height, width): colour planes, so that a crop is
                    copied row by row into a batch
"""

import hashlib
import json
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.photos.file_names import FileNames
from zoo.data.photos.folders import SPLITS
from zoo.data.photos.labelled import Labelled
from zoo.data.statistics import PixelStatistics
from zoo.errors import InputError
from zoo.results.schema import first_problem

INDEX, TABLES, MEAN_IMAGE = "zoo-store.json", "pictures.npz", "mean_image.npy"
# What an unfinished store knows of its finished shards, and of what it is made from.
UNFINISHED = "unfinished"
JOB = f"{UNFINISHED}/job.json"
FORMAT = 1
# What was done to the photos: their short side scaled to the size, or both sides.
SHORT_SIDE, WARPED = "short side", "warped"
AGAIN = "delete the folder and run zoo data prepare again"
_SHA256 = {"type": "string", "title": "64 hexadecimal digits", "pattern": "^[0-9a-f]{64}$"}
_SHARDS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["file", "bytes", "sha256", "pictures"],
        "additionalProperties": False,
        "properties": {
            "file": {"type": "string", "title": "the name of a file in the folder", "pattern": r"^[\w-]+\.bin$"},
            "bytes": {"type": "integer", "minimum": 1},
            "sha256": _SHA256,
            "pictures": {"type": "integer", "minimum": 1},
        },
    },
}
_NUMBERS = {"type": "array", "items": {"type": "number"}}
# What the index has to say, in the words of JSON Schema.
_FIELDS = {
    "type": "object",
    "required": ["size", "scaling", "classes", "made_with", "source", "shards", "statistics", "sha256"],
    "properties": {
        "size": {"type": "integer", "minimum": 1},
        "scaling": {
            "type": "string",
            "title": f"{SHORT_SIDE!r} or {WARPED!r}",
            "pattern": f"^({SHORT_SIDE}|{WARPED})$",
        },
        "classes": {"type": "array", "items": {"type": "string"}},
        "made_with": {"type": "object"},
        "source": {
            "type": "object",
            "required": ["files", "listing"],
            "properties": {"files": {"type": "string"}, "listing": {"type": "string"}},
        },
        "shards": {"type": "object", "required": [*SPLITS], "properties": dict.fromkeys(SPLITS, _SHARDS)},
        "statistics": {
            "type": "object",
            "required": ["mean", "std", "components"],
            "properties": {"mean": _NUMBERS, "std": _NUMBERS, "components": {"type": "array", "items": _NUMBERS}},
        },
        "sha256": {
            "type": "object",
            "required": [TABLES, MEAN_IMAGE],
            "properties": dict.fromkeys((TABLES, MEAN_IMAGE), _SHA256),
        },
    },
}


@dataclass(frozen=True)
class Shard:
    """One file of photos, as the index has it: its name, size in bytes, sha256, and how many photos it holds."""

    file: str
    bytes: int
    sha256: str
    pictures: int


@dataclass(frozen=True)
class Table:
    """What is known of each photo of a split, in the order of its place: arrays of one length, and file names."""

    labels: np.ndarray
    heights: np.ndarray
    widths: np.ndarray
    offsets: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return len(self.labels)


class Store:
    """The prepared photos in ``folder``. Raises InputError where the index is broken or a shard has another size."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = read_index(folder)
        self.size: int = self.index["size"]
        self.scaling: str = self.index["scaling"]
        self.class_names: list[str] = self.index["classes"]
        self.shards = {split: [Shard(**shard) for shard in self.index["shards"][split]] for split in SPLITS}
        for shard in self.all_shards():
            self._check_size(shard)
        self._open: dict[str, np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        # A spawned worker maps the shards itself.
        return self.__dict__ | {"_open": {}}

    def all_shards(self) -> Iterator[Shard]:
        """The shards of both splits."""
        for split in SPLITS:
            yield from self.shards[split]

    @cached_property
    def tables(self) -> dict[str, Table]:
        """The table of each split; raises InputError where the file is not the index's."""
        return read_tables(self.folder, self.index)

    @cached_property
    def statistics(self) -> PixelStatistics:
        """Mean image, mean colour and principal components of the training photos."""
        path = self.folder / MEAN_IMAGE
        if digest_of(path) != self.index["sha256"][MEAN_IMAGE]:
            raise InputError(f"{path} is not the file that was prepared: {AGAIN}.")
        return PixelStatistics.from_plain(np.load(path, allow_pickle=False), self.index["statistics"])

    def labelled(self, root: Path) -> tuple[list[str], dict[str, Labelled]]:
        """As ``labelled_files`` gives them for the folders; the files are named as if they lay in ``root``."""
        listed = {
            split: Labelled(FileNames.of(root, table.names), table.labels.astype(np.int64))
            for split, table in self.tables.items()
        }
        return self.class_names, listed

    def particulars(self) -> dict[str, Any]:
        """What a Record says of it."""
        listing, digest = self.index["source"]["listing"], digest_of_index(self.index)
        return {"size": self.size, "scaling": self.scaling, "index": f"sha256:{digest}", "listing": listing}

    def photo(self, split: str, place: int) -> np.ndarray:
        """The photo at ``place`` of a split: uint8 (3, height, width), a view of the mapped file."""
        table, shards = self.tables[split], self.shards[split]
        offset, height, width = table.offsets[place], table.heights[place], table.widths[place]
        pixels = self._map(shards[place // shards[0].pictures])
        return pixels[offset : offset + 3 * height * width].reshape(3, height, width)

    def _map(self, shard: Shard) -> np.ndarray:
        if shard.file not in self._open:
            with (self.folder / shard.file).open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._open[shard.file] = np.frombuffer(mapped, np.uint8)
        return self._open[shard.file]

    def _check_size(self, shard: Shard) -> None:
        path = self.folder / shard.file
        try:
            found = path.stat().st_size
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}): {AGAIN}.") from error
        if found != shard.bytes:
            raise InputError(f"{path} has {found:,} bytes instead of {shard.bytes:,}: {AGAIN}.")


def find_store(root: Path) -> Path | None:
    """The folder of the store that ``root`` means: itself, or the only store in it where it holds no JPEG folders.

    Raises InputError where ``root`` holds several, or one that is not finished.
    """
    if (root / INDEX).is_file():
        return root
    if (root / JOB).is_file():
        raise InputError(f"{root} is an unfinished store: run zoo data prepare again, and it goes on.")
    if (root / "train").is_dir() or not root.is_dir():
        return None
    found = sorted(path.parent for path in root.glob(f"*/{INDEX}"))
    if len(found) > 1:
        raise InputError(f"{root} holds {len(found)} prepared stores: point --data.root at one, such as {found[0]}.")
    return found[0] if found else None


def read_index(folder: Path) -> dict[str, Any]:
    """The index; raises InputError where it cannot be read, is of another format, or was changed."""
    path = folder / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        recorded = index.pop("index_sha256")
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        # Not its repr: a UnicodeDecodeError's holds the whole file.
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{path} is not the index of a prepared store ({reason}): {AGAIN}.") from error
    if index.get("format") != FORMAT:
        raise InputError(f"{path} has format {index.get('format')}, and this version reads {FORMAT}: {AGAIN}.")
    if digest_of_index(index) != recorded:
        raise InputError(f"{path} was changed after it was written: {AGAIN}.")
    # The digest is against bad disks: whoever changes the index on purpose changes that as well.
    if problem := first_problem(index, _FIELDS):
        raise InputError(f"{path} is not the index of a prepared store: {problem}.")
    return index


def digest_of_index(index: dict[str, Any]) -> str:
    """sha256 of an index without its own digest."""
    return hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()


def digest_of(path: Path) -> str:
    """sha256 of a file; raises InputError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {AGAIN}.") from error


def read_tables(folder: Path, index: dict[str, Any]) -> dict[str, Table]:
    """The tables of both splits; raises InputError where the file is not the one that the index names."""
    path = folder / TABLES
    if digest_of(path) != index["sha256"][TABLES]:
        raise InputError(f"{path} is not the file that was prepared: {AGAIN}.")
    with np.load(path, allow_pickle=False) as arrays:
        return {
            split: Table(
                **{column: arrays[f"{split}_{column}"] for column in ("labels", "heights", "widths", "offsets")},
                names=arrays[f"{split}_names"].tobytes().decode("utf-8", "surrogateescape").split("\0"),
            )
            for split in SPLITS
        }
