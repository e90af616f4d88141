"""Reads ``metrics.csv`` of a run folder. Standard library only."""

import csv
from pathlib import Path

from zoo.errors import InputError

# A row has some hundred bytes.
_MOST_BYTES = 1_000_000_000


def read_metrics(path: Path) -> list[dict[str, str]]:
    """The rows of the file, as text; raises InputError for one that holds no metrics."""
    try:
        if not path.is_file():
            raise csv.Error("it is no file")
        if path.stat().st_size > _MOST_BYTES:
            raise csv.Error(f"it has {path.stat().st_size:,} bytes")
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if any(None in row for row in rows):
            raise csv.Error("a row is longer than the first one")
        return rows
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} does not hold the metrics of a run ({error}): move it away.") from error
