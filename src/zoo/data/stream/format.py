"""ImageNet as LitData streams: chunks of JPEG files in keyed random order, with a listing of what is in them."""

import errno
import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch

from zoo import keyed
from zoo.data.fingerprint import of_listing
from zoo.data.photos.folders import images_in, list_classes, require_splits
from zoo.data.photos.val_labels import flat_val_wnids
from zoo.errors import InputError
from zoo.files import is_device

LISTING = "listing.json.gz"
INDEX = "index.json"
CHUNK_BYTES = 64_000_000


@dataclass(frozen=True)
class Listing:
    """What a stream holds: ``classes`` in the order of their labels, each split's files as ``wnid/name``, in order."""

    classes: list[str]
    files: dict[str, list[str]]
    chunk_sizes: dict[str, list[int]]
    fingerprint: str


def litdata() -> ModuleType:
    """The package; raises InputError where it is not installed."""
    # It would ask a server for a newer version of itself at every start.
    os.environ.setdefault("LITDATA_DISABLE_VERSION_CHECK", "1")
    try:
        import litdata
    except ModuleNotFoundError as error:
        raise InputError("Streaming needs LitData, which is not installed: pip install litdata.") from error
    return litdata


def write_stream(
    root: Path, output: Path, chunk_bytes: int = CHUNK_BYTES, progress: Callable[[int, int], None] = lambda *_: None
) -> Listing:
    """Packs the folders of ``root`` into ``output/train``, ``output/val`` and a listing; the files' bytes stay as are.

    The order is random and always the same, so that each chunk is a sample of all classes. ``progress`` is told the
    files done and their number. Raises InputError where ``output`` exists or cannot be written; what was written then
    is removed, so ``output`` is whole or absent.
    """
    litdata()
    require_splits(root)
    if output.exists():
        raise InputError(f"{output} exists already: remove it or give another --output.")
    partial = output.with_name(f"{output.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        listing = _write(root, partial, chunk_bytes, progress)
        partial.rename(output)
    except OSError as error:
        raise InputError(f"{output} cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return listing


def _write(root: Path, output: Path, chunk_bytes: int, progress: Callable[[int, int], None]) -> Listing:
    train = list_classes(root / "train")
    val = list_classes(root / "val") or flat_val_wnids(root, sorted(images_in(root / "val")))
    if not train or set(val) - set(train):
        raise InputError(f"{root} does not have the same classes in train and val: see zoo data verify.")
    chosen = {split: _in_order(split, classes) for split, classes in (("train", train), ("val", val))}
    total, done = sum(map(len, chosen.values())), 0
    chunk_sizes = {}
    for split, members in chosen.items():
        for _ in _pack(output / split, [file for _, file in members], chunk_bytes):
            done += 1
            progress(done, total)
        index = json.loads((output / split / INDEX).read_text(encoding="utf-8"))
        chunk_sizes[split] = [chunk["chunk_size"] for chunk in index["chunks"]]
    files = [file for classes in (train, val) for members in classes.values() for file in members]
    names = {split: [f"{wnid}/{file.name}" for wnid, file in members] for split, members in chosen.items()}
    listing = Listing(list(train), names, chunk_sizes, of_listing(root, files))
    (output / LISTING).write_bytes(gzip.compress(json.dumps(listing.__dict__).encode(), mtime=0))
    return listing


def _in_order(split: str, classes: dict[str, list[Path]]) -> list[tuple[str, Path]]:
    members = [(wnid, file) for wnid, files in classes.items() for file in files]
    order = keyed.permutation(keyed.key("imagenet", "stream", split), len(members))
    return [members[place] for place in order.tolist()]


def _pack(folder: Path, files: list[Path], chunk_bytes: int) -> Iterator[None]:
    from litdata.streaming.cache import Cache

    folder.mkdir(parents=True)
    cache = Cache(input_dir=str(folder), chunk_bytes=chunk_bytes)
    for place, file in enumerate(files):
        cache[place] = _content(file)
        yield
    cache.done()
    cache.merge()


def _content(file: Path) -> bytes:
    try:
        if is_device(file):
            # To read from a pipe would be to wait for ever.
            raise OSError(errno.EINVAL, "it is a device or a pipe")
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}): replace or remove it.") from error


def short(error: Exception) -> str:
    """An error's text in one line of bearable length: some clients print a traceback into it."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 160 else f"{words[:157]}..."


def listing_in(content: bytes) -> Listing:
    """What ``write_stream`` wrote as its listing; anything else raises errors of gzip, json or a missing key."""
    return Listing(**json.loads(gzip.decompress(content)))


def is_remote(root: str) -> bool:
    """Whether ``root`` is an address and not a folder."""
    return "://" in root or root.startswith("local:")


def chunks_of(sizes: list[int]) -> torch.Tensor:
    """The chunk of every image, int64 (n,)."""
    return torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes, dtype=torch.int64))
