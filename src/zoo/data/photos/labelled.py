"""The images of an ImageNet folder with their classes and labels. Standard library only."""

from dataclasses import dataclass
from pathlib import Path

from zoo.data.photos.folders import folders_in, images_in, list_classes
from zoo.data.photos.val_labels import flat_val_wnids
from zoo.errors import InputError


@dataclass(frozen=True)
class Labelled:
    """The files of a split with the place of each one's class among the sorted wnids."""

    files: list[Path]
    labels: list[int]


def labelled_files(root: Path) -> tuple[list[str], dict[str, Labelled]]:
    """The sorted wnids of ``root/train``, and the files of "train" and "val" in the order of class and name.

    A flat ``val/`` takes its classes from a label file. Raises InputError where there are no classes, where one of
    val is not in train, or where val holds images beside its class folders.
    """
    train = list_classes(root / "train")
    if not train:
        raise InputError(
            f"{root / 'train'} holds no class folders: unpack the tar file of each class into train/<wnid>/."
        )
    loose = sorted(images_in(root / "val"))
    if loose and folders_in(root / "val"):
        raise InputError(
            f"{root / 'val'} holds {len(loose):,} images beside its class folders, such as {loose[0].name}:"
            f" zoo data fetch imagenet --root {root} puts them in their folders."
        )
    val = list_classes(root / "val") or flat_val_wnids(root, loose)
    unknown = sorted(set(val) - set(train))
    if unknown:
        raise InputError(f"{root / 'val'} has the class {unknown[0]}, which {root / 'train'} lacks.")
    label_of = {wnid: label for label, wnid in enumerate(train)}
    return list(train), {split: _flatten(classes, label_of) for split, classes in (("train", train), ("val", val))}


def _flatten(classes: dict[str, list[Path]], label_of: dict[str, int]) -> Labelled:
    files = [file for members in classes.values() for file in members]
    return Labelled(files, [label_of[wnid] for wnid, members in classes.items() for _ in members])
