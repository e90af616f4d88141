"""Which files of a folder are images, and which folders are its splits and classes. Standard library only."""

import os
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import InputError

# Those that torchvision's ImageFolder reads.
ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
VAL = ("val", "valid", "validation")


def split_folders(root: Path) -> dict[str, Path]:
    """The folders of "train", "val" and "test", whichever there are; ``root`` itself as "train" where it has none.

    ``train`` beside a ``test``, a ``val`` or both makes splits; a ``val`` without a ``test`` is the test set, as
    ImageNet's is. Raises InputError where there is no such folder.
    """
    if not root.is_dir():
        raise InputError(
            f"There is no folder {root.absolute()}: point --data.root at a folder with one folder a class."
        )
    there = {folder.name for folder in visible_folders(root)}
    val = [root / name for name in VAL if name in there]
    test = [root / "test"] if "test" in there else []
    if "train" not in there or not (val or test or there == {"train"}):
        return {"train": root}
    if len(val) > 1:
        raise InputError(f"{root} has both {val[0].name} and {val[1].name}: leave one of them.")
    if not test:
        val, test = [], val
    found = {"train": [root / "train"], "val": val, "test": test}
    return {split: folders[0] for split, folders in found.items() if folders}


def images_of_classes(folder: Path) -> Iterator[tuple[str, str]]:
    """Each image's path below ``folder``, with slashes, and its class, the first part of it; sorted.

    Raises InputError where there are no class folders, or one is empty.
    """
    classes = visible_folders(folder)
    if not classes:
        loose = next(images_below(folder), None)
        found = f"images but no folders, such as {loose}" if loose else "neither images nor folders"
        raise InputError(f"{folder} holds {found}: put the images of each class into a folder of the class's name.")
    for of_class in classes:
        members = [f"{of_class.name}/{name}" for name in images_below(of_class)]
        if not members:
            raise InputError(f"{of_class} holds no image ({', '.join(ENDINGS)}): remove the folder or fill it.")
        yield from ((name, of_class.name) for name in sorted(members))


def images_below(folder: Path) -> Iterator[str]:
    """The paths of all images in ``folder`` and below, in no order. Raises InputError where it cannot be listed."""
    return (name for name in files_below(folder) if is_image_file(name))


def is_image_file(name: str) -> bool:
    """Whether a file of that name is read as an image."""
    return name.lower().endswith(ENDINGS)


def files_below(folder: Path) -> Iterator[str]:
    """The paths of all files in ``folder`` and below that are not hidden, in no order."""

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be listed ({error.strerror}).") from error

    seen: set[tuple[int, int]] = set()
    for place, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:
            # A link back to where one has been leads round and round.
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        # Hidden ones are other programs': .ipynb_checkpoints, the ._ files of macOS.
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith("."):
                yield Path(place, name).relative_to(folder).as_posix()


def visible_folders(folder: Path) -> list[Path]:
    """The folders in ``folder`` that are not hidden, sorted by name. Raises InputError where it cannot be listed."""
    try:
        return sorted(Path(e.path) for e in os.scandir(folder) if e.is_dir() and not e.name.startswith("."))
    except OSError as error:
        raise InputError(f"{error.filename} cannot be listed ({error.strerror}).") from error
