"""STL-10, from the official binary files."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from zoo.catalog import DATA
from zoo.data.base import InMemoryDataModule
from zoo.data.download import fetch_unpacked
from zoo.data.transforms import STL10 as TRANSFORMS
from zoo.data.transforms import Preprocessing, named
from zoo.errors import InputError
from zoo.files import given_path
from zoo.options import Chance, ChangesNoNumber

FOLDER = "stl10_binary"
AGAIN = "delete it and add --data.download true to fetch it again"


class STL10(InMemoryDataModule):
    """5,000 + 8,000 colour images, 96x96, ten classes (Coates, Lee and Ng 2011), without its unlabelled images.

    Reads ``root/stl10_binary``, where torchvision puts it; ``root`` may be that folder itself. ``transform`` "standard"
    subtracts the mean and divides by the standard deviation of each channel, "crop_flip" also shifts by up to 12 pixels
    and mirrors while training, "raw" leaves pixels from 0 to 255; "standard_32" and "crop_flip_32" are of images made
    32x32 by the mean over 3x3 pixels, and shift by up to 4.

    Deviations and guesses: mean and deviation of "standard" and its like are the figures that everybody passes on; all
    5,000 training images are used, where the authors' protocol has ten folds of 1,000.
    """

    facts = DATA["STL10"]
    #: The archive with the unlabelled images, 2.6 GB, and the files that are read, with torchvision's checksums.
    url: ClassVar[str] = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
    digest: ClassVar[str] = "md5:91f7769df0f17e558f3565bffb0c7dfb"
    sums: ClassVar[Mapping[str, str]] = {
        "train_X.bin": "md5:918c2871b30a85fa023e0c44e0bee87f",
        "train_y.bin": "md5:5a34089d4802c674881badbb80307741",
        "test_X.bin": "md5:7f263ba9f9e0b06b93213547f721ac82",
        "test_y.bin": "md5:36f9794fa4beb8a2c72628de14fa638e",
    }
    counts: ClassVar[Mapping[str, int]] = {"train": 5_000, "test": 8_000}
    transforms: ClassVar[Mapping[str, Preprocessing]] = TRANSFORMS

    def __init__(
        self,
        root: ChangesNoNumber[str] = "data",
        batch_size: int = 128,
        transform: Literal["standard", "crop_flip", "standard_32", "crop_flip_32", "raw"] = "standard",
        num_held_out: int = 500,
        download: ChangesNoNumber[bool] = False,
        seed: Chance[int] = 0,
    ) -> None:
        super().__init__(batch_size, num_held_out, seed, named(self.transforms, transform))
        self.root, self.download = given_path(root), download
        self.class_names = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"]

    def prepare_data(self) -> None:
        """Downloads the archive where a file is missing and ``download`` is set; without it, raises InputError."""
        missing = self._missing()
        if not missing:
            return
        if not self.download:
            raise InputError(
                f"No STL-10 in {self.root.absolute()} ({FOLDER}/{missing[0]} is missing): add --data.download true to"
                " fetch it, or point --data.root at the folder that holds it."
            )
        fetch_unpacked(self.url, self.digest, self.root, "STL-10", lambda: not self._missing())

    def read(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The four files as tensors. Raises InputError where one is missing or of another size."""
        self.prepare_data()
        return {split: self._read(split, num) for split, num in self.counts.items()}

    def official_sums(self) -> dict[Path, str]:
        """Those of the files that are read."""
        return {self._folder() / name: digest for name, digest in self.sums.items()}

    def _read(self, split: str, num: int) -> tuple[Tensor, Tensor]:
        pixels = self._bytes(f"{split}_X.bin", num * 3 * 96 * 96)
        labels = self._bytes(f"{split}_y.bin", num)
        if labels.min() < 1 or labels.max() > self.num_classes:
            raise InputError(f"{self._folder() / f'{split}_y.bin'} holds labels outside 1 to 10; {AGAIN}.")
        # Column by column, as MATLAB has them.
        images = torch.from_numpy(pixels.reshape(num, 3, 96, 96)).transpose(2, 3).contiguous()
        return images, torch.from_numpy(labels.astype(np.int64) - 1)

    def _bytes(self, name: str, expected: int) -> np.ndarray:
        path = self._folder() / name
        try:
            size = path.stat().st_size
            # What is far too long would fill the memory.
            data = np.fromfile(path, np.uint8) if size == expected else np.empty(0, np.uint8)
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}); {AGAIN}.") from error
        if data.size != expected:
            raise InputError(f"{path} has {size:,} bytes instead of {expected:,}; {AGAIN}.")
        return data

    def _folder(self) -> Path:
        own = self.root / "train_X.bin"
        return self.root if own.is_file() else self.root / FOLDER

    def _missing(self) -> list[str]:
        return [name for name in self.sums if not (self._folder() / name).is_file()]
