"""``zoo data prepare imagenet``: every photo decoded and scaled once, into a store that training maps into memory.

Each shard gets its name when it is whole, and the index is written last: stopped at any moment and started again,
it goes on with the shards that are missing, and ends with the same bytes.
"""

import json
import math
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

from PIL import Image, features

from zoo.data.fingerprint import of_listing
from zoo.data.photos.folders import SPLITS, require_splits
from zoo.data.photos.labelled import labelled_files
from zoo.data.store.format import FORMAT, INDEX, JOB, SHORT_SIDE, UNFINISHED, Store
from zoo.data.store.index import listing_of, write_index
from zoo.data.store.pool import run_all
from zoo.data.store.shards import ShardJob, written_whole
from zoo.errors import InputError
from zoo.files import is_device, lock

# A shard is a unit of work and of resumption; their number is bounded because a process maps them all.
FEWEST_PHOTOS, MOST_SHARDS = 64, 320
# Without reading all headers, the sizes of so many photos say how much room the store takes.
SAMPLE = 400


def prepare_store(root: Path, output: Path, size: int, num_workers: int, scaling: str = SHORT_SIDE) -> Store:
    """Makes or finishes the store ``output`` from the JPEG folders in ``root``, with ``num_workers`` processes.

    Raises InputError for a broken photo, with its path, where there is not room enough, or where ``output`` holds
    something else.
    """
    require_splits(root)
    if size < 1:
        raise InputError(f"--size must be at least 1, not {size}.")
    class_names, splits = labelled_files(root)
    made_with = {"pillow": Image.__version__, "jpeg": features.version("jpg")}
    job = {"format": FORMAT, "size": size, "scaling": scaling, "made_with": made_with, "classes": class_names}
    if (output / INDEX).is_file():
        return _finished(output, job, listing_of(root, splits))
    with _begun(output, job):
        jobs = {split: list(shard_jobs(root, output, split, splits[split].files, size, scaling)) for split in SPLITS}
        everything = [shard for shards in jobs.values() for shard in shards]
        _remove_others(output, everything)
        missing = [shard for shard in everything if not shard.is_done()]
        require_room(output, missing, size, scaling)
        run_all(missing, sum(len(shard.files) for shard in everything), num_workers)
        write_index(root, output, job, splits, jobs)
    return Store(output)


def shard_jobs(
    root: Path, store: Path, split: str, files: Sequence[Path], size: int, scaling: str
) -> Iterable[ShardJob]:
    """The shards of a split; their cut depends on the number of files alone."""
    number = max(FEWEST_PHOTOS, math.ceil(len(files) / MOST_SHARDS))
    for n, start in enumerate(range(0, len(files), number)):
        part = files[start : start + number]
        yield ShardJob(store, f"{split}-{n:05d}", part, of_listing(root, part), size, scaling, split == "train")


def require_room(output: Path, shards: Sequence[ShardJob], size: int, scaling: str) -> None:
    """Raises InputError where the photos of ``shards`` will not fit on the disk, by the sizes of a sample."""
    aspects = []
    number = sum(len(shard.files) for shard in shards)
    files = chain.from_iterable(shard.files for shard in shards)
    for file in islice(files, 0, None, max(1, number // SAMPLE)) if scaling == SHORT_SIDE else ():
        # A photo that cannot be opened is named when its turn comes.
        if is_device(file):
            continue
        with suppress(OSError, SyntaxError, ValueError, Image.DecompressionBombError), Image.open(file) as image:
            aspects.append(max(image.size) / min(image.size))
    need = round(3 * size * size * number * (sum(aspects) / len(aspects) if aspects else 1))
    free = shutil.disk_usage(output).free
    if need > free:
        raise InputError(
            f"The prepared photos need about {_bytes(need)}, and {output} has {_bytes(free)} free:"
            " make room, or name another place with --output."
        )


def _bytes(number: int) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.1f} MB"


@contextmanager
def _begun(output: Path, job: dict[str, Any]) -> Iterator[None]:
    """The folder for an unfinished store, with a note of what it is to become, for one process at a time.

    Raises InputError where there is something else, or where another process is at work.
    """
    is_new = not output.exists()
    try:
        if (output / JOB).is_file():
            _require_same(output, json.loads((output / JOB).read_text(encoding="utf-8")), job)
        elif output.is_dir() and any(entry.name != UNFINISHED for entry in output.iterdir()):
            raise InputError(f"{output} is not empty and is not a store: name another place with --output.")
        (output / UNFINISHED).mkdir(parents=True, exist_ok=True)
        mark = (output / UNFINISHED / "lock").open("w")
    except InputError:
        raise
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{output} cannot be used for a store ({error}): name another place with --output.") from error
    with mark:
        if not lock(mark):
            raise InputError(f"Another process is preparing {output}: wait until it has ended.")
        for left in (*output.glob(".*.part"), *output.glob(f"{UNFINISHED}/.*.part")):
            left.unlink()
        try:
            with written_whole(output / JOB) as file:
                file.write(json.dumps(job).encode())
            yield
        except InputError:
            # Without a finished shard there is nothing to go on with.
            if not any((output / UNFINISHED).glob("*.npz")):
                shutil.rmtree(output / UNFINISHED)
                if is_new:
                    output.rmdir()
            raise


def _remove_others(output: Path, shards: list[ShardJob]) -> None:
    """Removes shards that were cut from a longer list of files."""
    for path in set(output.glob("*.bin")) - {shard.pixels for shard in shards}:
        path.unlink()


def _finished(output: Path, job: dict[str, Any], listing: str) -> Store:
    """A store that is whole already; raises InputError where it is another than ``job`` asks for."""
    store = Store(output)
    # Which decoder made it matters only while it is being made: one store, one decoder.
    _require_same(output, store.index, job | {"made_with": store.index["made_with"]})
    _require_same(output, store.index["source"], {"listing": listing})
    shutil.rmtree(output / UNFINISHED, ignore_errors=True)
    return store


def _require_same(output: Path, found: dict[str, Any], job: dict[str, Any]) -> None:
    for key, value in job.items():
        if found.get(key) != value:
            other = (
                f"{key} {found.get(key)} instead of {value}" if key not in ("listing", "classes") else "other images"
            )
            raise InputError(f"{output} has a store of {other}: delete it, or name another place with --output.")
