"""The table of some Records alone, as ``zoo benchmark`` prints it."""

from collections.abc import Iterable

from zoo.report.formats import write
from zoo.report.tables import rows_of, tables_of
from zoo.results.experiment import experiments
from zoo.results.published import load
from zoo.results.record import Record


def of_records(records: Iterable[Record], form: str = "md") -> str:
    """As ``document``, without the published figures and the configs that these Records do not measure."""
    published, found = load(), experiments(records)
    names = dict.fromkeys(experiment.record.dataset["name"] for experiment in found)
    rows = {name: [row for row in rows_of(name, found, published) if row["runs"]] for name in names}
    tables = [table for name in names for table in tables_of(name, rows[name], published)]
    return write(form, [row for name in names for row in rows[name]], tables)
