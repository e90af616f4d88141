"""The small table at the end of a run."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from zoo.results.record import Record


def print_outcome(run_dir: Path, record: Record | None, metrics: dict[str, float]) -> None:
    """Prints a test's Record, or a validation's metrics, and where the run folder is."""
    table = Table(show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    if record is not None:
        for row in _rows(record):
            table.add_row(*row)
    else:
        for name, value in metrics.items():
            table.add_row(name, f"{value:.4g}")
    console = Console()
    if table.row_count:
        console.print(table)
    # Not wrapped, so that the path can be copied from a narrow terminal too.
    console.print(f"Run folder: {run_dir}", soft_wrap=True, highlight=False)


def _rows(record: Record) -> list[tuple[str, str]]:
    errors, timing = record.metrics, record.timing
    rows = [
        ("network", f"{record.network}, {record.variant}"),
        ("test set", f"{record.dataset['name']}"),
        ("top-1 error", f"{errors['top1_error']:.2f} %"),
        ("top-5 error", f"{errors['top5_error']:.2f} %"),
        ("n", f"{record.n:,}"),
        ("parameters", f"{record.parameters:,}"),
        ("test time", f"{timing['test_seconds']:.1f} s"),
    ]
    if "per_class" in errors:
        rows.insert(4, ("hardest classes", _hardest(errors["per_class"])))
    if timing["train_seconds"]:
        rows.insert(-1, ("training time", f"{timing['train_seconds']:.1f} s"))
    if record.is_trial:
        tested = f"{record.n:,} of {record.dataset['num_images']:,} test images"
        rows.append(("partial", f"a trial, with {tested};\nzoo table shows it with --partial"))
    return rows


def _hardest(counts: dict[str, Any], shown: int = 3) -> str:
    """The classes with the greatest top-1 error, in percent of their images."""
    tested = [label for label, images in enumerate(counts["images"]) if images]
    names = counts.get("names") or [str(label) for label in range(len(counts["images"]))]
    errors = {label: 100 * counts["top1_wrong"][label] / counts["images"][label] for label in tested}
    worst = sorted(tested, key=lambda label: (-errors[label], label))[:shown]
    return "\n".join(f"{names[label]} {errors[label]:.1f} %" for label in worst)
