"""One's own images, whose classes stand in a table."""

from pathlib import Path
from typing import Any

from zoo.catalog import DATA
from zoo.data.files.listing import Listing, labelled
from zoo.data.files.module import FileImages
from zoo.data.files.table import SPLITS, rows_of, tables_in, test_of_val
from zoo.errors import InputError
from zoo.files import given_path
from zoo.options import with_options_of


class CSVImages(FileImages):
    """One's own images of any size, named with their classes in a table: CSV, TSV or, with pyarrow, Parquet.

    ``root`` is the table, or a folder with ``train.csv`` and ``test.csv``, ``val.csv`` or both. Its ``path_column`` has
    the images, from the table's own folder unless absolute, and its ``label_column`` the classes, as names or numbers.
    A ``split_column`` may say "train", "val" or "test" of each image. Where nothing names a test set a fifth of the
    images is one (``num_test``), and where nothing is for choosing a tenth of the training images is held out
    (``num_held_out``), by a hash of the paths as they are written. ``transform`` as of ``ImageFolder``.
    """

    facts = DATA["CSVImages"]

    @with_options_of(FileImages, root="data/images/labels.csv")
    def __init__(
        self, path_column: str = "path", label_column: str = "label", split_column: str = "split", **options: Any
    ) -> None:
        super().__init__(**options)
        self.table, self.columns, self.split_column = self.root, (path_column, label_column), split_column
        if self.table.suffix and not self.table.is_dir():
            # What the paths in the table begin at, and what those in predictions do.
            self.root = self.table.parent

    def listed(self) -> Listing:
        """The images of the tables. Raises InputError where there are none, or one stands there twice."""
        tables = tables_in(self.table)
        found: dict[str, list[tuple[str, str, Path]]] = {}
        seen: dict[str, str] = {}
        for own, path in tables.items():
            for row in rows_of(path, self.columns, self.split_column):
                written, class_name = (row[column] for column in self.columns)
                name = Path(written).as_posix()
                if name in seen:
                    raise InputError(f"{name} stands in {seen[name]} and again in {path}: each image is of one row.")
                seen[name] = str(path)
                split = self._split_of(row, path) if len(tables) == 1 else own
                found.setdefault(split, []).append((name, class_name, given_path(self.root / name)))
        if "train" not in found:
            raise InputError(f"{self.table} has no row of the split train in its column {self.split_column!r}.")
        return labelled({split: sorted(images) for split, images in test_of_val(found).items()}, str(self.table))

    def _split_of(self, row: dict[str, str], path: Path) -> str:
        word = row.get(self.split_column) or "train"
        if word.lower() not in SPLITS:
            raise InputError(
                f"{path} has {word!r} in its column {self.split_column!r}: say train, val or test, or name another"
                " column with --data.split_column."
            )
        return SPLITS[word.lower()]
