"""The paths of a million files as blocks of bytes: as Path objects they would take a gigabyte. No torch."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, groupby
from operator import itemgetter
from pathlib import Path
from typing import Self, overload

import numpy as np

# What no name can hold ends each of them.
END = b"\0"


class FileNames(Sequence[Path]):
    """Files below ``root``, in order.

    ``members`` has, for one folder after the other, its path from ``root`` with slashes and the names of files in it,
    each ended by ``END``. Worker processes that are forked share the blocks. A slice is of the same kind.
    """

    def __init__(self, root: Path, members: Sequence[tuple[str, bytes]]) -> None:
        self.root, self._members = root, list(members)
        # With its slash, and without anything where the root is the folder that one is in.
        self._start = str(root / "_")[:-1]
        self._counts = list(accumulate((names.count(END) for _, names in members), initial=0))

    @classmethod
    def of(cls, root: Path, paths: Iterable[str]) -> Self:
        """Of paths from ``root``, with slashes."""
        parts = (path.rpartition("/") for path in paths)
        folders = groupby(parts, key=lambda part: part[0])
        return cls(root, [(folder, "".join(f"{name}\0" for *_, name in found).encode()) for folder, found in folders])

    def __len__(self) -> int:
        return self._counts[-1]

    @overload
    def __getitem__(self, place: int) -> Path: ...
    @overload
    def __getitem__(self, place: slice) -> "FileNames": ...
    def __getitem__(self, place: int | slice) -> "Path | FileNames":
        if isinstance(place, slice):
            chosen = groupby(map(self._apart_at, range(*place.indices(len(self)))), key=itemgetter(0))
            members = [(folder, b"".join(name + END for _, name in found)) for folder, found in chosen]
            return FileNames(self.root, members)
        # Raises an IndexError for what is too far, and knows places from the end.
        return Path(self.text(range(len(self))[place]))

    def text(self, place: int) -> str:
        """The path of the file in this place, counted from the start, as text: pathlib would take longer than the rest.

        Training asks for one a photo.
        """
        folder, name = self._apart_at(place)
        return f"{self._start}{folder}/{name.decode()}"

    def __iter__(self) -> Iterator[Path]:
        for folder, names in self._members:
            place = self.root / folder
            yield from (place / name.decode() for name in _apart(names))

    def __add__(self, others: "FileNames") -> "FileNames":
        """These files, then the others, below the same root."""
        return FileNames(self.root, self._members + others._members)

    def names(self) -> Iterator[bytes]:
        """The names, without their folders."""
        for _, names in self._members:
            yield from _apart(names)

    def sorted_paths(self) -> Iterator[str]:
        """The paths from ``root``, sorted as Path objects are, where no folder lies in another."""
        folders: dict[str, list[bytes]] = {}
        for folder, names in self._members:
            folders.setdefault(folder, []).append(names)
        for folder in sorted(folders, key=lambda folder: folder.split("/")):
            yield from (f"{folder}/{name.decode()}" for name in sorted(_apart(b"".join(folders[folder]))))

    def _apart_at(self, number: int) -> tuple[str, bytes]:
        """The folder and the name of the file in this place."""
        folder, names = self._members[bisect_right(self._counts, number) - 1]
        start = int(self._starts[number])
        return folder, names[start : names.index(END, start)]

    @cached_property
    def _starts(self) -> np.ndarray:
        """Where each name begins among those of its folder: int64."""
        ends = [np.flatnonzero(np.frombuffer(names, np.uint8) == 0) for _, names in self._members]
        return np.concatenate([np.concatenate([[0], end[:-1] + 1]) for end in ends if len(end)])


def _apart(names: bytes) -> list[bytes]:
    return names.split(END)[:-1]
