"""One shard of a prepared store: photos decoded, scaled, written, summed."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from zoo.data.photos.crops import scale_short_side, warp
from zoo.data.photos.decoders import read_rgb
from zoo.data.statistics import PixelSums
from zoo.data.store.format import UNFINISHED, WARPED
from zoo.errors import InputError
from zoo.files import whole

# The metadata that are texts.
_TEXTS = ("listing",)


@dataclass(frozen=True)
class ShardJob:
    """What a shard is made from: ``files`` in order, with the digest of their names and sizes.

    ``summed`` where its pixels count for the statistics.
    """

    store: Path
    name: str
    files: Sequence[Path]
    listing: str
    size: int
    scaling: str
    summed: bool

    @property
    def pixels(self) -> Path:
        """The shard itself."""
        return self.store / f"{self.name}.bin"

    @property
    def metadata(self) -> Path:
        """What is known of the shard until the index is written; there only when the shard is whole."""
        return self.store / UNFINISHED / f"{self.name}.npz"

    def is_done(self) -> bool:
        """Whether the shard and its metadata are there, of one size, and made from these files."""
        try:
            known = self.read_metadata()
            return self.pixels.stat().st_size == int(known["bytes"]) and str(known["listing"]) == self.listing
        except (OSError, ValueError):
            return False

    def read_metadata(self) -> dict[str, np.ndarray]:
        """heights, widths (n,); sources (n, 32) uint8, the sha256 of the files; bytes, sha256 of the shard; sums.

        Raises ValueError where the file is no such thing. Errors of the disk are OSErrors.
        """
        try:
            with np.load(self.metadata, allow_pickle=False) as arrays:
                found = {name: np.asarray(arrays[name]) for name in (*_TEXTS, *self._shapes())}
        except OSError:
            raise
        except Exception as error:  # on other bytes the reader of .npz files fails in a dozen ways
            raise ValueError(f"{self.metadata} is broken ({error!r})") from error
        for name, shape in self._shapes().items():
            if found[name].shape != shape or not np.issubdtype(found[name].dtype, np.integer):
                raise ValueError(f"{self.metadata} holds {name} of the shape {found[name].shape}, not {shape}")
        return found

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the metadata that are whole numbers."""
        number, channels = len(self.files), 3
        return {
            "heights": (number,), "widths": (number,), "sources": (number, 32), "bytes": (), "sha256": (32,),
            "pictures": (), "image": (channels, self.size, self.size), "products": (channels, channels),
        }  # fmt: skip


def write_shard(job: ShardJob, step: Callable[[], None]) -> None:
    """Writes the shard, then its metadata, each under its name only when it is whole and on the disk.

    ``step`` is called after each photo and may raise to stop. Raises InputError for a photo that cannot be
    decoded, with its path, or where the disk refuses.
    """
    sums = PixelSums.zero(3, job.size, job.size)
    sizes, sources = [], []
    digest = hashlib.sha256()
    with written_whole(job.pixels) as file:
        for path in job.files:
            photo = scaled_planes(path, job.size, job.scaling)
            data = photo.tobytes()
            file.write(data)
            digest.update(data)
            sizes.append(photo.shape[1:])
            sources.append(_digest(path))
            if job.summed:
                sums.add(center_square(photo, job.size))
            step()
        number = file.tell()
    heights, widths = np.array(sizes, np.int32).T
    metadata = io.BytesIO()
    np.savez(
        metadata,
        listing=np.array(job.listing),
        heights=heights,
        widths=widths,
        sources=np.frombuffer(b"".join(sources), np.uint8).reshape(-1, 32),
        bytes=np.int64(number),
        sha256=np.frombuffer(digest.digest(), np.uint8),
        pictures=np.int64(sums.num_images),
        image=sums.image,
        products=sums.products,
    )
    with written_whole(job.metadata) as file:
        file.write(metadata.getvalue())


def scaled_planes(path: Path, size: int, scaling: str) -> np.ndarray:
    """The photo as uint8 (3, height, width), its short side or both ``size`` pixels, as training scales the file."""
    scale = warp if scaling == WARPED else scale_short_side
    return np.ascontiguousarray(np.asarray(scale(read_rgb(path), size)).transpose(2, 0, 1))


def center_square(photo: np.ndarray, size: int) -> np.ndarray:
    """The middle ``size`` x ``size`` pixels of (3, H, W), where AlexNet's training crops are taken from."""
    top, left = ((side - size) // 2 for side in photo.shape[1:])
    return photo[:, top : top + size, left : left + size]


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A file that has its name only when all of it is on the disk; what stopped before is removed.

    Raises InputError where the disk refuses.
    """
    try:
        with whole(path, durable=True) as draft, draft.open("wb") as file:
            yield file
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}): make room and run the same command again;"
            " the shards that are finished stay."
        ) from error


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
