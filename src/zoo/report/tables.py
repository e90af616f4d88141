"""``zoo table``: measured errors beside the published ones, from Records and published figures. Needs no torch."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from zoo.errors import InputError
from zoo.report.compute import compute_part, compute_table, then_part
from zoo.report.formats import Column, Table, write
from zoo.report.ilsvrc import contest_rows, contest_table
from zoo.report.row import Row
from zoo.report.selection import EVERYTHING, NOT_MEASURED, Selection, selected
from zoo.report.speed import speed_document
from zoo.report.untrained import Shipped, published_cell, shipped, untrained, untrained_table
from zoo.results.experiment import Experiment, experiments, read_records, trainings
from zoo.results.published import Figure, Published, load
from zoo.results.record import Record
from zoo.results.verdict import NOT_COMPARABLE, judge, split_of

CONTEST = "ilsvrc"
SPEED = "speed"
NOT_TRAINED = "not trained yet"
# The Records of a checkout lie beside its code, a wheel's inside it, those of one's own runs in the working folder.
_CHECKOUT = Path(__file__).resolve().parents[3] / "benchmarks" / "results"
_WHEEL = Path(__file__).resolve().parents[1] / "shipped_results"
_RUNS = Path("runs")

_COLUMNS = (
    Column("network"), Column("variant"), Column("training"), Column("parameters", True), Column("MACs", True),
    Column("protocol"), Column("n", True), Column("runs", True), Column("top-1 error, %", True),
    Column("top-5 error, %", True), Column("published, %", True), Column("difference, 95 % interval", True),
    Column("verdict"),
)  # fmt: skip
_PUBLISHED_COLUMNS = (
    Column("published"), Column("in this zoo"), Column("split"), Column("protocol"), Column("nets", True),
    Column("more data"), Column("top-1 error, %", True), Column("top-5 error, %", True), Column("source"),
    Column("read in"),
)  # fmt: skip
# Without the noise of floating-point sums; far finer than anything that was measured.
_DIGITS = 6
_STATUS = {"V": "the artefact", "T": "the paper", "S": "a secondary source", "D": "derived"}


def document(which: str | None, form: str, records: Path | None = None, selection: Selection = EVERYTHING) -> str:
    """The table of a data set, of all (None), of the ImageNet challenge (``ilsvrc``), or of ``speed``, as text.

    ``form``: md, csv, latex, html, json, or terminal. ``records``: the folder of the Records. Raises InputError for a
    data set that is nowhere, a network or column that no table has, and a file that is no Record.
    """
    _check_use(which, selection)
    if which == SPEED:
        return speed_document(form, records, selection.networks, selection.columns)
    published = load()
    found = measured(records, trials=selection.trials)
    if which == CONTEST:
        entries = contest_rows(found, published)
        return write(form, [asdict(entry) for entry in entries], [contest_table(entries)], selection.columns)
    names = dataset_names(found, published)
    if which is not None and which not in names:
        near = get_close_matches(which.lower(), [*names, CONTEST, SPEED], 1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join([*names, CONTEST, SPEED])}."
        raise InputError(f"There is no table {which!r}: {hint}")
    shown = names if which is None else [which]
    rows = {name: selected(rows_of(name, found, published), selection) for name in shown}
    tables = [table for name in shown for table in tables_of(name, rows[name], published, folded=selection.folded)]
    return write(form, [asdict(row) for name in shown for row in rows[name]], tables, selection.columns)


def _check_use(which: str | None, selection: Selection) -> None:
    """Raises InputError for what would change nothing in the two tables that are of no data set."""
    without = {CONTEST: {"networks": "--networks", "sort": "--sort"}, SPEED: {"sort": "--sort", "trials": "--partial"}}
    for name, option in without.get(which or "", {}).items():
        if getattr(selection, name) != getattr(EVERYTHING, name):
            raise InputError(f"{option} is for the tables of data sets, and {which} is none: leave it out.")


def of_records(records: Iterable[Record], form: str = "md") -> str:
    """As ``document``, without the published figures and the configs that these Records do not measure."""
    published, found = load(), experiments(records)
    names = dict.fromkeys(experiment.record.dataset["name"] for experiment in found)
    rows = {name: [row for row in rows_of(name, found, published) if row.runs] for name in names}
    tables = [table for name in names for table in tables_of(name, rows[name], published)]
    return write(form, [asdict(row) for name in names for row in rows[name]], tables)


def beside_published(records: Iterable[Record]) -> list[Table]:
    """The tables of these Records' data sets: they beside the published figures, then all other published figures."""
    published, found = load(), experiments(records)
    tables = []
    for name in dict.fromkeys(experiment.record.dataset["name"] for experiment in found):
        ours = [row for row in rows_of(name, found, published) if row.runs]
        shown = {row.published_name for row in ours}
        others = [figure for figure in published.of_dataset(name) if figure.name not in shown]
        tables += tables_of(name, [*ours, *(_unmeasured_row(figure, published) for figure in others)], published)
    return tables


def rows_of(dataset: str, found: Iterable[Experiment], published: Published) -> list[Row]:
    """What is known of a data set: what was measured, the worst first; what could be trained; what others measured."""
    runs = [experiment for experiment in found if experiment.record.dataset["name"] == dataset]
    of_config = {one.key: any(config.is_of(one) for config in shipped()) for one in runs}
    judged = [
        _row(one, training, published, replaced=_replaced(one, runs, of_config))
        for one, training in zip(runs, trainings(runs), strict=True)
    ]
    judged.sort(key=lambda pair: (-(pair[0].top1_error or 0), pair[0].network, pair[0].experiment))
    missing = [(one, one.figure(published)) for one in untrained(dataset, runs)]
    shown = [figure for _, figure in (*judged, *missing)]
    others = [figure for figure in published.of_dataset(dataset) if figure not in shown]
    rows = [row for row, _ in judged] + [_untrained_row(*pair, published) for pair in missing]
    return rows + [_unmeasured_row(figure, published) for figure in others]


def measured(records: Path | None, *, trials: bool = False) -> list[Experiment]:
    """The experiments whose Records lie in a folder: in one's own where none is given; ``trials`` among them."""
    folder = records or next((folder for folder in (_CHECKOUT, _WHEEL, _RUNS) if folder.is_dir()), None)
    found = read_records(folder) if folder else []
    return experiments(record for record in found if trials or not record.is_trial)


def dataset_names(found: Iterable[Experiment], published: Published) -> list[str]:
    """The data sets that there is a table of."""
    known = [name for name in published.datasets if name != CONTEST]
    others = {experiment.record.dataset["name"] for experiment in found} | {one.dataset for one in shipped()}
    return known + sorted(others - set(known))


def _replaced(experiment: Experiment, runs: Iterable[Experiment], of_config: dict[str, bool]) -> bool:
    """Whether a later experiment has the place of this one among those shipped.

    Either no config describes this one any more, and one describes a later one with its network; or a later one under
    the same protocol went on with the weights.
    """
    one = experiment.record

    def takes_its_place(other: Experiment) -> bool:
        same = (other.record.network, other.record.variant) == (one.network, one.variant)
        if not same or other.record.created <= one.created:
            return False
        went_on = other.record.protocol == one.protocol and _starts_from_its_own(other.record)
        return went_on or (of_config[other.key] and not of_config[experiment.key])

    return any(map(takes_its_place, runs))


def _starts_from_its_own(record: Record) -> bool:
    """Whether the training went on from shipped weights of the same network for the same data."""
    network, _, data = str(record.config.get("init_from")).partition("/")
    return network in (record.network, f"{record.network}-{record.variant}") and data.startswith(record.dataset["name"])


def _row(experiment: Experiment, training: str, published: Published, *, replaced: bool) -> tuple[Row, Figure | None]:
    record, verdict = experiment.record, judge(experiment, published)
    runs, figure = experiment.runs, verdict.figure
    row = Row(
        network=record.network,
        variant=record.variant,
        training=training,
        parameters=record.parameters,
        dataset=record.dataset["name"],
        split=split_of(experiment, published),
        protocol=record.protocol,
        n=record.n,
        runs=len(runs),
        seeds=[run.seed for run in runs],
        top1_error=_rounded(experiment.mean("top1_error")),
        top1_spread=_rounded(experiment.spread("top1_error")),
        top5_error=_rounded(experiment.mean("top5_error")),
        top5_spread=_rounded(experiment.spread("top5_error")),
        **_published_part(figure, published),
        difference=_rounded(verdict.difference),
        interval=[round(end, _DIGITS) for end in verdict.interval] if verdict.interval else None,
        verdict=verdict.verdict,
        reason=verdict.reason,
        notes=[*_whose(record), *verdict.notes],
        **compute_part(experiment, published),
        fingerprint=record.dataset["fingerprint"],
        fingerprint_of=_copy(experiment, published),
        commits=sorted({run.git["commit"] for run in runs if run.git}),
        weights=[run.weights["sha256"] for run in runs],
        experiment=experiment.key,
        replaced=replaced,
    )
    return row, figure


def _whose(record: Record) -> list[str]:
    if record.own is None:
        return []
    digest = record.own["source_sha256"]
    code = f", whose file has the sha256 {digest[:12]}..." if digest else ""
    return [f"Not a network of the zoo: {record.own['class']} is its author's code{code}"]


def _untrained_row(one: Shipped, figure: Figure | None, published: Published) -> Row:
    """The row of a shipped config that nobody has trained, as far as it is known."""
    return Row(
        network=one.network,
        variant=one.variant,
        dataset=one.dataset,
        config=one.name,
        split=figure.split if figure else None,
        protocol=figure.protocol if figure else None,
        **_published_part(figure, published),
        **then_part(published.training_of(one.network, one.variant, one.dataset), published),
        verdict=NOT_TRAINED,
        notes=[figure.note] if figure and figure.note else [],
    )


def _copy(experiment: Experiment, published: Published) -> str | None:
    """What is known of the copy of the data that was read."""
    data = published.datasets.get(experiment.record.dataset["name"])
    copy = data.fingerprints.get(experiment.record.dataset["fingerprint"]) if data else None
    return copy["note"] if copy else None


def _unmeasured_row(figure: Figure, published: Published) -> Row:
    """The row of a published figure, as far as a published figure has them."""
    return Row(
        network=figure.network,
        variant=figure.variant,
        dataset=figure.dataset,
        split=figure.split,
        protocol=figure.protocol,
        **_published_part(figure, published),
        verdict=NOT_MEASURED,
        notes=[figure.note] if figure.note else [],
    )


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


def tables_of(dataset: str, rows: Sequence[Row], published: Published, *, folded: bool = False) -> list[Table]:
    """The rows of a data set as tables, those that have any; ``folded`` without what training took."""
    title = published.datasets[dataset].title if dataset in published.datasets else dataset
    ours = [row for row in rows if row.verdict not in (NOT_MEASURED, NOT_TRAINED)]
    missing = [row for row in rows if row.verdict == NOT_TRAINED]
    others = [row for row in rows if row.verdict == NOT_MEASURED]
    tables = [
        Table(f"{title}: measured", _COLUMNS, [_cells(row) for row in ours], [_footnotes(r) for r in ours]),
        compute_table(f"{title}: what training took", [row for row in ours if row.train_images and not folded]),
        untrained_table(f"{title}: in this zoo, not trained yet", missing, [_sources(row) for row in missing]),
        Table(
            f"{title}: published, not measured here",
            _PUBLISHED_COLUMNS, [_published_cells(row) for row in others], [row.notes for row in others],
        ),
    ]  # fmt: skip
    return [table for table in tables if table.rows]


def _footnotes(row: Row) -> list[str]:
    # What an altered copy changes is a note already.
    copy = row.fingerprint_of if not any((row.fingerprint_of or "") in note for note in row.notes) else None
    return [f"data: {row.fingerprint}{f', {copy}' if copy else ''}", *_sources(row)]


def _sources(row: Row) -> list[str]:
    source = row.published_source
    return [*([f"published: {row.published_name}. {source}"] if source else []), *row.notes]


def _cells(row: Row) -> list[str]:
    verdict = f"{row.verdict}: {row.reason}" if row.verdict == NOT_COMPARABLE else row.verdict
    macs = "" if row.macs is None else f"{row.macs:,}"
    return [
        row.network or "", row.variant or "", row.training or "", f"{row.parameters:,}", macs, row.protocol or "",
        f"{row.n:,}", str(row.runs), _error(row, "top1"), _error(row, "top5"), published_cell(row),
        _difference(row), verdict,
    ]  # fmt: skip


def _published_cells(row: Row) -> list[str]:
    about = "about " if row.published_approximate else ""
    errors = (row.published_top1_error, row.published_top5_error)
    more = {True: "yes", False: "no", None: ""}[row.published_extra_data]
    return [
        row.published_name or "", f"{row.network}, {row.variant}" if row.network else "", row.split or "",
        row.protocol or "", str(row.published_nets or ""), more,
        *("" if error is None else f"{about}{error:g}" for error in errors),
        row.published_source or "", _STATUS[row.published_status or ""],
    ]  # fmt: skip


def _error(row: Row, measure: str) -> str:
    spread = getattr(row, f"{measure}_spread")
    return f"{getattr(row, f'{measure}_error'):.2f}" + ("" if spread is None else f" ± {spread:.2f}")


def _difference(row: Row) -> str:
    if row.interval is None:
        return ""
    low, high = row.interval
    return f"{row.difference:+.2f} ({low:+.2f} to {high:+.2f})"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
