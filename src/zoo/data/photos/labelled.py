"""The images of an ImageNet folder with their classes and labels. No torch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.data.photos.file_names import END, FileNames
from zoo.data.photos.folder_index import Folders
from zoo.data.photos.val_labels import flat_val_wnids
from zoo.errors import InputError


@dataclass(frozen=True)
class Labelled:
    """The files of a split with the place of each one's class among the sorted wnids, int64 (N,)."""

    files: FileNames
    labels: np.ndarray


def labelled_files(root: Path) -> tuple[list[str], dict[str, Labelled]]:
    """The sorted wnids of ``root/train``, and the files of "train" and "val" in the order of class and name.

    A flat ``val/`` takes its classes from a label file. Folders are as ``Folders`` has them. Raises InputError where
    there are no classes, where one of val is not in train, or where val holds images beside its class folders.
    """
    folders = Folders(root)
    train = _classes(folders, "train")
    if not train:
        raise InputError(
            f"{root / 'train'} holds no class folders: unpack the tar file of each class into train/<wnid>/."
        )
    loose = folders.images("val")
    if loose and folders.folders("val"):
        first, *others = loose.split(END)[:-1]
        raise InputError(
            f"{root / 'val'} holds {len(others) + 1:,} images beside its class folders, such as {first.decode()}:"
            f" zoo data fetch imagenet --root {root} puts them in their folders."
        )
    val = _classes(folders, "val") or _flat_classes(root, loose)
    folders.keep()
    unknown = sorted({wnid for wnid, _, _ in val} - {wnid for wnid, _, _ in train})
    if unknown:
        raise InputError(f"{root / 'val'} has the class {unknown[0]}, which {root / 'train'} does not have.")
    label_of = {wnid: label for label, (wnid, _, _) in enumerate(train)}
    splits = {"train": train, "val": val}
    return list(label_of), {split: _labelled(root, members, label_of) for split, members in splits.items()}


def _classes(folders: Folders, split: str) -> list[tuple[str, str, bytes]]:
    """Each class with its folder and the names in it, sorted. Raises InputError for an empty one."""
    found = [(wnid, f"{split}/{wnid}", folders.images(f"{split}/{wnid}")) for wnid in folders.folders(split)]
    for _, place, names in found:
        if not names:
            raise InputError(f"{folders.root / place} holds no .JPEG file: remove the folder or fill it.")
    return found


def _flat_classes(root: Path, loose: bytes) -> list[tuple[str, str, bytes]]:
    files = [root / "val" / name.decode() for name in loose.split(END)[:-1]]
    classes = flat_val_wnids(root, files)
    return [(wnid, "val", b"".join(file.name.encode() + END for file in files)) for wnid, files in classes.items()]


def _labelled(root: Path, members: list[tuple[str, str, bytes]], label_of: dict[str, int]) -> Labelled:
    labels = np.array([label_of[wnid] for wnid, _, _ in members], np.int64)
    counts = [names.count(END) for _, _, names in members]
    return Labelled(FileNames(root, [(place, names) for _, place, names in members]), np.repeat(labels, counts))
