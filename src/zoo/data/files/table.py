"""Tables that say the class of each image: CSV, or Parquet where pyarrow is installed."""

import csv
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.data.files.folder import VAL
from zoo.errors import InputError

ENDINGS = (".csv", ".tsv", ".parquet")
# Ten million rows have half of them; what is far longer is no table, and would fill the memory.
MOST_BYTES = 1_000_000_000
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
#: The words of a column that says the split, and the names of tables of one split each.
SPLITS = {"train": "train", "training": "train", **dict.fromkeys(VAL, "val"), "test": "test"}


def tables_in(root: Path) -> dict[str, Path]:
    """The tables of "train", "val" and "test" in a folder; ``root`` itself as "train" where it is a table.

    A "val" without a "test" is the test set, as everywhere. Raises InputError where there is no table.
    """
    if root.is_file():
        if root.suffix.lower() not in ENDINGS:
            raise InputError(f"{root} ends in none of {', '.join(ENDINGS)}: give a table of paths and labels.")
        return {"train": root}
    if not root.is_dir():
        raise InputError(f"There is no table {root.absolute()}: point --data.root at a CSV or Parquet file.")
    found: dict[str, Path] = {}
    for path in sorted(path for path in root.iterdir() if path.suffix.lower() in ENDINGS and path.is_file()):
        split = SPLITS.get(path.stem.lower())
        if split in found:
            raise InputError(f"{root} has both {found[split].name} and {path.name} for {split}: leave one of them.")
        if split:
            found[split] = path
    if "train" not in found:
        raise InputError(f"{root} holds no train.csv or train.parquet: point --data.root at the table itself.")
    return test_of_val(found)


def test_of_val(splits: dict[str, Any]) -> dict[str, Any]:
    """The same, where a "val" without a "test" is the test set."""
    if "val" in splits and "test" not in splits:
        return {"test" if split == "val" else split: found for split, found in splits.items()}
    return splits


def rows_of(path: Path, columns: tuple[str, ...], optional: str) -> Iterator[dict[str, str]]:
    """The ``columns`` of each row, and the ``optional`` one if there is one, as text without blanks around it.

    Raises InputError naming the file, and the row if it is one's fault: no table, a column missing, a value missing,
    or far too long.
    """
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path} has {path.stat().st_size:,} bytes: a table of paths and labels has far fewer.")
    rows = _parquet(path, (*columns, optional)) if path.suffix.lower() == ".parquet" else _csv(path)
    number = 0
    for number, row in enumerate(rows, 1):
        missing = next((name for name in columns if name not in row), None)
        if missing is not None:
            there = ", ".join(repr(name) for name in row if name is not None)
            option = _OPTIONS[columns.index(missing)]
            raise InputError(f"{path} has no column {missing!r}, but {there}: name it with --data.{option}.")
        found = {name: _text(row[name]) for name in (*columns, optional) if name in row}
        empty = next((name for name in columns if not found[name]), None)
        if empty is not None:
            raise InputError(f"{path} has nothing for {empty!r} in its row {number:,}.")
        yield found
    if not number:
        raise InputError(f"{path} holds no row below its names of columns.")


_OPTIONS = ("path_column", "label_column")


def _text(value: Any) -> str:
    # A column of labels with a gap in it is one of floats for many a program.
    plain = int(value) if isinstance(value, float) and value.is_integer() else value
    return "" if plain is None else str(plain).strip()


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        # A mark at the beginning is Excel's.
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file, delimiter=_SEPARATORS[path.suffix.lower()], strict=True)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read as a table ({reason}): save it as CSV in UTF-8.") from error


def _parquet(path: Path, columns: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    if find_spec("pyarrow") is None:
        raise InputError(f"{path} needs pyarrow: pip install pyarrow, or save it as CSV.")
    import pyarrow
    import pyarrow.parquet

    try:
        there = pyarrow.parquet.read_schema(path).names
        wanted = [name for name in columns if name in there]
        rows = pyarrow.parquet.read_table(path, columns=wanted).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"{path} is not a Parquet file ({' '.join(str(error).split())}).") from error
    for row in rows:
        # All names, so that what is missing can be told from what there is.
        yield row if len(wanted) == len(columns) else dict.fromkeys(there) | row
