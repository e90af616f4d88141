"""What ``zoo data verify`` and ``zoo data info`` print, and verify's JSON report."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from zoo.data.findings import FAULTS, KINDS, Verification
from zoo.errors import InputError

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


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes JSON in one step; raises InputError where the place cannot be written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise InputError(f"{path} cannot be written ({error.strerror}): name another place with --output.") from error


def _of(number: int, noun: str) -> str:
    plural = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"
