"""The classes of ILSVRC 2012's validation images, from the label files that came with it or that others published."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from zoo.data.photos.synsets import read_synsets
from zoo.errors import InputError

DEVKIT = Path("ILSVRC2012_devkit_t12") / "data"
GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
KAGGLE = "LOC_val_solution.csv"
META = "meta.mat"
# Public lists: Caffe's "name number", whose numbers count the lines of a synset file; TensorFlow's wnids alone.
CAFFE, WNIDS = "val.txt", "imagenet_2012_validation_synset_labels.txt"
SYNSETS = ("synsets.txt", "synset_words.txt", "LOC_synset_mapping.txt")
LABEL_FILES = (KAGGLE, GROUND_TRUTH, WNIDS, CAFFE)
WNID = re.compile(r"n\d{8}")


@dataclass(frozen=True)
class ValLabels:
    """The wnid of each image, by its file name without ending, and the file that says so."""

    source: Path
    wnids: dict[str, str]


def flat_val_wnids(root: Path, files: list[Path]) -> dict[str, list[Path]]:
    """The images of each class, for ``files`` lying flat in ``root/val`` under their official names.

    Raises InputError where there is no label file, where it cannot be read, or where a file has no class.
    """
    labels = find_labels(root)
    classes: dict[str, list[Path]] = {}
    for file in files:
        classes.setdefault(wnid_of(file, labels), []).append(file)
    if not classes:
        raise InputError(f"{root / 'val'} holds no .JPEG file.")
    return dict(sorted(classes.items()))


def wnid_of(file: Path, labels: ValLabels) -> str:
    """The class of an image; raises InputError where the labels do not name it."""
    if file.stem not in labels.wnids:
        raise InputError(f"{file} has no class in {labels.source}: is it one of ILSVRC's validation images?")
    return labels.wnids[file.stem]


def find_labels(root: Path, given: Path | None = None) -> ValLabels:
    """The labels in ``given``, or in the first label file in ``root``, ``root/val`` or the development kit's folder.

    Known are Kaggle's ``LOC_val_solution.csv``; the development kit's ground truth with its ``meta.mat``; lines of
    image and wnid; lines of image and number with a synset file; lines of wnids alone, in the order of the images.
    Raises InputError where there is none, or where it cannot be read.
    """
    folders = [root, root / "val", root / DEVKIT]
    if given is not None:
        folders.insert(0, given.parent)
    source = given or _official(folders)
    if source is None:
        raise InputError(
            f"{root / 'val'} has no class folders, and there is no {KAGGLE}, nor {GROUND_TRUTH} with meta.mat,"
            f" in {root}: put one of the official label files there."
        )
    try:
        wnids = _read(source, folders)
        strange = next((wnid for wnid in wnids.values() if not WNID.fullmatch(wnid)), None)
        if strange is not None:
            raise ValueError(f"{strange} is not a wnid")
    except Exception as error:  # SciPy alone raises half a dozen kinds for a broken meta.mat
        reason = repr(error)
        # Some errors quote the file.
        reason = reason if len(reason) <= 160 else f"{reason[:157]}..."
        raise InputError(f"{source} cannot be read as ILSVRC's labels ({reason}); fetch it again.") from error
    return ValLabels(source, wnids)


def _official(folders: list[Path]) -> Path | None:
    found = {name: _first(folders, name) for name in LABEL_FILES}
    # Each of these is of no use without the other file.
    if _first(folders, META) is None:
        found.pop(GROUND_TRUTH)
    if not any(_first(folders, name) for name in SYNSETS):
        found.pop(CAFFE)
    return next((path for path in found.values() if path is not None), None)


def _read(source: Path, folders: list[Path]) -> dict[str, str]:
    """Image to wnid, whatever the form of the file, which its first line tells."""
    text = source.read_text(encoding="utf-8-sig")
    rows = [line.replace(",", " ").split() for line in text.splitlines() if line.strip()]
    if rows[0][0] == "ImageId":
        # Rows such as ILSVRC2012_val_00048981,n03995372 85 1 499 272: the class, then boxes.
        return {row["ImageId"]: row["PredictionString"].split()[0] for row in csv.DictReader(text.splitlines())}
    last = [row[-1] for row in rows]
    if not all(WNID.fullmatch(label) for label in last):
        last = _named(last, source, folders, alone=len(rows[0]) == 1)
    if len(rows[0]) == 1:
        return {f"ILSVRC2012_val_{n:08d}": label for n, label in enumerate(last, start=1)}
    return {Path(row[0]).stem: label for row, label in zip(rows, last, strict=True)}


def _named(numbers: list[str], source: Path, folders: list[Path], alone: bool) -> list[str]:
    """Numbers to wnids: alone they are the ILSVRC2012_IDs of ``meta.mat``, after a name they count synset lines."""
    if alone:
        meta = _first(folders, META)
        if meta is None:
            raise ValueError(f"its numbers need {META} beside it")
        names = {int(number): wnid for number, wnid in read_synsets(meta, "ILSVRC2012_ID", "WNID")}
    else:
        file = next((path for name in SYNSETS if (path := _first(folders, name))), None)
        if file is None:
            raise ValueError(f"its numbers need {SYNSETS[0]} beside it")
        lines = file.read_text(encoding="utf-8").splitlines()
        names = {n: line.split()[0] for n, line in enumerate(lines) if line.strip()}
    return [names[int(number)] for number in numbers]


def _first(folders: list[Path], name: str) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)
