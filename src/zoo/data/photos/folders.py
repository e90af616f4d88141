"""Which files of an ImageNet folder are read: ``root/{train,val}/<wnid>/*.JPEG``. Standard library only."""

import os
from pathlib import Path

from zoo.errors import InputError
from zoo.files import is_utf8

ENDINGS = (".jpeg", ".jpg")
SPLITS = ("train", "val")


def list_classes(folder: Path) -> dict[str, list[Path]]:
    """The images of each class folder, classes and files sorted by name; none where ``folder`` has no folders.

    Raises InputError where ``folder`` cannot be listed, a name in it is not UTF-8, or a class is empty.
    """
    try:
        classes = {path.name: sorted(images_in(path)) for path in folders_in(folder)}
    except OSError as error:
        raise InputError(f"{error.filename} cannot be listed ({error.strerror}).") from error
    for wnid, files in classes.items():
        if not files:
            raise InputError(f"{folder / wnid} holds no .JPEG file: remove the folder or fill it.")
    return dict(sorted(classes.items()))


def images_in(folder: Path) -> list[Path]:
    """The files of ``folder`` itself that have a JPEG's ending, in no order.

    Raises InputError for a name that is not UTF-8, as all that is written of the data is.
    """
    with os.scandir(folder) as entries:
        return [Path(_readable(entry)) for entry in entries if is_image(entry.name)]


def folders_in(folder: Path) -> list[Path]:
    """The folders in ``folder``, sorted by name. Raises InputError for a name that is not UTF-8."""
    with os.scandir(folder) as entries:
        return sorted(Path(_readable(entry)) for entry in entries if entry.is_dir())


def _readable(entry: "os.DirEntry[str]") -> str:
    if not is_utf8(entry.name):
        shown = entry.path.encode(errors="backslashreplace").decode()
        raise InputError(f"{shown} has a name that is not UTF-8: give it another.")
    return entry.path


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
