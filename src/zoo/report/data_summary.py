"""``zoo data info``: how much there is of a data set, and how large its images are."""

import statistics
from pathlib import Path
from typing import Any

from PIL import Image

from zoo.data.base import ImageDataModule
from zoo.data.files.module import FileImages
from zoo.data.imagenet import ImageNet
from zoo.data.photos import manifest
from zoo.data.store.format import Store
from zoo.data.stream.module import StreamedImageNet
from zoo.errors import InputError
from zoo.files import is_device
from zoo.report.data import print_counts

# Without a manifest, the headers of so many files are read.
SAMPLE = 1000


def print_summary(name: str, data: ImageDataModule) -> None:
    """Prints images a split and class, their sizes, the bytes they take and the fingerprint."""
    print_counts(name, {split: _counts(data, split) for split in ("train", "test")})
    if isinstance(data, ImageNet) and data.store is not None:
        _print_store(data.store)
    elif isinstance(data, FileImages) and not data.in_files:
        sizes = [size for size, _ in data.contents().values()]
        print(f"storage {sum(sizes) / 1e6:,.1f} MB in {len(sizes):,} rows")
    elif isinstance(data, (ImageNet, FileImages)):
        _print_files(data)
    elif isinstance(data, StreamedImageNet):
        assert data.listing is not None
        print(f"storage {sum(map(len, data.listing.chunk_sizes.values())):,} chunks at {data.root}")
    else:
        images = [data.splits[split].images for split in ("train", "test")]  # type: ignore[attr-defined]
        channels, height, width = images[0].shape[1:]
        print(f"size {width}x{height} pixels, {channels} channel{'s' if channels > 1 else ''}")
        print(f"storage {sum(split.nbytes for split in images) / 1e6:,.1f} MB in memory")
    print(f"fingerprint {data.fingerprint} ({data.fingerprint_of})")


def _counts(data: ImageDataModule, split: str) -> dict[str, int]:
    labels = data.splits[split].labels.tolist()  # type: ignore[attr-defined]
    return {name: labels.count(label) for label, name in enumerate(data.class_names)}


def _print_store(store: Store) -> None:
    for side in ("widths", "heights"):
        values = [int(value) for table in store.tables.values() for value in getattr(table, side)]
        print(f"{side[:-1]} {min(values)} to {max(values)} pixels, median {statistics.median(values):g} (prepared)")
    shards = list(store.all_shards())
    print(f"storage {sum(shard.bytes for shard in shards) / 1e6:,.1f} MB in {len(shards):,} shards")


def _print_files(data: ImageNet | FileImages) -> None:
    files = sorted(file for members in data.files.values() for file in members)
    entries = manifest.fitting(data.root, files)
    if entries is None:
        chosen = files[:: -(-len(files) // SAMPLE)]
        sizes, source = [_size(file) for file in chosen], f"headers of {len(chosen):,} of {len(files):,} files"
    else:
        sizes = [(entry["width"], entry["height"]) for entry in entries if entry["width"]]
        source = f"manifest, {len(sizes):,} files"
    for side, values in zip(("width", "height"), zip(*sizes, strict=True), strict=False):
        print(f"{side} {min(values)} to {max(values)} pixels, median {statistics.median(values):g} ({source})")
    print(f"storage {sum(file.stat().st_size for file in files) / 1e6:,.1f} MB in {len(files):,} files")


def _size(file: Path) -> Any:
    try:
        if is_device(file):
            # To read from a pipe would be to wait for ever.
            raise ValueError("it is a device or a pipe")
        with Image.open(file) as image:
            return image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{file} is not a readable image: zoo data verify finds every such file.") from error
