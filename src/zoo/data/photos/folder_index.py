"""What the folders of an image folder hold, by an index in the cache folder where they are as they were. No torch.

Listing a million files takes a second on a warm disk, and minutes on a cold or distant one. What is believed of the
index is which names a folder holds: while its inode, its size and its times of change and of change of status are what
they were before it was listed. Each file that comes, goes or gets another name changes them, and nobody can set all of
them back. A folder that had changed within seconds before it was listed is not kept, because the clock of its disk may
not tell a later change from that one. Sizes and contents of files are never in the index.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from zoo.data.photos.file_names import END
from zoo.data.photos.folders import is_image
from zoo.errors import InputError
from zoo.files import is_utf8, whole

# For fewer files than this nobody waits.
FEWEST = 10_000
# Nanoseconds; the coarsest clock of a disk, that of FAT, ticks every two seconds.
SETTLED = 3_000_000_000
_FORMAT = "zoo folder index 1"

# Of a folder: its inode, size, time of change, time of change of status.
Stamp = tuple[int, int, int, int]


class Folders:
    """The folders below ``root``; a place in it is a path with slashes, names are as ``FileNames`` has them, sorted.

    Raises InputError where a folder cannot be listed, or a name that counts in it is not UTF-8.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._path = index_path(root)
        self._kept = _read(self._path)
        self._found: dict[str, tuple[Stamp, bytes]] = {}
        self._begun = time.time_ns()

    def images(self, place: str) -> bytes:
        """The files in a folder that have a JPEG's ending."""
        return self._names("images", place, lambda entries: [entry.name for entry in entries if is_image(entry.name)])

    def folders(self, place: str) -> list[str]:
        """The folders in a folder."""
        names = self._names("folders", place, lambda entries: [entry.name for entry in entries if entry.is_dir()])
        return names.decode().split("\0")[:-1]

    def keep(self) -> None:
        """Leaves an index of what was asked for; where the cache cannot be written, the next time lists again."""
        if self._found == self._kept or sum(names.count(END) for _, names in self._found.values()) < FEWEST:
            return
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with whole(self._path) as draft:
                draft.write_bytes(_packed(self._found))

    def _names(self, kind: str, place: str, chosen: Callable[[Iterable["os.DirEntry[str]"]], list[str]]) -> bytes:
        folder, key = self.root / place, f"{kind} {place}"
        try:
            stamp = _stamp(folder)
            if key in self._kept and self._kept[key][0] == stamp:
                self._found[key] = self._kept[key]
                return self._kept[key][1]
            with os.scandir(folder) as listed:
                entries = list(listed)
            found = sorted(chosen(entries))
        except OSError as error:
            raise InputError(f"{error.filename} cannot be listed ({error.strerror}).") from error
        for name in found:
            if not is_utf8(name):
                shown = os.path.join(folder, name).encode(errors="backslashreplace").decode()
                raise InputError(f"{shown} has a name that is not UTF-8: give it another.")
        names = "".join(f"{name}\0" for name in found).encode()
        # What a link leads to becomes a folder, or ceases to be one, without a change here.
        firm = kind == "images" or not any(entry.is_symlink() for entry in entries)
        if firm and max(stamp[2:]) < self._begun - SETTLED:
            self._found[key] = stamp, names
        return names


def index_path(root: Path) -> Path:
    """The index of ``root`` in the user's cache folder: $XDG_CACHE_HOME/zoo or ~/.cache/zoo."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = root.resolve()
    return cache / "zoo" / "folders" / f"{place.name}-{hashlib.sha256(str(place).encode()).hexdigest()[:16]}.index"


def _stamp(folder: Path) -> Stamp:
    found = folder.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _packed(found: dict[str, tuple[Stamp, bytes]]) -> bytes:
    """A line with the digest of what follows, a line with the folders, and their names one after the other."""
    listed = [(key, stamp, len(names)) for key, (stamp, names) in found.items()]
    body = json.dumps([_FORMAT, listed]).encode() + b"\n" + b"".join(names for _, names in found.values())
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _read(path: Path) -> dict[str, tuple[Stamp, bytes]]:
    """What ``_packed`` wrote; nothing where there is no index, or it is damaged or another program's."""
    try:
        digest, _, body = path.read_bytes().partition(b"\n")
        if digest.decode() != hashlib.sha256(body).hexdigest():
            return {}
        head, _, names = body.partition(b"\n")
        form, listed = json.loads(head)
        if form != _FORMAT:
            return {}
        kept, start = {}, 0
        for key, (inode, size, changed, status), length in listed:
            kept[key] = (inode, size, changed, status), names[start : start + length]
            start += length
    except (OSError, ValueError, TypeError):
        return {}
    return kept
