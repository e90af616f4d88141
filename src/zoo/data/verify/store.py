"""``zoo data verify`` for a prepared store: every file against its checksum. No torch."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from zoo.data.photos.folders import SPLITS
from zoo.data.progress import progress_bar
from zoo.data.store.format import INDEX, MEAN_IMAGE, TABLES, Table, digest_of, read_index, read_tables
from zoo.data.verification import Finding, Verification
from zoo.errors import InputError


def verify_store(folder: Path, dataset: str, num_workers: int) -> Verification:
    """Reads the whole store in ``folder`` and compares sizes and checksums with its index.

    A broken index, without which nothing else can be checked, is a finding, too.
    """
    try:
        index = read_index(folder)
    except InputError as error:
        return Verification(dataset, str(folder), {}, [Finding("other contents", INDEX, str(error))])
    expected = {shard["file"]: shard for split in SPLITS for shard in index["shards"][split]}
    expected |= {name: {"sha256": index["sha256"][name]} for name in (TABLES, MEAN_IMAGE)}
    sizes = {name: entry["bytes"] for name, entry in expected.items() if "bytes" in entry}
    findings = list(_whole(folder, expected, sizes, num_workers))
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name not in expected and entry.name != INDEX:
            findings.append(Finding("stray file", entry.name, "not a file of the store"))
    counts = {}
    if not any(finding.path == TABLES for finding in findings):
        counts = {split: _counts(table, index["classes"]) for split, table in read_tables(folder, index).items()}
    return Verification(dataset, str(folder), counts, sorted(findings), index["source"]["files"])


def _whole(
    folder: Path, expected: dict[str, dict[str, str]], sizes: dict[str, int], num_workers: int
) -> Iterator[Finding]:
    """What is wrong with the files that the index names; read in threads, as sha256 lets others run."""
    with progress_bar("Reading") as progress, ThreadPoolExecutor(num_workers) as pool:
        task = progress.add_task("", total=len(expected))
        for finding in pool.map(partial(_compare, folder, expected, sizes), expected):
            progress.advance(task)
            if finding is not None:
                yield finding


def _compare(folder: Path, expected: dict[str, dict[str, str]], sizes: dict[str, int], name: str) -> Finding | None:
    path = folder / name
    try:
        size = path.stat().st_size
        if size < sizes.get(name, size):
            return Finding("truncated", name, f"{size:,} bytes instead of {sizes[name]:,}")
        found = digest_of(path)
    except FileNotFoundError:
        return Finding("missing file", name)
    except (OSError, InputError) as error:
        return Finding("unreadable", name, str(error))
    if found != expected[name]["sha256"]:
        return Finding("other contents", name, f"sha256 {found} instead of {expected[name]['sha256']}")
    return None


def _counts(table: Table, classes: list[str]) -> dict[str, int]:
    """Photos of each class that has any."""
    found = table.labels.tolist()
    numbers = dict.fromkeys(classes, 0)
    for label in found:
        numbers[classes[label]] += 1
    return {name: number for name, number in numbers.items() if number}
