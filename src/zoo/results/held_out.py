"""A run's error on the held-out slice, as its metrics.csv has it. Standard library only."""

import csv
from pathlib import Path

#: The column with the error on the held-out slice, percent.
HELD_OUT_ERROR = "val/top1_error"


def last_error(run_dir: Path) -> float | None:
    """The last error on the held-out slice, percent; None where there is none."""
    try:
        with (run_dir / "metrics.csv").open(newline="", encoding="utf-8") as file:
            found = [row[HELD_OUT_ERROR] for row in csv.DictReader(file) if row.get(HELD_OUT_ERROR)]
        return float(found[-1]) if found else None
    except (OSError, ValueError, csv.Error):
        return None
