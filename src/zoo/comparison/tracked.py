"""What this package leaves in a W&B run, and how it is read from there: the same offline and from a server."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.comparison.answers import MOST_BYTES
from zoo.comparison.run import Answers, Curve, Run
from zoo.errors import InputError
from zoo.files import read_text
from zoo.results.record import Record

#: The Record, as JSON, in a run's summary, and the table of predictions.
RECORD = "record"
PREDICTIONS = "test/predictions"
#: Where a W&B run's config says which data and which code.
CODE_AND_DATA = "zoo"
_NOT_OURS = ("_wandb", CODE_AND_DATA)


def run_of(
    name: str,
    where: str,
    config: dict[str, Any],
    summary: dict[str, Any],
    curves: dict[str, Curve],
    answers: Answers | None,
) -> Run:
    """The run that W&B holds under ``name``. Raises InputError where its Record is none."""
    config = {key: value for key, value in config.items() if key not in _NOT_OURS}
    record = _record(summary.get(RECORD), where)
    return Run(name, where, record.config if record else config, record, curves, answers)


def _record(text: Any, where: str) -> Record | None:
    if not isinstance(text, str):
        return None
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InputError(f"The summary of {where} has a record that is not JSON: {error}.") from error
    return Record.of(content, f"The record in the summary of {where}")


def answers_logged(folders: Iterable[Path]) -> Answers | None:
    """The predictions that W&B keeps as a file in one of its own folders, those of the last; None without any."""
    found = [
        file for folder in folders for file in sorted(folder.glob(f"files/media/table/{PREDICTIONS}_*.table.json"))
    ]
    return answers_of_table(read_text(found[-1], MOST_BYTES), str(found[-1])) if found else None


def answers_of_table(text: str, where: str) -> Answers | None:
    """The predictions in a table of W&B's, as JSON: columns and rows. Raises InputError where it is none."""
    try:
        table = json.loads(text)
        places = [table["columns"].index(name) for name in ("index", "label", "class1", "probability1")]
        rows = sorted(([row[place] for place in places] for row in table["data"]), key=lambda row: row[0])
        indices, labels, first, confidence = (list(column) for column in zip(*rows, strict=True))
        return Answers(
            list(map(int, indices)), list(map(str, labels)), list(map(str, first)), list(map(float, confidence))
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{where} is no table of predictions: {' '.join(str(error).split())}.") from error
