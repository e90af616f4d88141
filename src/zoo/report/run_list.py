"""The runs in a folder, a line each: what was trained, what became of it, its error, its size."""

from datetime import datetime
from pathlib import Path
from typing import Any

from zoo import runs, yaml_text
from zoo.errors import InputError
from zoo.results.held_out import last_error
from zoo.results.json_file import read_json

# How far below the folder a member of a sweep lies: runs/<config>/sweep_<time>/<member>.
_DEPTH = 3


def found_in(folder: Path) -> list[Path]:
    """The run folders in ``folder`` and below, the oldest first. Raises InputError where there is no such folder."""
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder} with runs: zoo fit makes it, or give another --runs DIR.")
    configs = {path.parent for depth in range(_DEPTH + 1) for path in folder.glob(f"{'*/' * depth}{runs.CONFIG}")}
    return sorted(configs, key=lambda path: (last_change(path), path))


def last_change(run_dir: Path) -> float:
    """When the run last wrote something that stays, as seconds since 1970."""
    names = (runs.CONFIG, "metrics.csv", str(runs.CHECKPOINT), runs.RECORD)
    return max(path.stat().st_mtime for path in (run_dir / name for name in names) if path.exists())


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder; links count as nothing."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def state_of(run_dir: Path) -> str:
    """What became of a run: in progress, tested, trained or failed as a part of a sweep, stopped, or begun."""
    if runs.in_progress(run_dir):
        return "in progress"
    if (run_dir / runs.RECORD).exists():
        return "tested"
    outcome = _outcome(run_dir)
    if outcome is not None:
        return "failed" if outcome else "trained"
    return "no Record" if (run_dir / runs.CHECKPOINT).exists() else "nothing saved"


def as_data(found: list[Path]) -> list[dict[str, Any]]:
    """All runs as plain values; errors are percent, None where there is none."""
    return [
        {
            "run": str(path),
            **_classes(path),
            "state": state_of(path),
            "test_error": _test_error(path),
            "held_out_error": last_error(path),
            "last_change": datetime.fromtimestamp(last_change(path)).isoformat(timespec="seconds"),
            "bytes": size_of(path),
        }
        for path in found
    ]


def lines(found: list[Path]) -> list[str]:
    """A heading and a line for each run, which ends with its folder, whole and ready to be copied."""
    rows = [("state", "test", "held-out", "last change", "size", "model, data", "run folder")]
    for one in as_data(found):
        errors = ("" if (error := one[key]) is None else f"{error:.2f} %" for key in ("test_error", "held_out_error"))
        when, size = one["last_change"][:16].replace("T", " "), f"{one['bytes'] / 1e6:,.1f} MB"
        rows.append((one["state"], *errors, when, size, f"{one['model']}, {one['data']}", one["run"]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    shown = []
    for row in rows:
        state, test, held_out, when, size, classes, run = (f"{cell:<{n}}" for cell, n in zip(row, widths, strict=True))
        numbers = [f"{cell.strip():>{len(cell)}}" for cell in (test, held_out, size)]
        shown.append("  ".join((state, *numbers[:2], when, numbers[2], classes, run)).rstrip())
    return shown


def _classes(path: Path) -> dict[str, str]:
    """The classes of model and data by their names; empty where the config does not say."""
    try:
        config = yaml_text.read_file(path / runs.CONFIG)
        return {part: str(config[part]["class_path"]).rpartition(".")[2] for part in ("model", "data")}
    except (InputError, KeyError, TypeError):
        return {"model": "", "data": ""}


def _test_error(path: Path) -> float | None:
    try:
        return float(read_json(path / runs.RECORD, "record")["metrics"]["top1_error"])
    except (InputError, KeyError, TypeError, ValueError):
        return None


def _outcome(run_dir: Path) -> int | None:
    """The exit status of a member of a sweep; None of any other run."""
    try:
        return int(read_json(run_dir.parent / runs.OUTCOMES, "sweep's outcomes")[run_dir.name]["status"])
    except (InputError, KeyError, TypeError, ValueError):
        return None
