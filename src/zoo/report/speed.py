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
_MODES = ("eval", "train")
_COLUMNS = [Column("network"), Column("variant"), Column("device"), Column("threads", True), Column("batch", True)]
for _mode in _MODES:
    _COLUMNS += [Column(f"{_mode}, images/s", True), Column(f"{_mode}, form"), Column(f"{_mode}, times float32", True)]


def speed_document(
    form: str, folder: Path | None = None, networks: Sequence[str] = (), columns: Sequence[str] = ()
) -> str:
    """The table in md, csv, latex, html, json or for a terminal, of the networks named or of all.

    csv and json have every form, mode and batch size; for reading there is a row a record, its largest batch in the
    form that is fastest. Raises InputError for a file in ``folder`` that is no speed record, and as ``write`` does.
    """
    check_networks(networks)
    found = folder or next((each for each in (_CHECKOUT, OWN) if each.is_dir()), None)
    rows = [row for record in (read_speeds(found) if found else []) for row in _rows(record)]
    rows = [row for row in rows if not networks or row["network"] in networks]
    rows.sort(key=lambda row: (row["parameters"], row["network"], row["variant"], row["device"]))
    records: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        records.setdefault(tuple(str(row[name]) for name in ("network", "variant", "device", "threads")), []).append(
            row
        )
    cells = [_cells(measured) for measured in records.values()]
    notes = [_notes(measured[0]) for measured in records.values()]
    return write(form, rows, [Table("Speed", _COLUMNS, cells, notes)], columns)


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


def _cells(measured: Sequence[dict[str, Any]]) -> Sequence[str]:
    first, size = measured[0], max(row["batch_size"] for row in measured)
    cells = [first["network"], first["variant"], first["device"], str(first["threads"]), str(size)]
    for mode in _MODES:
        rates = {
            row["form"]: row["images_per_second"]
            for row in measured
            if (row["mode"], row["batch_size"]) == (mode, size)
        }
        fastest = max(rates, key=lambda form: rates[form], default="")
        gain = f"{rates[fastest] / rates['float32']:.2f}" if "float32" in rates else ""
        cells += [_shown(rates[fastest]) if rates else "", fastest, gain]
    return cells


def _notes(row: dict[str, Any]) -> list[str]:
    notes = [
        f"images/s: median of {row['repeats']} repeats after {row['warmup']} steps of warm-up, torch {row['torch']}, in"
        f" the largest batch that was measured and the fastest form. {row['convention']} zoo table speed --format csv"
        " has every form and batch size, quartiles and images per CPU second."
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
