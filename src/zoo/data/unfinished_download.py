"""The part of a download that has come so far, kept with what tells whether its source is still the same."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from typing import BinaryIO

from zoo.files import alone


@dataclass(frozen=True)
class Source:
    """What a server says of a file: its size, a mark that changes with its content, and whether it sends parts."""

    size: int | None
    mark: str | None
    ranges: bool

    @classmethod
    def of(cls, headers: Message, start: int) -> "Source":
        """From a reply that begins at byte ``start``."""
        total = (headers.get("Content-Range") or "").rpartition("/")[2]
        length = headers.get("Content-Length")
        size = int(total) if total.isdecimal() else start + int(length) if length else None
        return cls(size, headers.get("ETag") or headers.get("Last-Modified"), headers.get("Accept-Ranges") == "bytes")

    @property
    def resumable(self) -> bool:
        """Whether the rest can be asked for, and its end is known."""
        return self.ranges and self.size is not None

    def same_as(self, other: "Source") -> bool:
        """Whether the rest of this file belongs to the beginning of the other."""
        return self.size == other.size and self.mark == other.mark

    def headers(self, start: int) -> dict[str, str]:
        """Asks for the rest from ``start`` on, and for the whole where the content has changed."""
        if not start:
            return {}
        # A weak mark (W/"...") is not allowed to be asked with; the reply's own is compared anyway.
        condition = {"If-Range": self.mark} if self.mark and not self.mark.startswith("W/") else {}
        return {"Range": f"bytes={start}-"} | condition


class UnfinishedDownload:
    """``target.part`` and, while it can be gone on with, ``target.part.json`` with its source."""

    def __init__(self, target: Path, url: str) -> None:
        self.url = url
        self.file = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        self.source: Source | None = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """For this process alone, until what has come has its name; what cannot be gone on with is removed at the end.

        Raises BlockingIOError where another process is at it.
        """
        # A file of its own: by its name somebody else may open the part just when it becomes the whole.
        with alone(self.file.with_name(f"{self.file.name}.lock"), wait=False):
            try:
                yield
            finally:
                if not self.num_kept():
                    self.forget()

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file at its end; empty where nothing is known of its source."""
        self.file.touch()
        self.source = self._read()
        with self.file.open("r+b") as file:
            if self.source is None or (self.source.size or 0) < file.seek(0, os.SEEK_END):
                file.truncate(0)
                file.seek(0)
            yield file

    def note(self, source: Source | None) -> None:
        """Keeps what the server says, where it helps to go on."""
        self.source = source
        if source is None or not source.resumable:
            self._note.unlink(missing_ok=True)
        else:
            self._note.write_text(json.dumps({"url": self.url, **asdict(source)}), encoding="utf-8")

    def num_kept(self) -> int:
        """How many bytes a later call can go on from."""
        return self.file.stat().st_size if self.file.exists() and self._read() else 0

    def forget(self) -> None:
        """Removes both files."""
        self.file.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _read(self) -> Source | None:
        try:
            known = json.loads(self._note.read_text(encoding="utf-8"))
            size, mark, ranges = known["size"], known["mark"], known["ranges"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        fits = isinstance(size, int | None) and isinstance(mark, str | None) and isinstance(ranges, bool)
        return Source(size, mark, ranges) if fits and known.get("url") == self.url else None
