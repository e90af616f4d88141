"""The 1,797 handwritten digits that scikit-learn carries: real images without any download."""

from functools import cache
from typing import Literal

import torch
from torch import Tensor

from zoo.catalog import DATA
from zoo.data.base import InMemoryDataModule
from zoo.data.splits import held_out
from zoo.data.transforms import DIGITS, named
from zoo.keyed import hashes, key
from zoo.options import Chance

NUM_TEST = 360


class Digits(InMemoryDataModule):
    """Handwritten digits, 8x8, 17 grey levels (UCI "Optical Recognition of Handwritten Digits", test half).

    Images arrive as float32: with ``transform`` "lenet5" of shape (N, 1, 32, 32), enlarged to 20x20 in the middle of
    32x32, as LeNet-5 wants them; with "retina" of shape (N, 1, 20, 20), the enlarged digit alone, from 0 to 1;
    with "raw" 8x8 as they are, 0 to 255.
    The data has no official split: 360 images are the test set by a fixed, stratified, hashed rule; ``num_held_out``
    of the other 1,437 are the slice for choosing.
    """

    facts = DATA["Digits"]
    transforms = DIGITS

    def __init__(
        self,
        batch_size: int = 32,
        transform: Literal["lenet5", "retina", "raw"] = "lenet5",
        num_held_out: int = 0,
        seed: Chance[int] = 0,
    ) -> None:
        super().__init__(batch_size, num_held_out, seed, named(self.transforms, transform))
        self.class_names = [str(digit) for digit in range(10)]

    def read(self) -> dict[str, tuple[Tensor, Tensor]]:
        """scikit-learn's arrays as uint8 tensors, split into train and test."""
        images, labels = _all_digits()
        train, test = held_out(labels, hashes(key(self.name, "test"), torch.arange(len(labels))), NUM_TEST)
        return {"train": (images[train], labels[train]), "test": (images[test], labels[test])}


@cache
def _all_digits() -> tuple[Tensor, Tensor]:
    """Images uint8 (1797, 1, 8, 8) and labels; scikit-learn has them as compressed text, which is read once."""
    # Imported here: scikit-learn takes a second, and only this data set needs it.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images * (255 / 16)).round().to(torch.uint8)[:, None]
    return images, torch.from_numpy(bunch.target).long()
