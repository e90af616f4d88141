"""The classes of a flat ``val/`` folder, from the label files that came with ILSVRC 2012."""

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path

from zoo.errors import InputError

DEVKIT = Path("ILSVRC2012_devkit_t12") / "data"
GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
KAGGLE = "LOC_val_solution.csv"
META = "meta.mat"


def flat_val_wnids(root: Path, files: list[Path]) -> dict[str, list[Path]]:
    """The images of each class, for ``files`` lying flat in ``root/val`` under their official names.

    Takes the classes from ``LOC_val_solution.csv`` (Kaggle's copy) or from the development kit's ground truth with its
    ``meta.mat``, in ``root``, ``root/val`` or ``root/ILSVRC2012_devkit_t12/data``. Raises InputError where there is
    neither, where it cannot be read, or where a file has no class.
    """
    folders = (root, root / "val", root / DEVKIT)
    kaggle = _first(folders, KAGGLE)
    truth, meta = _first(folders, GROUND_TRUTH), _first(folders, META)
    read: Callable[[], dict[str, str]]
    if kaggle is not None:
        source, read = kaggle, partial(_from_kaggle, kaggle)
    elif truth is not None and meta is not None:
        source, read = truth, partial(_from_devkit, truth, meta)
    else:
        raise InputError(
            f"{root / 'val'} has no class folders, and there is no {KAGGLE}, nor {GROUND_TRUTH} with meta.mat,"
            f" in {root}: put one of the official label files there."
        )
    try:
        wnids = read()
    except Exception as error:  # SciPy alone raises half a dozen kinds for a broken meta.mat
        raise InputError(f"{source} cannot be read as ILSVRC's labels ({error!r}); fetch it again.") from error
    classes: dict[str, list[Path]] = {}
    for file in files:
        if file.stem not in wnids:
            raise InputError(f"{file} has no class in {source}: is it one of ILSVRC's validation images?")
        classes.setdefault(wnids[file.stem], []).append(file)
    if not classes:
        raise InputError(f"{root / 'val'} holds no .JPEG file.")
    return dict(sorted(classes.items()))


def _from_kaggle(path: Path) -> dict[str, str]:
    """Rows such as ``ILSVRC2012_val_00048981,n03995372 85 1 499 272``: the class, then boxes."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["ImageId"]: row["PredictionString"].split()[0] for row in csv.DictReader(file)}


def _from_devkit(truth: Path, meta: Path) -> dict[str, str]:
    """Line n of the ground truth is the ILSVRC2012_ID of image n; ``meta.mat`` names the wnid of each ID."""
    # Imported here: SciPy is only needed for this one file format.
    from scipy.io import loadmat

    synsets = loadmat(meta, squeeze_me=True)["synsets"]
    wnid_of = {int(synset["ILSVRC2012_ID"]): str(synset["WNID"]) for synset in synsets}
    identifiers = truth.read_text().split()
    return {f"ILSVRC2012_val_{n:08d}": wnid_of[int(identifier)] for n, identifier in enumerate(identifiers, start=1)}


def _first(folders: tuple[Path, ...], name: str) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)
