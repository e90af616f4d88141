"""Predictions as files: CSV to look at, NumPy's npz and Parquet to compute with."""

import csv
import io
import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np

from zoo.errors import InputError
from zoo.evaluation.classes import names_of_outputs
from zoo.files import end_of_links, is_device, whole


def check_writable(path: Path) -> Path:
    """``path``; raises InputError where it cannot become a file of predictions, before the hours that make them."""
    if path.suffix not in FORMATS:
        raise InputError(f"--predictions {path} ends in none of {', '.join(FORMATS)}: choose one of them.")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise InputError(f"--predictions {path} needs pyarrow: pip install pyarrow, or name an .npz file.")
    if path.is_dir() or not path.parent.is_dir():
        wrong = "is a folder" if path.is_dir() else f"lies in {path.parent}, which is not a folder"
        raise InputError(f"--predictions {path} {wrong}: name a file in a folder that is there.")
    if is_device(path):
        raise InputError(f"--predictions {path} is a device or a pipe, which no file replaces: name a file.")
    return path


def write(path: Path, found: Any, class_names: list[str], files: list[str] | None) -> None:
    """Writes in one step: the file is whole or not there. Raises InputError where it cannot be written.

    ``found``: indices, labels (N,), probabilities (N, classes), best (N, up to 5) as tensors, in the official order.
    """
    names = names_of_outputs(class_names, found.probabilities.shape[1])
    arrays = {name: getattr(found, name).numpy() for name in ("indices", "labels", "probabilities", "best")}
    own = None if files is None else [files[index] for index in arrays["indices"]]
    try:
        with whole(end_of_links(path)) as draft, draft.open("wb") as file:
            FORMATS[path.suffix](file, arrays, names, own)
    except OSError as error:
        raise InputError(
            f"The predictions cannot be written to {path} ({error.strerror}): make room, or name another."
        ) from error


def _columns(arrays: dict[str, np.ndarray], names: list[str], files: list[str] | None) -> dict[str, list[Any]]:
    """What CSV and Parquet share: index, file name, label, and the best classes with their probabilities."""
    columns: dict[str, list[Any]] = {"index": arrays["indices"].tolist()}
    if files is not None:
        columns["file_name"] = files
    columns["label"] = [names[label] for label in arrays["labels"]]
    chances = np.take_along_axis(arrays["probabilities"], arrays["best"], axis=1)
    for place in range(arrays["best"].shape[1]):
        columns[f"class{place + 1}"] = [names[number] for number in arrays["best"][:, place]]
        columns[f"probability{place + 1}"] = chances[:, place].tolist()
    return columns


def _csv(file: IO[bytes], arrays: dict[str, np.ndarray], names: list[str], files: list[str] | None) -> None:
    columns = _columns(arrays, names, files)
    shown = {
        name: [f"{chance:.6f}" for chance in column] if name.startswith("probability") else column
        for name, column in columns.items()
    }
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[*shown], *zip(*shown.values(), strict=True)])
    file.write(text.getvalue().encode())


def _npz(file: IO[bytes], arrays: dict[str, np.ndarray], names: list[str], files: list[str] | None) -> None:
    own: dict[str, Any] = {} if files is None else {"file_name": np.array(files)}
    np.savez(
        file,
        index=arrays["indices"],
        label=arrays["labels"],
        top_classes=arrays["best"],
        top_probabilities=np.take_along_axis(arrays["probabilities"], arrays["best"], axis=1),
        probabilities=arrays["probabilities"],
        class_names=np.array(names),
        **own,
    )


def _parquet(file: IO[bytes], arrays: dict[str, np.ndarray], names: list[str], files: list[str] | None) -> None:
    import pyarrow
    import pyarrow.parquet

    chances = arrays["probabilities"]
    columns: dict[str, Any] = _columns(arrays, names, files)
    columns["label_index"] = arrays["labels"]
    for name, column in columns.items():
        if name.startswith("probability"):
            columns[name] = pyarrow.array(column, pyarrow.float32())
    columns["probabilities"] = pyarrow.FixedSizeListArray.from_arrays(chances.ravel(), chances.shape[1])
    table = pyarrow.table(columns).replace_schema_metadata({"class_names": json.dumps(names)})
    pyarrow.parquet.write_table(table, file)


Writer = Callable[[IO[bytes], dict[str, np.ndarray], list[str], list[str] | None], None]
FORMATS: dict[str, Writer] = {".csv": _csv, ".npz": _npz, ".parquet": _parquet}
