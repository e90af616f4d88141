"""The ImageNet challenge's classification table, 2010 to 2017, with a person and this zoo's runs in their place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zoo.report.formats import Column, Table
from zoo.results.experiment import Experiment
from zoo.results.published import Figure, Published
from zoo.results.verdict import split_of

# A run belongs here where it told the challenge's 1,000 classes apart on all images of the split.
DATASET, NUM_CLASSES = "imagenet", 1000
_COLUMNS = (
    Column("top-5 error, %", True), Column("year", True), Column("entry"), Column("result"), Column("more data"),
    Column("measured on"), Column("source"),
)  # fmt: skip


@dataclass(frozen=True)
class ContestRow:
    """One entry, person or run; None stands for what is not known, and the order is that of CSV's columns."""

    year: int | None = None
    entry: str = ""
    result: str = ""
    network: str | None = None
    variant: str | None = None
    protocol: str | None = None
    split: str = ""
    n: int | None = None
    runs: int | None = None
    top5_error: float = 0.0
    extra_data: bool | None = None
    source: str = ""
    note: str | None = None


def contest_rows(found: Iterable[Experiment], published: Published) -> list[ContestRow]:
    """Entries, the human and our runs on ImageNet, the largest top-5 error first."""
    rows = [_entry(figure, published) for figure in published.figures if figure.contest]
    rows += [_run(experiment, published) for experiment in found if _takes_part(experiment, published)]
    return sorted(rows, key=lambda row: (-row.top5_error, row.entry))


def contest_table(rows: Sequence[ContestRow]) -> Table:
    """The rows for reading; ours are named by their network."""
    notes = [[row.note] if row.note else [] for row in rows]
    return Table("ILSVRC image classification", _COLUMNS, [_cells(row) for row in rows], notes)


def _entry(figure: Figure, published: Published) -> ContestRow:
    assert figure.top5_error is not None, "the challenge counts top-5 errors"
    return ContestRow(
        year=figure.contest,
        entry=figure.name,
        result=figure.result or ("winner" if figure.winner else "entry"),
        split=figure.split,
        top5_error=figure.top5_error,
        extra_data=figure.extra_data,
        source=f"{published.sources[figure.source]}; {figure.where}",
        note=figure.note,
    )


def _run(experiment: Experiment, published: Published) -> ContestRow:
    record = experiment.record
    return ContestRow(
        entry=f"{record.network}, {record.variant}",
        result="this zoo",
        network=record.network,
        variant=record.variant,
        protocol=record.protocol,
        split=split_of(experiment, published),
        n=record.n,
        runs=len(experiment.runs),
        top5_error=round(experiment.mean("top5_error"), 6),
        source=f"{record.protocol}, {len(experiment.runs)} run(s)",
        note="validation images of 2012, because the test images have no public labels; one net, not a team's",
    )


def _takes_part(experiment: Experiment, published: Published) -> bool:
    data = experiment.record.dataset
    return (
        data["name"] == DATASET
        and data["num_classes"] == NUM_CLASSES
        and experiment.record.n == published.datasets[DATASET].images[split_of(experiment, published)]
    )


def _cells(row: ContestRow) -> list[str]:
    more = {True: "yes", False: "no", None: ""}[row.extra_data]
    measured_on = {"val": "validation"}.get(row.split, row.split)
    return [f"{row.top5_error:g}", str(row.year or ""), row.entry, row.result, more, measured_on, row.source]
