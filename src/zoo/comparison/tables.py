"""``zoo compare`` for reading: errors, pairs, cost, differing options and learning curves as tables."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from zoo.comparison.measures import Difference, cost_of, difference, differing, errors_of, letters, pairs
from zoo.comparison.run import Curve, Run
from zoo.report.compute import counted, duration
from zoo.report.formats import Column, Table
from zoo.report.row import label_of

# Of so many runs each has its column of options; of more, each value has a line that names its runs.
_SIDE_BY_SIDE = 4
_RUNS = (
    Column(""), Column("run"), Column("network"), Column("data"), Column("protocol"), Column("n", True),
    Column("seed", True),
)  # fmt: skip
_ERRORS = (
    Column(""), Column("top-1", True), Column("95 % interval", True), Column("minus A", True),
    Column("its interval", True), Column("compared"), Column("top-5", True), Column("top-5 interval", True),
)  # fmt: skip
_PAIRS = (
    Column("pair"), Column("images", True), Column("only 1st", True), Column("only 2nd", True),
    Column("neither", True), Column("1st minus 2nd", True), Column("interval, 95 %", True), Column("p", True),
)  # fmt: skip
_COST = (
    Column(""), Column("network"), Column("parameters", True), Column("MACs", True), Column("steps", True),
    Column("epochs", True), Column("images seen", True), Column("training MACs", True), Column("wall time", True),
    Column("training images/s", True), Column("test time", True), Column("device"),
)  # fmt: skip
# The curve is a number in that it may not be wrapped.
_CURVES = (
    Column("metric"), Column(""), Column("points", True), Column("first", True), Column("lowest", True),
    Column("reached at step", True), Column("last", True), Column("at step", True), Column("curve over steps", True),
)  # fmt: skip
# What a logger has besides losses and errors, and what would only repeat them in a table for reading.
_NOT_SHOWN = ("epoch", "lr", "top5_error", "step_loss", "waiting", "images_per_second")
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28,52}\b")
_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 18


def tables_of(runs: Sequence[Run], *, sparks: bool = True) -> list[Table]:
    """All tables of a comparison, those that have a row; ``sparks`` draws the curves in block characters."""
    names = letters(len(runs))
    found = [
        _runs(runs, names), _errors(runs, names), _pairs(runs, names), _cost(runs, names), _options(runs, names),
        _curves(runs, names, sparks=sparks),
    ]  # fmt: skip
    return [table for table in found if table.rows]


def _runs(runs: Sequence[Run], names: Sequence[str]) -> Table:
    rows = []
    for name, run in zip(names, runs, strict=True):
        record, n = run.record, errors_of(run).n
        known = (
            [label_of(record.network, record.variant), record.dataset["name"], record.protocol] if record else [""] * 3
        )
        seed = "" if record is None or record.seed is None else str(record.seed)
        rows.append([name, run.name, *known, "" if n is None else f"{n:,}", seed])
    return Table("Runs", _RUNS, rows, [_notes(run) for run in runs])


def _notes(run: Run) -> list[str]:
    if run.record is None:
        kind = "its predictions" if run.answers else "what it logged; over how many images is not known"
        return [f"there is no Record: the errors are those of {kind}"]
    if run.record.is_trial:
        return [f"a trial, with {run.record.n:,} of {run.record.dataset['num_images']:,} test images"]
    return []


def _errors(runs: Sequence[Run], names: Sequence[str]) -> Table:
    found = [(errors_of(run), None if run is runs[0] else difference(run, runs[0])) for run in runs]
    rows = [
        [
            name, _error(errors.top1_error), _interval(errors.top1_interval),
            f"{apart.points:+.2f}" if apart else "", _interval(apart.interval if apart else None, "+"),
            _how(apart) if place else "", _error(errors.top5_error), _interval(errors.top5_interval),
        ]
        for place, (name, (errors, apart)) in enumerate(zip(names, found, strict=True))
    ]  # fmt: skip
    known = [row for row in rows if row[1]]
    return Table("Errors on the test images, %", _ERRORS, known, [_about(row[5]) for row in known])


def _how(apart: Difference | None) -> str:
    if apart is None:
        return "not on the same images"
    return "image by image" if apart.paired else "as two sets"


def _about(how: str) -> list[str]:
    if how != "as two sets":
        return []
    return ["compared as if on two sets of images, on the safe side: predictions of both give a narrower interval"]


def _pairs(runs: Sequence[Run], names: Sequence[str]) -> Table:
    rows = [
        [
            f"{names[one]}, {names[other]}", f"{pair.n:,}", f"{pair.only_first:,}", f"{pair.only_second:,}",
            f"{pair.neither:,}", f"{pair.difference:+.2f}", _interval(pair.interval, "+"), f"{pair.p:.2g}",
        ]
        for one, other, pair in pairs(runs)
    ]  # fmt: skip
    return Table("Right on an image that the other gets wrong: McNemar's exact test", _PAIRS, rows, [[] for _ in rows])


def _cost(runs: Sequence[Run], names: Sequence[str]) -> Table:
    rows = [_cost_cells(name, run, cost) for name, run in zip(names, runs, strict=True) if (cost := cost_of(run))]
    return Table("Time and compute", _COST, rows, [[] for _ in rows])


def _cost_cells(name: str, run: Run, cost: dict[str, Any]) -> list[str]:
    assert run.record is not None
    whole = [f"{cost[key]:,.0f}" if cost[key] else "" for key in ("train_steps", "train_epochs", "train_images")]
    return [
        name, label_of(run.record.network, run.record.variant), f"{cost['parameters']:,}",
        "" if cost["macs"] is None else f"{cost['macs']:,}", *whole,
        counted(cost["train_macs"]) if cost["train_macs"] else "",
        duration(cost["train_seconds"]) if cost["train_seconds"] else "",
        f"{cost['train_images_per_second']:,.0f}" if cost["train_images_per_second"] else "",
        duration(cost["test_seconds"]), cost["device"],
    ]  # fmt: skip


def _options(runs: Sequence[Run], names: Sequence[str]) -> Table:
    found = differing(runs)
    if len(runs) <= _SIDE_BY_SIDE:
        columns = [Column("option"), *map(Column, names)]
        rows = [[option, *map(_value, values)] for option, values in found.items()]
    else:
        columns = [Column("option"), Column("value"), Column("runs")]
        rows = [
            ["" if place else option, value, _spans(names, [_value(one) == value for one in values])]
            for option, values in found.items()
            for place, value in enumerate(dict.fromkeys(map(_value, values)))
        ]
    if not found and len(runs) > 1:
        rows = [["nothing", *[""] * (len(columns) - 1)]]
    return Table("What differs in the config and behind it", columns, rows, [[] for _ in rows])


def _spans(names: Sequence[str], chosen: Sequence[bool]) -> str:
    """The chosen names, three or more in a row as ``A to D``."""
    parts: list[list[str]] = []
    for name, take, before in zip(names, chosen, [False, *chosen], strict=False):
        if take and before:
            parts[-1].append(name)
        elif take:
            parts.append([name])
    return ", ".join(f"{part[0]} to {part[-1]}" if len(part) > 2 else ", ".join(part) for part in parts)


def _curves(runs: Sequence[Run], names: Sequence[str], *, sparks: bool) -> Table:
    columns = _CURVES if sparks else _CURVES[:-1]
    rows = []
    for metric in shown_metrics(runs):
        curves = {name: run.curves[metric] for name, run in zip(names, runs, strict=True) if metric in run.curves}
        ends = max(max(curve) for curve in curves.values())
        values = [value for curve in curves.values() for value in curve.values() if not math.isnan(value)]
        for place, (name, curve) in enumerate(curves.items()):
            lowest = min(curve, key=lambda step: (math.isnan(curve[step]), curve[step]))
            last = max(curve)
            cells = [
                "" if place else metric, name, f"{len(curve):,}", _number(curve[min(curve)]), _number(curve[lowest]),
                f"{lowest:,}", _number(curve[last]), f"{last:,}",
            ]  # fmt: skip
            rows.append([*cells, _spark(curve, ends, min(values), max(values))] if sparks and values else cells)
    rows = [row + [""] * (len(columns) - len(row)) for row in rows]
    return Table("Learning curves", columns, rows, [[] for _ in rows])


def shown_metrics(runs: Sequence[Run]) -> list[str]:
    """The losses and errors that the runs logged while they were trained."""
    names = sorted({name for run in runs for name in run.curves})
    return [name for name in names if name.split("/")[-1] not in _NOT_SHOWN and not name.startswith("test/")]


def _spark(curve: Curve, end: int, low: float, high: float) -> str:
    """A curve over steps 0 to ``end`` in blocks, each the last value in its stretch; a dot where there is none."""
    drawn = [""] * _WIDTH
    for step, value in curve.items():
        place = min(step * _WIDTH // (end + 1), _WIDTH - 1)
        height = (value - low) / (high - low) if high > low else 0.0
        drawn[place] = _BLOCKS[min(int(height * len(_BLOCKS)), len(_BLOCKS) - 1)] if not math.isnan(value) else "?"
    return "".join(block or "·" for block in drawn)


def _value(value: Any) -> str:
    """An option's value, short: a class by its name, a digest by its beginning, what is not there as nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        # Whole ones would push the next run off the screen; CSV and JSON have them.
        value = _DIGEST.sub(lambda found: found[1], value)
        return value.split(".")[-1] if value.startswith(("zoo.", "torch.", "lightning.")) else value
    return json.dumps(value)


def _error(error: float | None) -> str:
    return "" if error is None else f"{error:.2f}"


def _interval(interval: tuple[float, float] | None, sign: str = "") -> str:
    return "" if interval is None else f"{interval[0]:{sign}.2f} to {interval[1]:{sign}.2f}"


def _number(value: float) -> str:
    return f"{value:.4g}"
