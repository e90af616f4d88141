"""The chunks of a stream that lie on this machine: fetched once for all its processes, removed when long unused."""

import json
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock

from zoo.data.stream.format import INDEX, litdata
from zoo.data.stream.storage import PATIENCE, Storage
from zoo.errors import InputError
from zoo.files import lock, whole

# A chunk used within so many seconds is being read by some process.
IN_USE = 60.0


class ChunkCache:
    """``folder`` as a mirror of the split in ``storage`` that never holds much more than ``num_bytes``.

    LitData's own cache serves readers that take each chunk once; here images of ``window`` chunks alternate. Raises
    InputError where there is no room for three windows: one that is read, one before it and one behind.
    """

    def __init__(self, storage: Storage, folder: Path, num_bytes: int, window: int) -> None:
        self.storage, self.folder, self.num_bytes = storage, folder, num_bytes
        folder.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        if not (folder / INDEX).exists():
            self._download(INDEX, None)
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        self.sizes = {chunk["filename"]: chunk["chunk_bytes"] for chunk in index["chunks"]}
        self.names = list(self.sizes)
        needed = sum(sorted(self.sizes.values())[-3 * window :])
        if needed > num_bytes:
            raise InputError(
                f"data.cache_gb is {num_bytes / 1e9:g}, but three windows of {window} chunks need {needed / 1e9:.3g}:"
                " set it higher or data.window lower."
            )
        self._ahead = ThreadPoolExecutor(1)
        self._asked: set[int] = set()
        self._arriving, self._counting = 0, Lock()
        self._stream = litdata().StreamingDataset(str(folder))

    def read(self, chunk: int, place: int) -> bytes:
        """The bytes of the image at ``place`` of the whole stream, which is in ``chunk``."""
        self.fetch(chunk)
        try:
            return bytes(self._stream[place])
        except Exception:  # another process has removed the chunk in between
            self.fetch(chunk)
            return bytes(self._stream[place])

    def fetch_ahead(self, chunks: Iterable[int]) -> None:
        """Fetches chunks that will be read soon, in the background and each once."""
        for chunk in chunks:
            if chunk not in self._asked:
                self._asked.add(chunk)
                self._ahead.submit(self._fetch_if_possible, chunk)

    def forget_ahead(self) -> None:
        """What was asked for may be asked for again, in another epoch."""
        self._asked.clear()

    def _fetch_if_possible(self, chunk: int) -> None:
        with suppress(InputError):  # whoever needs it will say so, and wait
            self.fetch(chunk, patience=0.0)

    def fetch(self, chunk: int, patience: float = PATIENCE) -> None:
        """Fetches the chunk unless it is here. Raises InputError where it cannot be fetched."""
        name = self.names[chunk]
        file = self.folder / name
        try:
            os.utime(file)
        except FileNotFoundError:
            # Where there are no locks, a chunk may be fetched twice.
            with (self.folder / f"{name}.lock").open("w") as mark:
                lock(mark, wait=True)
                if not file.exists():
                    self._bring(name, self.sizes[name], patience)

    def _bring(self, name: str, num_bytes: int, patience: float) -> None:
        # Another thread's chunk may be on its way, and is not in the folder yet.
        with self._counting:
            self._arriving += num_bytes
            self._make_room(self._arriving)
        try:
            self._download(name, num_bytes, patience)
        finally:
            with self._counting:
                self._arriving -= num_bytes

    def _download(self, name: str, num_bytes: int | None, patience: float = PATIENCE) -> None:
        try:
            with whole(self.folder / name) as draft:
                self.storage.fetch(name, draft, patience)
                found = draft.stat().st_size
                if num_bytes not in (None, found):
                    raise InputError(
                        f"{self.storage.address}/{name} cannot be fetched ({found:,} of {num_bytes:,} bytes arrived):"
                        f" where the stream was packed anew, remove {self.folder.parent}."
                    )
        except OSError as error:
            raise InputError(f"{self.folder / name} cannot be written ({error.strerror or error}).") from error

    def _make_room(self, num_bytes: int) -> None:
        held = sorted(self._held(), key=lambda item: item[1])
        total = num_bytes + sum(size for _, _, size in held)
        for file, used, size in held:
            if total <= self.num_bytes or time.time() - used < IN_USE:
                break
            file.unlink(missing_ok=True)
            total -= size

    def _held(self) -> Iterator[tuple[Path, float, int]]:
        for name in self.names:
            try:
                status = (self.folder / name).stat()
            except FileNotFoundError:
                continue
            yield self.folder / name, status.st_mtime, status.st_size


def _clear(folder: Path) -> None:
    """Removes what killed processes were writing: a draft that grows is younger than an outage."""
    for draft in folder.glob(".*.part"):
        with suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > PATIENCE:
                draft.unlink()
