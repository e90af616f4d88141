"""``zoo table``: measured errors beside the published ones, from Records and published figures. Needs no torch."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from zoo.errors import InputError
from zoo.report.formats import Column, Table, write
from zoo.report.ilsvrc import contest_rows, contest_table
from zoo.report.speed import speed_document
from zoo.results.experiment import Experiment, experiments, read_records
from zoo.results.published import Figure, Published, load
from zoo.results.record import Record
from zoo.results.verdict import NOT_COMPARABLE, judge, split_of

CONTEST = "ilsvrc"
SPEED = "speed"
NOT_MEASURED = "not measured"
# The Records of a checkout lie beside its code, those of one's own runs in the working folder.
_CHECKOUT = Path(__file__).resolve().parents[3] / "benchmarks" / "results"
_RUNS = Path("runs")

_COLUMNS = (
    Column("network"), Column("variant"), Column("training"), Column("parameters", True), Column("protocol"),
    Column("n", True), Column("runs", True), Column("top-1 error, %", True), Column("top-5 error, %", True),
    Column("published, %", True), Column("difference, 95 % interval", True), Column("verdict"),
)  # fmt: skip
_PUBLISHED_COLUMNS = (
    Column("published"), Column("in this zoo"), Column("split"), Column("protocol"), Column("nets", True),
    Column("more data"), Column("top-1 error, %", True), Column("top-5 error, %", True), Column("source"),
    Column("read in"),
)  # fmt: skip
_STATUS = {"V": "the artefact", "T": "the paper", "S": "a secondary source", "D": "derived"}


def document(which: str | None, form: str, records: Path | None = None) -> str:
    """The table of a data set, of all (None), of the ImageNet challenge (``ilsvrc``), or of ``speed``, as text.

    ``form``: md, csv, latex, html or json. ``records``: the folder of the Records. Raises InputError for a data set
    that is nowhere, and for a file that is no Record.
    """
    if which == SPEED:
        return speed_document(form, records)
    published = load()
    found = experiments(read_records(records) if records else _own_records())
    if which == CONTEST:
        entries = contest_rows(found, published)
        return write(form, entries, [contest_table(entries)])
    measured = {experiment.record.dataset["name"] for experiment in found}
    names = [name for name in published.datasets if name != CONTEST]
    names += sorted(measured - set(names))
    if which is not None and which not in names:
        raise InputError(f"There is no table {which!r}: there is {', '.join([*names, CONTEST, SPEED])}.")
    shown = names if which is None else [which]
    rows = {name: rows_of(name, found, published) for name in shown}
    tables = [table for name in shown for table in _tables(name, rows[name], published)]
    return write(form, [row for name in shown for row in rows[name]], tables)


def of_records(records: Iterable[Record], form: str = "md") -> str:
    """The tables of these Records alone, without the published figures that they do not measure."""
    published, found = load(), experiments(records)
    names = dict.fromkeys(experiment.record.dataset["name"] for experiment in found)
    rows = {name: [row for row in rows_of(name, found, published) if row["verdict"] != NOT_MEASURED] for name in names}
    tables = [table for name in names for table in _tables(name, rows[name], published)]
    return write(form, [row for name in names for row in rows[name]], tables)


def rows_of(dataset: str, found: Iterable[Experiment], published: Published) -> list[dict[str, Any]]:
    """What is known of a data set: first what was measured, the worst first, then the figures that nobody measured."""
    judged = [_row(experiment, published) for experiment in found if experiment.record.dataset["name"] == dataset]
    judged.sort(key=lambda pair: (-pair[0]["top1_error"], pair[0]["network"], pair[0]["experiment"]))
    compared = [figure for _, figure in judged]
    others = [figure for figure in published.of_dataset(dataset) if figure not in compared]
    return [row for row, _ in judged] + [_unmeasured_row(figure, published) for figure in others]


def _own_records() -> list[Any]:
    folder = next((folder for folder in (_CHECKOUT, _RUNS) if folder.is_dir()), None)
    return read_records(folder) if folder else []


def _row(experiment: Experiment, published: Published) -> tuple[dict[str, Any], Figure | None]:
    record, verdict = experiment.record, judge(experiment, published)
    runs, figure = experiment.runs, verdict.figure
    row = {
        "network": record.network,
        "variant": record.variant,
        "training": experiment.training,
        "parameters": record.parameters,
        "dataset": record.dataset["name"],
        "split": split_of(experiment, published),
        "protocol": record.protocol,
        "n": record.n,
        "runs": len(runs),
        "seeds": [run.seed for run in runs],
        "top1_error": _rounded(experiment.mean("top1_error")),
        "top1_spread": _rounded(experiment.spread("top1_error")),
        "top5_error": _rounded(experiment.mean("top5_error")),
        "top5_spread": _rounded(experiment.spread("top5_error")),
        **_published_part(figure, published),
        "difference": _rounded(verdict.difference),
        "interval": [_rounded(end) for end in verdict.interval] if verdict.interval else None,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "notes": list(verdict.notes),
        "train_images": _rounded(mean(run.timing["train_images"] or 0 for run in runs)),
        "train_seconds": _rounded(mean(run.timing["train_seconds"] or 0 for run in runs)),
        "device": ", ".join(sorted({run.environment["device"] for run in runs})),
        "fingerprint": record.dataset["fingerprint"],
        "commits": sorted({run.git["commit"] for run in runs if run.git}),
        "weights": [run.weights["sha256"] for run in runs],
        "experiment": experiment.key,
    }
    return row, figure


def _unmeasured_row(figure: Figure, published: Published) -> dict[str, Any]:
    """The same keys as a measured row, as far as a published figure has them."""
    known = {
        "network": figure.network,
        "variant": figure.variant,
        "dataset": figure.dataset,
        "split": figure.split,
        "protocol": figure.protocol,
        **_published_part(figure, published),
        "verdict": NOT_MEASURED,
        "notes": [figure.note] if figure.note else [],
    }
    return {key: known.get(key) for key in _KEYS}


def _published_part(figure: Figure | None, published: Published) -> dict[str, Any]:
    return {
        "published": figure.error if figure else None,
        "published_measure": figure.measure if figure else None,
        "published_top1_error": figure.top1_error if figure else None,
        "published_top5_error": figure.top5_error if figure else None,
        "published_name": figure.name if figure else None,
        "published_nets": figure.nets if figure else None,
        "published_extra_data": figure.extra_data if figure else None,
        "published_approximate": figure.approximate if figure else None,
        "published_source": f"{published.sources[figure.source]}; {figure.where}" if figure else None,
        "published_status": figure.status if figure else None,
    }


_KEYS = (
    "network", "variant", "training", "parameters", "dataset", "split", "protocol", "n", "runs", "seeds",
    "top1_error", "top1_spread", "top5_error", "top5_spread", "published", "published_measure",
    "published_top1_error", "published_top5_error", "published_name", "published_nets", "published_extra_data",
    "published_approximate", "published_source", "published_status", "difference", "interval", "verdict", "reason",
    "notes", "train_images", "train_seconds", "device", "fingerprint", "commits", "weights", "experiment",
)  # fmt: skip


def _tables(dataset: str, rows: Sequence[dict[str, Any]], published: Published) -> list[Table]:
    title = published.datasets[dataset].title if dataset in published.datasets else dataset
    measured = [row for row in rows if row["verdict"] != NOT_MEASURED]
    others = [row for row in rows if row["verdict"] == NOT_MEASURED]
    tables = [
        Table(f"{title}: measured", _COLUMNS, [_cells(row) for row in measured], [_footnotes(r) for r in measured]),
        Table(
            f"{title}: published, not measured here",
            _PUBLISHED_COLUMNS, [_published_cells(row) for row in others], [row["notes"] for row in others],
        ),
    ]  # fmt: skip
    return [table for table in tables if table.rows]


def _footnotes(row: dict[str, Any]) -> list[str]:
    source = row["published_source"]
    return [*([f"published: {row['published_name']}. {source}"] if source else []), *row["notes"]]


def _cells(row: dict[str, Any]) -> list[str]:
    verdict = f"{row['verdict']}: {row['reason']}" if row["verdict"] == NOT_COMPARABLE else row["verdict"]
    measure = " (top-5)" if row["published_measure"] == "top5_error" else ""
    published = "" if row["published"] is None else f"{row['published']:g}{measure}"
    return [
        row["network"], row["variant"], row["training"], f"{row['parameters']:,}", row["protocol"], f"{row['n']:,}",
        str(row["runs"]), _error(row, "top1"), _error(row, "top5"), published, _difference(row), verdict,
    ]  # fmt: skip


def _published_cells(row: dict[str, Any]) -> list[str]:
    about = "about " if row["published_approximate"] else ""
    errors = (row["published_top1_error"], row["published_top5_error"])
    more = {True: "yes", False: "no", None: ""}[row["published_extra_data"]]
    return [
        row["published_name"], f"{row['network']}, {row['variant']}" if row["network"] else "", row["split"],
        row["protocol"] or "", str(row["published_nets"] or ""), more,
        *("" if error is None else f"{about}{error:g}" for error in errors),
        row["published_source"], _STATUS[row["published_status"]],
    ]  # fmt: skip


def _error(row: dict[str, Any], measure: str) -> str:
    spread = row[f"{measure}_spread"]
    return f"{row[f'{measure}_error']:.2f}" + ("" if spread is None else f" ± {spread:.2f}")


def _difference(row: dict[str, Any]) -> str:
    if row["interval"] is None:
        return ""
    low, high = row["interval"]
    return f"{row['difference']:+.2f} ({low:+.2f} to {high:+.2f})"


def _rounded(value: float | None) -> float | None:
    """Without the noise of floating-point sums; far finer than anything that was measured."""
    return None if value is None else round(value, 6)
