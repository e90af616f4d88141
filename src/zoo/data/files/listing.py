"""Which images there are, with their classes, and which of them make up each split. No pixel is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoo import keyed
from zoo.data.splits import held_out
from zoo.errors import InputError

#: Of the images that come without a test set every fifth makes one, of those to train on every tenth is held out.
TEST_SHARE, HELD_OUT_SHARE, MOST_HELD_OUT = 5, 10, 10_000


@dataclass(frozen=True)
class Images:
    """Images in order: each one's ``name``, which no other of the data has, its label, and what it is read from."""

    names: list[str]
    labels: list[int]
    sources: list[Any]

    def __len__(self) -> int:
        return len(self.names)

    def taken(self, positions: Tensor) -> "Images":
        """Those at ``positions``, int64 (n,)."""
        chosen = positions.tolist()
        return Images(*([values[n] for n in chosen] for values in (self.names, self.labels, self.sources)))


@dataclass(frozen=True)
class Listing:
    """The names of the classes by label, and the images that came as "train", and perhaps as "val" and "test"."""

    class_names: list[str]
    splits: dict[str, Images]


def labelled(splits: Mapping[str, Sequence[tuple[str, str, Any]]], where: str) -> Listing:
    """From (name, class, source) of each image: classes sorted, whole numbers by their value, images as they come.

    Raises InputError where training has fewer than two classes, or another split one that training does not have, and
    where a name is no text.
    """
    for images in splits.values():
        for name, class_name, _ in images:
            _check_text(name, where)
            _check_text(class_name, where)
    found = {class_name for _, class_name, _ in splits["train"]}
    if len(found) < 2:
        only = f"of one class alone, {found.pop()!r}" if found else "of no class"
        raise InputError(f"The images in {where} are {only}: training takes two or more.")
    names = sorted(found, key=int) if all(name.isdecimal() for name in found) else sorted(found)
    label_of = {name: label for label, name in enumerate(names)}
    for images in splits.values():
        for name, class_name, _ in images:
            if class_name not in label_of:
                raise InputError(f"{name} in {where} is of the class {class_name!r}, which no training image is of.")
    parts = {
        split: Images([name for name, _, _ in images], [label_of[own] for _, own, _ in images], [x for *_, x in images])
        for split, images in splits.items()
    }
    return Listing(names, parts)


def _check_text(name: str, where: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        # Bytes of another encoding, which no Record and no table of predictions can hold.
        raise InputError(f"{name!r} in {where} is no text in UTF-8: give it another name.") from error


def carved(images: Images, num: int, *purpose: str) -> tuple[Tensor, Tensor]:
    """The positions of those that stay and of the ``num`` taken out for a purpose: by labels and names alone."""
    hashes = torch.tensor([keyed.key(*purpose, name) for name in images.names])
    return held_out(torch.tensor(images.labels), hashes, num)


def default_num_test(num_images: int) -> int:
    """How many of images without a test set become one."""
    return max(1, num_images // TEST_SHARE)


def default_num_held_out(num_train: int) -> int:
    """How many training images are held out for choosing; none of fewer than ten."""
    return min(MOST_HELD_OUT, num_train // HELD_OUT_SHARE)
