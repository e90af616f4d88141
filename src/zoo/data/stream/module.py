"""ImageNet streamed from object storage, where one machine's disk is too small for it."""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from zoo import keyed
from zoo.catalog import DATA
from zoo.data.loader import reading
from zoo.data.photos.module import PhotoDataModule
from zoo.data.photos.transforms import PhotoTransform
from zoo.data.sampling import Batches, Draw
from zoo.data.stream.cache import ChunkCache
from zoo.data.stream.format import INDEX, Listing, chunks_of, is_remote, litdata, short
from zoo.data.stream.storage import Storage, read_listing
from zoo.errors import InputError
from zoo.options import ChangesNoNumber, with_options_of
from zoo.output import of_a_disk


class StreamedImageNet(PhotoDataModule):
    """The stream that ``zoo data stream`` wrote: a folder, or s3://, gs://, azure:// or whatever else LitData reaches.

    The held-out slice, the augmentation of each image and the test set are those of ``ImageNet`` on the same files;
    the order is another one, for chunks come as a whole: chunks in keyed random order, and images at random among
    those of ``window`` chunks that follow each other. It is a function of (seed, epoch) alone, as everywhere, so each
    machine reads all chunks. Those of an address lie in ``cache_dir`` meanwhile, up to ``cache_gb``; the next window is
    fetched while one is read. ``endpoint_url`` is the server of s3:// where it is not AWS's; the account is found as
    AWS's own tools find it, in the environment or in ~/.aws.
    """

    facts = DATA["StreamedImageNet"]

    @with_options_of(PhotoDataModule, root="data/imagenet-stream")
    def __init__(
        self,
        *,
        window: int = 16,
        cache_dir: ChangesNoNumber[str | None] = None,
        cache_gb: ChangesNoNumber[float] = 50.0,
        seed: int,
        endpoint_url: ChangesNoNumber[str | None] = None,
        **options: Any,
    ) -> None:
        super().__init__(seed=seed, **options)
        if window < 1:
            raise InputError(f"data.window must be at least 1, not {window}.")
        if not cache_gb > 0:
            raise InputError(f"data.cache_gb must be above 0, not {cache_gb:g}.")
        if endpoint_url and not self.root.startswith("s3://"):
            raise InputError(f"data.endpoint_url is the server of an s3:// address, and data.root is {self.root}.")
        self.endpoint_url = endpoint_url
        self.root = self.root.rstrip("/")
        self.window, self.num_bytes = window, int(cache_gb * 1e9)
        # Each stream has a part of its own.
        part = format(keyed.key("stream", self.root, *([endpoint_url] if endpoint_url else [])), "x")
        self.cache_dir = Path(cache_dir or Path(tempfile.gettempdir()) / "zoo-stream") / part
        self.listing: Listing | None = None

    def prepare_data(self) -> None:
        """Raises InputError where there is no stream, or no LitData to read it with."""
        self.listing = self.listing or read_listing(self.root, self.cache_dir, self.endpoint_url)

    def setup(self, stage: str | None = None) -> None:
        """Reads the listing and carves the held-out slice; a second call does nothing."""
        if self.splits:
            return
        self.prepare_data()
        assert self.listing is not None
        self.class_names = self.listing.classes
        label_of = {wnid: label for label, wnid in enumerate(self.class_names)}
        names, labels = self.listing.files, {}
        for split, members in names.items():
            labels[split] = torch.tensor([label_of[name.partition("/")[0]] for name in members])
        kept, out = self.carved((name.partition("/")[2].encode() for name in names["train"]), labels["train"])
        everything = torch.arange(len(names["val"]))
        self.splits = {
            "train": self._split("train", labels["train"], kept, self.seed),
            "val": self._split("train", labels["train"], out, None),
            "test": self._split("val", labels["val"], everything, None),
        }

    def _split(self, name: str, labels: Tensor, positions: Tensor, seed: int | None) -> "Streamed":
        assert self.listing is not None
        source = Chunks(self, name)
        return Streamed(source, self.listing.files[name], labels, positions, self.transform, seed)

    def batches(self, split: str, **options: Any) -> Batches:
        """Training images in an order that takes the chunks one window after another."""
        if not options["shuffle"]:
            return super().batches(split, **options)
        assert self.listing is not None
        dataset: Any = self.splits[split]
        chunks = chunks_of(self.listing.chunk_sizes["train"])[dataset.positions]
        return WindowedBatches(chunks, self.window, self.batch_size, **options)

    @property
    def fingerprint(self) -> str:
        """A digest of the paths and sizes of the files that were packed, as ``ImageNet`` has it."""
        assert self.listing is not None
        return self.listing.fingerprint


class WindowedBatches(Batches):
    """As ``Batches``, with the images shuffled only among those of ``window`` chunks; ``chunks`` is each image's."""

    def __init__(self, chunks: Tensor, window: int, batch_size: int, **options: Any) -> None:
        super().__init__(len(chunks), batch_size, **options)
        self.chunks, self.window = chunks, window

    def _order(self) -> Tensor:
        shuffled = super()._order()
        num_chunks = int(self.chunks.max()) + 1
        turn = torch.empty(num_chunks, dtype=torch.int64)
        turn[chunk_order(self.seed, self.epoch, num_chunks)] = torch.arange(num_chunks)
        # Stable: within a window the images stay as shuffled.
        windows = turn[self.chunks[shuffled]] // self.window
        return shuffled[torch.argsort(windows, stable=True)]


def chunk_order(seed: int, epoch: int, num_chunks: int) -> Tensor:
    """The chunks in the order of an epoch."""
    return keyed.permutation(keyed.key(seed, "chunks", epoch), num_chunks)


class Chunks:
    """Reads images of one split by their place, in any order; each process has a reader of its own."""

    def __init__(self, data: StreamedImageNet, split: str) -> None:
        assert data.listing is not None
        self.address, self.folder = f"{data.root}/{split}", data.cache_dir / split
        self.endpoint_url = data.endpoint_url
        self.num_bytes, self.window, self.seed = data.num_bytes, data.window, data.seed
        self.chunk_of = chunks_of(data.listing.chunk_sizes[split])
        self._opened: tuple[int, Any] = (0, None)
        self._epoch = -1

    def read(self, place: int) -> bytes:
        """The bytes of one file. Raises InputError where its chunk cannot be fetched, or it or the index is damaged."""
        reader = self._reader()
        with _whole(self.address):
            if is_remote(self.address):
                content: bytes = reader.read(int(self.chunk_of[place]), place)
                return content
            return bytes(reader[place])

    def fetch_ahead(self, epoch: int, place: int) -> None:
        """Has the chunks fetched that come after those around ``place``; workers share the work."""
        if not is_remote(self.address):
            return
        if epoch != self._epoch:
            self._epoch, self._order = epoch, chunk_order(self.seed, epoch, int(self.chunk_of.max()) + 1)
            self._reader().forget_ahead()
        helper = get_worker_info()
        first = int((self._order == self.chunk_of[place]).nonzero()) // self.window * self.window + self.window
        mine = slice(first + helper.id if helper else first, first + self.window, helper.num_workers if helper else 1)
        self._reader().fetch_ahead(self._order[mine].tolist())

    def _reader(self) -> Any:
        # Threads and connections do not survive a fork.
        if self._opened[0] != os.getpid():
            with _whole(self.address):
                made: Any = (
                    ChunkCache(Storage(self.address, self.endpoint_url), self.folder, self.num_bytes, self.window)
                    if is_remote(self.address)
                    else litdata().StreamingDataset(self.address)
                )
            self._opened, self._epoch = (os.getpid(), made), -1
        return self._opened[1]


@contextmanager
def _whole(address: str) -> Iterator[None]:
    """LitData believes what the index and the chunks say: whatever fails in the block becomes an InputError."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and of_a_disk(error):
            raise
        raise InputError(
            f"{address} cannot be read ({type(error).__name__}: {short(error)}): its {INDEX} or a chunk is damaged;"
            " pack the stream anew."
        ) from error


class Streamed(Dataset):
    """JPEG files in the chunks of ``source``; an item is a whole batch, as of ``ImageNet``.

    Raises InputError naming the file where it cannot be decoded. A batch is augmented where ``seed`` is given, by the
    numbers that ``ImageNet`` gives the image of that place in the sorted list of files.
    """

    def __init__(
        self,
        source: Chunks,
        names: list[str],
        labels: Tensor,
        positions: Tensor,
        transform: PhotoTransform,
        seed: int | None,
    ) -> None:
        self.source, self.names, self.labels, self.positions = source, names, labels, positions
        self.transform, self.seed = transform, seed
        # Where the images stand in ImageNet's own, sorted list.
        self.keys = torch.empty(len(names), dtype=torch.int64)
        self.keys[torch.tensor(sorted(range(len(names)), key=lambda place: names[place].split("/")))] = torch.arange(
            len(names)
        )

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        positions, size = self.positions[draw.indices], self.transform.size
        images = torch.empty(len(positions), 3, size, size, dtype=torch.uint8)
        shifts, keys = torch.zeros(len(positions), 3), self.keys[positions]
        if self.seed is None:
            for n, position in enumerate(positions.tolist()):
                images[n] = self.transform.central(self._photo(position))
        elif len(positions):
            self.source.fetch_ahead(draw.epoch, int(positions[0]))
            stream = keyed.key(self.seed, "augment", draw.epoch)
            numbers = keyed.uniforms(stream, keys, self.transform.num_random).tolist()
            for n, position in enumerate(positions.tolist()):
                images[n] = self.transform.random(self._photo(position), numbers[n])
            stream = keyed.key(self.seed, "color", draw.epoch)
            shifts = self.transform.color_shifts(keyed.normals(stream, keys, 3))
        return images, self.labels[positions], shifts

    def name_of(self, position: int) -> str:
        """The address of a photo's chunk and its name, by its place in the stream."""
        return f"{self.names[position]} in chunk {int(self.source.chunk_of[position])} of {self.source.address}"

    def _photo(self, position: int) -> Image.Image:
        reading(position)
        content = self.source.read(position)
        try:
            with Image.open(io.BytesIO(content)) as image:
                return image.convert("RGB")
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            where = f"{self.source.address}: {self.names[position]}"
            raise InputError(f"{where} is not a readable image ({error}): pack the stream anew without it.") from error
