"""The end of a store's preparation: the metadata of all shards become tables, statistics and, last, the index."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.fingerprint import of_paths
from zoo.data.photos import manifest
from zoo.data.photos.folders import SPLITS
from zoo.data.photos.labelled import Labelled
from zoo.data.statistics import PixelStatistics, PixelSums
from zoo.data.store.format import INDEX, MEAN_IMAGE, TABLES, UNFINISHED, digest_of, digest_of_index
from zoo.data.store.shards import ShardJob, written_whole

Arrays = dict[str, np.ndarray]


def write_index(
    root: Path, output: Path, job: dict[str, Any], splits: dict[str, Labelled], jobs: dict[str, list[ShardJob]]
) -> None:
    """Finishes the store ``output``, whose shards are all there. Raises InputError where the disk refuses."""
    sums = PixelSums.zero(3, job["size"], job["size"])
    tables: Arrays = {}
    sources: list[np.ndarray] = []
    shards: dict[str, list[dict[str, Any]]] = {}
    for split in SPLITS:
        metadata = []
        for shard in jobs[split]:
            known = shard.read_metadata()
            # Of hundreds of shards these would be half a gigabyte, and nobody asks for them again.
            sums.merge(PixelSums(int(known["pictures"]), known.pop("image"), known.pop("products")))
            metadata.append(known)
        tables |= _columns(root, split, splits[split], metadata)
        sources += [known["sources"] for known in metadata]
        shards[split] = [_entry(*pair) for pair in zip(jobs[split], metadata, strict=True)]
    source = {"files": _fingerprint(root, splits, np.concatenate(sources)), "listing": listing_of(root, splits)}
    statistics = PixelStatistics.of(sums)
    with written_whole(output / TABLES) as file:
        np.savez(file, **tables)  # type: ignore[arg-type]
    with written_whole(output / MEAN_IMAGE) as file:
        np.save(file, statistics.mean_image)
    index = {
        **job,
        "source": source,
        "shards": shards,
        "statistics": statistics.plain(),
        "sha256": {name: digest_of(output / name) for name in (TABLES, MEAN_IMAGE)},
    }
    with written_whole(output / INDEX) as file:
        file.write(json.dumps(index | {"index_sha256": digest_of_index(index)}, indent=1).encode())
    shutil.rmtree(output / UNFINISHED)


def listing_of(root: Path, splits: dict[str, Labelled]) -> str:
    """The digest of the names and sizes of all files."""
    return of_paths(root, (splits["train"].files + splits["val"].files).sorted_paths())


def _fingerprint(root: Path, splits: dict[str, Labelled], digests: np.ndarray) -> str:
    """That of the contents of all files, whose sha256 are the rows of ``digests``, split by split."""
    paths = [file.relative_to(root).as_posix() for split in SPLITS for file in splits[split].files]
    ordered = sorted(range(len(paths)), key=paths.__getitem__)
    # Made one by one: a million of these tuples would be a third of a gigabyte.
    return manifest.of_files((paths[n], (root / paths[n]).stat().st_size, digests[n].tobytes().hex()) for n in ordered)


def _entry(shard: ShardJob, known: Arrays) -> dict[str, Any]:
    """What the index says of a shard."""
    return {
        "file": shard.pixels.name,
        "bytes": int(known["bytes"]),
        "sha256": known["sha256"].tobytes().hex(),
        "pictures": len(shard.files),
    }


def _columns(root: Path, split: str, labelled: Labelled, metadata: list[Arrays]) -> Arrays:
    """The table of a split, column by column; offsets count from the start of each shard."""
    names = "\0".join(file.relative_to(root).as_posix() for file in labelled.files)
    lengths = [3 * known["heights"].astype(np.int64) * known["widths"] for known in metadata]
    columns = {
        "labels": np.array(labelled.labels, np.int32),
        "heights": np.concatenate([known["heights"] for known in metadata]),
        "widths": np.concatenate([known["widths"] for known in metadata]),
        "offsets": np.concatenate([length.cumsum() - length for length in lengths]),
        "names": np.frombuffer(names.encode("utf-8", "surrogateescape"), np.uint8),
    }
    return {f"{split}_{name}": column for name, column in columns.items()}
