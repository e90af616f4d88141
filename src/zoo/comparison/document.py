"""A comparison as text: for a terminal, Markdown, CSV, LaTeX, HTML or JSON."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from zoo.comparison.measures import cost_of, difference, differing, errors_of, letters, pairs
from zoo.comparison.page import page
from zoo.comparison.run import Run
from zoo.comparison.tables import tables_of
from zoo.errors import InputError
from zoo.report.formats import write


def document(runs: Sequence[Run], form: str) -> str:
    """``runs`` side by side; ``form``: terminal, md, csv, latex, html or json. The same runs give the same text.

    CSV has a line a run, with the options that differ; JSON also pairs and curves. Raises InputError for a single run.
    """
    if len(runs) < 2:
        raise InputError(f"There is only {runs[0].name} to compare: give two runs or more.")
    rows, options = rows_of(runs), differing(runs)
    if form == "json":
        content = {"runs": rows, "pairs": _pairs(runs), "config": options, "curves": _curves(runs)}
        return json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if form == "html":
        return page(runs, tables_of(runs, sparks=False))
    if form == "csv":
        rows = [row | {key: values[place] for key, values in options.items()} for place, row in enumerate(rows)]
    return write(form, rows, tables_of(runs, sparks=form != "latex"))


def rows_of(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """All single numbers of each run, by name; an interval as its two ends."""
    return [_row(name, run, runs[0]) for name, run in zip(letters(len(runs)), runs, strict=True)]


def _row(letter: str, run: Run, first: Run) -> dict[str, Any]:
    record, errors = run.record, errors_of(run)
    apart = None if run is first else difference(run, first)
    calibration = (record.metrics.get("calibration") if record else None) or {}
    return {
        "letter": letter,
        "run": run.name,
        "network": record.network if record else None,
        "variant": record.variant if record else None,
        "dataset": record.dataset["name"] if record else None,
        "protocol": record.protocol if record else None,
        "n": errors.n,
        "seed": record.seed if record else None,
        "top1_error": errors.top1_error,
        **_ends("top1", errors.top1_interval),
        "top5_error": errors.top5_error,
        **_ends("top5", errors.top5_interval),
        "loss": record.metrics["loss"] if record else run.last("test/loss"),
        "nll": calibration.get("nll"),
        "ece": calibration.get("ece"),
        "difference": apart.points if apart else None,
        **_ends("difference", apart.interval if apart else None),
        "difference_paired": apart.paired if apart else None,
        **cost_of(run),
        "weights": record.weights.get("sha256") if record else None,
        "created": record.created if record else None,
    }


def _ends(name: str, interval: tuple[float, float] | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def _pairs(runs: Sequence[Run]) -> list[dict[str, Any]]:
    names = letters(len(runs))
    return [
        {"first": names[one], "second": names[other], **asdict(pair), "difference": pair.difference}
        | {**_ends("difference", pair.interval), "p": pair.p}
        for one, other, pair in pairs(runs)
    ]


def _curves(runs: Sequence[Run]) -> dict[str, Any]:
    """Of each run and metric the steps and the values."""
    return {
        name: {metric: {"step": [*curve], "value": [*curve.values()]} for metric, curve in run.curves.items()}
        for name, run in zip(letters(len(runs)), runs, strict=True)
    }


def _finite(value: Any) -> Any:
    """As JSON can hold it: what is no number is null."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
