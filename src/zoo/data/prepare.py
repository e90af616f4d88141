"""``zoo data prepare imagenet``: every picture decoded and scaled once, into a store that training maps into memory.

Each shard gets its name when it is whole, and the index is written last: stopped at any moment and started again,
it goes on with the shards that are missing, and ends with the same bytes.
"""

import json
import math
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, features

from zoo.data import manifest
from zoo.data.fingerprint import of_listing
from zoo.data.folders import require_splits
from zoo.data.labelled import Labelled, labelled_files
from zoo.data.pool import run_all
from zoo.data.shards import ShardJob, written_whole
from zoo.data.statistics import PixelStatistics, PixelSums
from zoo.data.store import FORMAT, INDEX, JOB, MEAN_IMAGE, SPLITS, TABLES, UNFINISHED, Store, digest_of, digest_of_index
from zoo.errors import InputError

# A shard is a unit of work and of resumption; their number is bounded because a process maps them all.
FEWEST_PICTURES, MOST_SHARDS = 64, 320
# Without reading all headers, the sizes of so many pictures say how much room the store takes.
SAMPLE = 400


def prepare(root: Path, output: Path, size: int, num_workers: int) -> Store:
    """Makes or finishes the store ``output`` from the JPEG folders in ``root``, with ``num_workers`` processes.

    Raises InputError for a broken picture, with its path, where there is not room enough, or where ``output`` holds
    something else.
    """
    require_splits(root)
    if size < 1:
        raise InputError(f"--size must be at least 1, not {size}.")
    class_names, splits = labelled_files(root)
    job = {
        "format": FORMAT,
        "size": size,
        "scaling": "short side to size, bilinear with antialiasing",
        "made_with": {"pillow": Image.__version__, "jpeg": features.version("jpg")},
        "listing": of_listing(root, [file for split in splits.values() for file in split.files]),
        "classes": class_names,
    }
    if (output / INDEX).is_file():
        return _finished(output, job)
    _begin(output, job)
    jobs = {split: list(shard_jobs(output, split, splits[split].files, size)) for split in SPLITS}
    missing = [shard for shards in jobs.values() for shard in shards if not shard.is_done()]
    require_room(output, [file for shard in missing for file in shard.files], size)
    run_all(missing, sum(len(split.files) for split in splits.values()), num_workers)
    _finish(root, output, job, splits, jobs)
    return Store(output)


def shard_jobs(store: Path, split: str, files: list[Path], size: int) -> Iterable[ShardJob]:
    """The shards of a split; their cut depends on the number of files alone."""
    number = max(FEWEST_PICTURES, math.ceil(len(files) / MOST_SHARDS))
    for n, start in enumerate(range(0, len(files), number)):
        yield ShardJob(store, f"{split}-{n:05d}", tuple(files[start : start + number]), size, split == "train")


def require_room(output: Path, files: list[Path], size: int) -> None:
    """Raises InputError where the pictures of ``files`` will not fit on the disk, by the sizes of a sample."""
    aspects = []
    for file in files[:: max(1, len(files) // SAMPLE)]:
        # A picture that cannot be opened is named when its turn comes.
        with suppress(OSError, SyntaxError, ValueError, Image.DecompressionBombError), Image.open(file) as image:
            aspects.append(max(image.size) / min(image.size))
    need = round(3 * size * size * len(files) * (sum(aspects) / len(aspects) if aspects else 1))
    free = shutil.disk_usage(output).free
    if need > free:
        raise InputError(
            f"The prepared pictures need about {need / 1e9:,.1f} GB, and {output} has {free / 1e9:,.1f} GB free:"
            " make room, or name another place with --output."
        )


def _begin(output: Path, job: dict[str, Any]) -> None:
    """Notes in ``output`` what the store is made from; raises InputError where it is made from something else."""
    try:
        if (output / JOB).is_file():
            _require_same(output, json.loads((output / JOB).read_text(encoding="utf-8")), job)
        elif output.is_dir() and any(output.iterdir()):
            raise InputError(f"{output} is not empty and no store: name another place with --output.")
        (output / UNFINISHED).mkdir(parents=True, exist_ok=True)
        for left in (*output.glob(".*.part"), *output.glob(f"{UNFINISHED}/.*.part")):
            left.unlink()
    except (OSError, ValueError) as error:
        raise InputError(
            f"{output} cannot be used for the store ({error}): name another place with --output."
        ) from error
    with written_whole(output / JOB) as file:
        file.write(json.dumps(job).encode())


def _finished(output: Path, job: dict[str, Any]) -> Store:
    store = Store(output)
    _require_same(output, store.index, job | {"listing": store.index["source"]["listing"]})
    if store.index["source"]["listing"] != job["listing"]:
        raise InputError(f"{output} was prepared from other pictures: delete it, or name another place with --output.")
    shutil.rmtree(output / UNFINISHED, ignore_errors=True)
    return store


def _require_same(output: Path, found: dict[str, Any], job: dict[str, Any]) -> None:
    for key, value in job.items():
        if key in found and found[key] != value:
            what = (
                f"{key} {found[key]} instead of {value}" if key in ("format", "size", "made_with") else "other pictures"
            )
            raise InputError(f"{output} holds a store of {what}: delete it, or name another place with --output.")


def _finish(
    root: Path, output: Path, job: dict[str, Any], splits: dict[str, Labelled], jobs: dict[str, list[ShardJob]]
) -> None:
    """Joins the notes of all shards into tables, statistics and, last, the index."""
    sums = PixelSums.zero(3, job["size"], job["size"])
    tables: dict[str, np.ndarray] = {}
    sources: list[tuple[str, int, str | None]] = []
    shards: dict[str, list[dict[str, Any]]] = {}
    for split in SPLITS:
        notes = [shard.read_notes() for shard in jobs[split]]
        for note in notes:
            sums.merge(PixelSums(int(note["pictures"]), note["image"], note["products"]))
        tables |= _columns(root, split, splits[split], notes)
        digests = np.concatenate([note["sources"] for note in notes])
        for file, digest in zip(splits[split].files, digests, strict=True):
            sources.append((file.relative_to(root).as_posix(), file.stat().st_size, digest.tobytes().hex()))
        shards[split] = [
            {
                "file": shard.pixels.name,
                "bytes": int(note["bytes"]),
                "sha256": note["sha256"].tobytes().hex(),
                "pictures": len(shard.files),
            }
            for shard, note in zip(jobs[split], notes, strict=True)
        ]
    statistics = PixelStatistics.of(sums)
    with written_whole(output / TABLES) as file:
        np.savez(file, **tables)  # type: ignore[arg-type]
    with written_whole(output / MEAN_IMAGE) as file:
        np.save(file, statistics.mean_image)
    index = {
        **{key: value for key, value in job.items() if key != "listing"},
        "source": {"files": manifest.of_files(sources), "listing": job["listing"]},
        "shards": shards,
        "statistics": statistics.plain(),
        "sha256": {name: digest_of(output / name) for name in (TABLES, MEAN_IMAGE)},
    }
    with written_whole(output / INDEX) as file:
        file.write(json.dumps(index | {"index_sha256": digest_of_index(index)}, indent=1).encode())
    shutil.rmtree(output / UNFINISHED)


def _columns(root: Path, split: str, labelled: Labelled, notes: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The table of a split, column by column; offsets count from the start of each shard."""
    names = "\0".join(file.relative_to(root).as_posix() for file in labelled.files)
    lengths = [3 * note["heights"].astype(np.int64) * note["widths"] for note in notes]
    columns = {
        "labels": np.array(labelled.labels, np.int32),
        "heights": np.concatenate([note["heights"] for note in notes]),
        "widths": np.concatenate([note["widths"] for note in notes]),
        "offsets": np.concatenate([length.cumsum() - length for length in lengths]),
        "names": np.frombuffer(names.encode("utf-8", "surrogateescape"), np.uint8),
    }
    return {f"{split}_{name}": column for name, column in columns.items()}
