"""Which files of an ImageNet folder are read: ``root/{train,val}/<wnid>/*.JPEG``. Standard library only."""

import os
from pathlib import Path

from zoo.errors import InputError

ENDINGS = (".jpeg", ".jpg")
SPLITS = ("train", "val")


def list_classes(folder: Path) -> dict[str, list[Path]]:
    """The images of each class folder, classes and files sorted by name; none where ``folder`` has no folders.

    Raises InputError where ``folder`` cannot be listed or a class is empty.
    """
    try:
        classes = {entry.name: sorted(images_in(Path(entry.path))) for entry in os.scandir(folder) if entry.is_dir()}
    except OSError as error:
        raise InputError(f"{error.filename} cannot be listed ({error.strerror}).") from error
    for wnid, files in classes.items():
        if not files:
            raise InputError(f"{folder / wnid} holds no .JPEG file: remove the folder or fill it.")
    return dict(sorted(classes.items()))


def images_in(folder: Path) -> list[Path]:
    """The files of ``folder`` itself that have a JPEG's ending, in no order."""
    return [Path(entry.path) for entry in os.scandir(folder) if is_image(entry.name)]


def folders_in(folder: Path) -> list[Path]:
    """The folders in ``folder``, sorted by name."""
    return sorted(Path(entry.path) for entry in os.scandir(folder) if entry.is_dir())


def is_image(name: str) -> bool:
    """Whether a file of that name is read as an image."""
    return name.lower().endswith(ENDINGS)


def require_splits(root: Path) -> None:
    """Raises InputError, with a way to get ImageNet, where there are no training or validation folders."""
    for split in SPLITS:
        if not (root / split).is_dir():
            raise InputError(
                f"No ImageNet in {root.absolute()} (no folder {split!r} with <wnid>/*.JPEG): register at"
                " https://image-net.org, unpack ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar there or point"
                " --data.root elsewhere; meanwhile add --config overlays/smoke to run on generated images."
            )
