"""One's own images in a folder of Hugging Face's datasets."""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from zoo.catalog import DATA
from zoo.data.files.listing import Images, Listing, labelled
from zoo.data.files.module import FileImages
from zoo.data.files.table import SPLITS, test_of_val
from zoo.data.photos.decode import decode
from zoo.errors import InputError
from zoo.options import with_options_of


@dataclass(frozen=True)
class Row:
    """The image in row ``place`` of a datasets.Dataset of images not decoded; ``name`` is for messages."""

    dataset: Any
    column: str
    place: int
    name: str

    def content(self) -> bytes:
        """The bytes of the image's file, in the table or where it points to. Raises InputError where there are none."""
        image = self.dataset[self.place][self.column] or {}
        if image.get("bytes") is not None:
            return bytes(image["bytes"])
        try:
            return Path(image.get("path") or "").read_bytes()
        except OSError as error:
            raise InputError(f"{self.name} holds no image, and points to none that can be read.") from error


def read_row(row: Row) -> Image.Image:
    """The image of a row, upright and in RGB."""
    return decode(Path(row.name), row.content())


class HuggingFaceImages(FileImages):
    """One's own images of any size in a folder of Hugging Face's ``datasets``, which has to be installed.

    ``root`` is what ``save_to_disk`` left, or a folder that ``datasets.load_dataset`` reads by itself, of Parquet files
    or of images with a ``metadata.csv``; no name of the hub, for nothing is fetched. ``image_column`` and
    ``label_column`` are found where there is one of their kind. The splits "train", "validation" and "test" are taken
    as they are; where there is no test set a fifth of the images is one (``num_test``), and where nothing is for
    choosing a tenth of the training images is held out (``num_held_out``), by a hash of the rows' numbers.
    ``transform`` as of ``ImageFolder``.
    """

    facts = DATA["HuggingFaceImages"]
    read = staticmethod(read_row)

    @with_options_of(FileImages)
    def __init__(self, image_column: str | None = None, label_column: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.image_column, self.label_column = image_column, label_column

    def listed(self) -> Listing:
        """The rows of each split. Raises InputError where there are none, or not one column of each kind."""
        datasets = _library()
        found = self._splits(datasets)
        features = found["train"].features
        image = self._column("image_column", self.image_column, features, datasets.Image)
        label = self._column("label_column", self.label_column, features, datasets.ClassLabel)
        names = getattr(features[label], "names", None)
        rows: dict[str, list[tuple[str, Any, Row]]] = {}
        for split, dataset in found.items():
            if not {image, label} <= set(dataset.features):
                raise InputError(f"{self.root}: the split {split} lacks the column {image!r} or {label!r}.")
            labels = dataset[label][:]
            bare = dataset.select_columns([image]).cast_column(image, datasets.Image(decode=False))
            rows[split] = [
                (name, own, Row(bare, image, n, f"{self.root}/{name}"))
                for n, own in enumerate(labels)
                for name in [f"{split}/{n}"]
            ]
        if names is None:
            return labelled(
                {split: [(n, str(own), row) for n, own, row in one] for split, one in rows.items()}, str(self.root)
            )
        return self._listing_of(names, rows)

    def _listing_of(self, names: list[str], rows: dict[str, list[tuple[str, Any, Row]]]) -> Listing:
        """Labels that are numbers already stay the same: other code goes by them."""
        for split, one in rows.items():
            for name, own, _ in one:
                if own is None or not 0 <= own < len(names):
                    raise InputError(f"{self.root}: row {name} of {split} has the label {own}, which is no class.")
        if len(names) < 2:
            raise InputError(f"{self.root} has {len(names)} class: training takes two or more.")
        return Listing(
            list(names),
            {
                split: Images(*map(list, zip(*one, strict=True))) if one else Images([], [], [])
                for split, one in rows.items()
            },
        )

    def _splits(self, datasets: Any) -> dict[str, Any]:
        """The splits as they were saved, by the zoo's names of them."""
        if not self.root.is_dir():
            raise InputError(f"There is no folder {self.root.absolute()}: point --data.root at one of datasets.")
        saved = any((self.root / name).is_file() for name in ("dataset_dict.json", "state.json"))
        try:
            loaded = datasets.load_from_disk(str(self.root)) if saved else datasets.load_dataset(str(self.root))
        except Exception as error:  # whatever its readers of many formats raise
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{self.root} cannot be read as a folder of datasets ({reason}).") from error
        if isinstance(loaded, datasets.Dataset):
            return {"train": loaded}
        found = {SPLITS[name.lower()]: dataset for name, dataset in loaded.items() if name.lower() in SPLITS}
        if len(loaded) == 1:
            found = {"train": next(iter(loaded.values()))}
        if "train" not in found:
            raise InputError(f"{self.root} has the splits {', '.join(loaded)}, but no train.")
        return test_of_val(found)

    def _column(self, option: str, asked: str | None, features: Any, kind: Any) -> str:
        """The column asked for, or the only one of its kind."""
        if asked is not None:
            if asked not in features:
                raise InputError(f"{self.root} has no column {asked!r}, but {', '.join(features)}: see data.{option}.")
            return asked
        found = [name for name, feature in features.items() if isinstance(feature, kind)]
        if not found and option == "label_column" and "label" in features:
            found = ["label"]
        if len(found) != 1:
            raise InputError(
                f"{self.root} has the columns {', '.join(features)}, of which {len(found)} are of the type"
                f" {kind.__name__}: name one with --data.{option}."
            )
        return found[0]

    def contents(self) -> dict[str, tuple[int, str | None]]:
        """The size in bytes and the sha256 of each image, by the name of its row."""
        self.prepare_data()
        assert self.listing is not None
        found: dict[str, tuple[int, str | None]] = {}
        for images in self.listing.splits.values():
            for name, row in zip(images.names, images.sources, strict=True):
                content = row.content()
                found[name] = len(content), hashlib.sha256(content).hexdigest()
        return found


def _library() -> Any:
    spec = find_spec("datasets")
    # A folder of that name, of which there are many, is no package.
    if spec is None or spec.origin is None:
        raise InputError("HuggingFaceImages needs datasets, which is not installed: pip install datasets.")
    import datasets

    datasets.disable_progress_bars()
    return datasets
