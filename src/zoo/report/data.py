"""What ``zoo data verify``, ``info`` and ``prepare`` print, and verify's JSON report."""

import json
from pathlib import Path
from typing import Any

from zoo.data.statistics import PixelStatistics
from zoo.data.store.format import Store
from zoo.data.verification import FAULTS, KINDS, Verification
from zoo.errors import InputError
from zoo.files import end_of_links, whole

# A line for each fault; notices can be thousands, so only the first of each kind are shown.
SHOWN_NOTICES = 3
SHOWN_CLASSES = 20


def print_verification(found: Verification) -> None:
    """Counts, what was found by kind, and the verdict."""
    print_counts(found.dataset, found.counts)
    for kind, number in found.kinds.items():
        print(f"{'fault ' if kind in FAULTS else 'notice'}  {kind}: {number:,}  ({KINDS[kind]})")
        members = [finding for finding in found.findings if finding.kind == kind]
        shown = members if kind in FAULTS else members[:SHOWN_NOTICES]
        for finding in shown:
            print(f"          {finding.path}{'  ' + finding.detail if finding.detail else ''}")
        if len(members) > len(shown):
            print(f"          and {len(members) - len(shown):,} more: --output REPORT.json lists all")
    if found.fingerprint:
        print(f"fingerprint {found.fingerprint}")
    if found.manifest:
        print(f"manifest {found.manifest}")
    faults, notices = found.num_faults, len(found.findings) - found.num_faults
    print(f"{'Clean' if not faults else 'Not clean'}: {_of(faults, 'fault')}, {_of(notices, 'notice')}.")


def print_counts(dataset: str, counts: dict[str, dict[str, int]]) -> None:
    """Images a split, and a class where there are few."""
    for split, classes in counts.items():
        numbers = list(classes.values())
        total = f"{dataset} {split}: {_of(sum(numbers), 'image')} of {_of(len(numbers), 'class')}"
        print(total + (f", {min(numbers):,} to {max(numbers):,} a class" if numbers else ""))
    rows = list(dict.fromkeys(name for classes in counts.values() for name in classes))
    if len(rows) <= SHOWN_CLASSES:
        width = max(map(len, rows), default=0)
        for name in rows:
            print(f"  {name:<{width}}", *(f"{split} {classes.get(name, 0):,}" for split, classes in counts.items()))


def print_store(store: Store) -> None:
    """Counts, room taken, statistics, and how to train from it."""
    for split, table in store.tables.items():
        print(f"{split}: {len(table):,} photos in {len(store.shards[split]):,} shards")
    print(f"storage {sum(shard.bytes for shard in store.all_shards()) / 1e6:,.1f} MB, short side {store.size} pixels")
    print_statistics("training photos", store.statistics)
    print(f"source {store.index['source']['files']}")
    print(f"Train from it with --data.root {store.folder}")


def print_statistics(name: str, statistics: PixelStatistics) -> None:
    """Mean colour and principal components, pixels from 0 to 255; the mean image by its range."""
    image = statistics.mean_image
    channels, height, width = image.shape
    print(f"mean image of the {name}: {width}x{height}, from {image.min():.2f} to {image.max():.2f}")
    print(f"mean {_row(statistics.mean)}")
    if channels == 1:
        print(f"standard deviation {_row(statistics.std)}")
        return
    for std, component in zip(statistics.std, statistics.components, strict=True):
        print(f"component ({_row(component, 4)}) with standard deviation {std:.3f}")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes JSON in one step; raises InputError where the place cannot be written."""
    try:
        with whole(end_of_links(path)) as draft:
            draft.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another place with --output.") from error


def _of(number: int, noun: str) -> str:
    plural = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def _row(values: object, digits: int = 2) -> str:
    return ", ".join(f"{value:.{digits}f}" for value in values)  # type: ignore[attr-defined]
