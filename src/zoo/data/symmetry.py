"""The symmetry task of Rumelhart, Hinton and Williams (Nature 323, 1986, Figure 1): all patterns of six bits."""

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from zoo.catalog import DATA
from zoo.data.base import InMemoryDataModule
from zoo.data.transforms import SYMMETRY
from zoo.options import Chance

BITS = 6


class Symmetry(InMemoryDataModule):
    """The 64 patterns of six binary inputs; the eight that are mirror symmetric about their middle are one class.

    Images arrive as float32 zeros and ones of shape (N, 1, 1, 6); label 1 is symmetric. The task has no test set: the
    paper asks whether a network can learn all 64, so train, val and test are the same 64 patterns, and an error on
    "test" says nothing about unseen ones. A batch of 64, the default, is the paper's sweep.
    """

    facts = DATA["Symmetry"]

    def __init__(self, batch_size: int = 2**BITS, seed: Chance[int] = 0) -> None:
        super().__init__(batch_size, 0, seed, SYMMETRY)
        self.class_names = ["asymmetric", "symmetric"]

    def read(self) -> dict[str, tuple[Tensor, Tensor]]:
        """All patterns, as train and as test."""
        return {"train": patterns(), "test": patterns()}

    def setup(self, stage: str | None = None) -> None:
        """Makes the three equal splits; a second call does nothing."""
        super().setup(stage)
        self.splits["val"] = self.splits["test"]

    def val_dataloader(self) -> DataLoader:
        """All patterns, in order: nothing is held out, and nothing is chosen on them."""
        return self._loader("val")


def patterns() -> tuple[Tensor, Tensor]:
    """The 64 patterns in the order of the numbers 0 to 63: uint8 (64, 1, 1, 6) of 0 and 1, and int64 (64,) labels."""
    bits = (torch.arange(2**BITS)[:, None] >> torch.arange(BITS).flip(0)) & 1
    labels = (bits == bits.flip(1)).all(dim=1)
    return bits.to(torch.uint8).view(-1, 1, 1, BITS), labels.long()
