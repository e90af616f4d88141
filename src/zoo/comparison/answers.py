"""Files of predictions, read back: CSV, NumPy's npz, Parquet."""

import csv
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.comparison.run import Answers
from zoo.errors import InputError
from zoo.files import read_text

FORMS = (".npz", ".parquet", ".csv")
MOST_BYTES = 2_000_000_000


def answers_in(folder: Path) -> Answers | None:
    """The predictions that a run folder holds, None where it has none. Raises InputError for a file that holds none."""
    found = [folder / f"predictions{form}" for form in FORMS]
    return next((read_answers(path) for path in found if path.is_file()), None)


def read_answers(path: Path) -> Answers:
    """The predictions in a file of ``zoo predict`` or ``--predictions``. Raises InputError where it is none."""
    readers = {".csv": _of_csv, ".npz": _of_npz, ".parquet": _of_parquet}
    if path.suffix not in readers:
        raise InputError(f"{path} ends in none of {', '.join(FORMS)}: give a file of zoo predict.")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has {path.stat().st_size:,} bytes")
        columns = readers[path.suffix](path)
        missing = [name for name in ("index", "label", "class1", "probability1") if name not in columns]
        if missing:
            raise ValueError(f"it has no column {missing[0]}")
        answers = Answers(
            [int(index) for index in columns["index"]],
            [str(name) for name in columns["label"]],
            [str(name) for name in columns["class1"]],
            [float(value) for value in columns["probability1"]],
            [str(name) for name in columns["file_name"]] if "file_name" in columns else None,
        )
    except OSError as error:
        raise InputError(f"Cannot read the predictions {path}: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, IndexError, csv.Error, zipfile.BadZipFile) as error:
        raise InputError(f"{path} does not hold predictions of zoo: {' '.join(str(error).split())}.") from error
    if len(set(answers.indices)) != len(answers.indices) or not answers.indices:
        raise InputError(f"{path} does not hold predictions of zoo: an image comes twice, or there is none.")
    return answers


def _of_csv(path: Path) -> dict[str, Any]:
    rows = list(csv.DictReader(read_text(path, MOST_BYTES).splitlines()))
    if any(None in row or None in row.values() for row in rows):
        raise ValueError("a row is longer or shorter than the first one")
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else {})}


def _of_npz(path: Path) -> dict[str, Any]:
    import numpy as np

    with np.load(path, allow_pickle=False) as file:
        names = file["class_names"]
        columns: dict[str, Any] = {
            "index": file["index"], "label": names[file["label"]], "class1": names[file["top_classes"][:, 0]],
            "probability1": file["top_probabilities"][:, 0],
        }  # fmt: skip
        if "file_name" in file:
            columns["file_name"] = file["file_name"]
    return columns


def _of_parquet(path: Path) -> dict[str, Any]:
    if find_spec("pyarrow") is None:
        raise InputError(f"{path} needs pyarrow: pip install pyarrow, or give a .csv or .npz file.")
    import pyarrow.parquet

    kept = ("index", "label", "class1", "probability1", "file_name")
    try:
        table = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from error
    return {name: table[name].to_pylist() for name in kept if name in table.column_names}
