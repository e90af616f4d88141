"""``zoo table speed``: the speed records as a table. Needs no torch."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from zoo.report.formats import Column, Table, write
from zoo.report.selection import check_networks
from zoo.results.speed import SpeedRecord, read_speeds

# The records of a checkout lie beside its code, one's own in the working folder.
_CHECKOUT = Path(__file__).resolve().parents[3] / "benchmarks" / "results_speed"
OWN = Path("runs") / "speed"
_COLUMNS = (
    Column("network"), Column("variant"), Column("device"), Column("threads", True), Column("mode"), Column("form"),
    Column("batch", True), Column("images/s", True), Column("quartiles", True), Column("images per CPU second", True),
)  # fmt: skip


def speed_document(
    form: str, folder: Path | None = None, networks: Sequence[str] = (), columns: Sequence[str] = ()
) -> str:
    """The table in md, csv, latex, html, json or for a terminal, of the networks named or of all.

    Raises InputError for a file in ``folder`` that is no speed record, and as ``write`` does.
    """
    check_networks(networks)
    found = folder or next((each for each in (_CHECKOUT, OWN) if each.is_dir()), None)
    rows = [row for record in (read_speeds(found) if found else []) for row in _rows(record)]
    rows = [row for row in rows if not networks or row["network"] in networks]
    rows.sort(key=lambda row: (row["parameters"], row["network"], row["variant"], row["device"]))
    return write(
        form, rows, [Table("Speed", _COLUMNS, [_cells(row) for row in rows], [_notes(row) for row in rows])], columns
    )


def _rows(record: SpeedRecord) -> list[dict[str, Any]]:
    common = {
        "network": record.network,
        "variant": record.variant,
        "parameters": record.parameters,
        "input_shape": record.input_shape,
        "device": record.environment["device"],
        "threads": record.environment["threads"],
        "torch": record.environment["packages"].get("torch"),
    }
    rest = {
        "warmup": record.warmup,
        "repeats": record.repeats,
        "load_average": record.load_average,
        "cores": record.environment.get("cores"),
        "convention": record.convention,
        "commit": record.git["commit"] if record.git else None,
    }
    return [common | _measured(row) | rest for row in record.rows]


def _measured(row: dict[str, Any]) -> dict[str, Any]:
    rate, images = row["images_per_second"], row["batch_size"] * row["steps"]
    cpu = row["cpu_seconds"]
    return {
        "mode": row["mode"],
        "form": row["form"],
        "batch_size": row["batch_size"],
        "images_per_second": _rounded(rate["median"]),
        "q1": _rounded(rate["q1"]),
        "q3": _rounded(rate["q3"]),
        "images_per_cpu_second": _rounded(images / median(cpu)) if cpu and median(cpu) else None,
    }


def _cells(row: dict[str, Any]) -> Sequence[str]:
    per_cpu = row["images_per_cpu_second"]
    return [
        row["network"], row["variant"], row["device"], str(row["threads"]), row["mode"], row["form"],
        str(row["batch_size"]), _shown(row["images_per_second"]), f"{_shown(row['q1'])} to {_shown(row['q3'])}",
        "" if per_cpu is None else _shown(per_cpu),
    ]  # fmt: skip


def _notes(row: dict[str, Any]) -> list[str]:
    notes = [
        f"images/s: median of {row['repeats']} repeats after {row['warmup']} steps of warm-up, torch {row['torch']}. "
        + row["convention"]
    ]
    load, cores = row["load_average"], row["cores"]
    if load and cores and max(load) > cores:
        notes.append(
            f"other processes ran on the same {cores} cores (load average above {cores}): images/s is too low by an"
            " unknown factor, images per CPU second by little"
        )
    return notes


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
