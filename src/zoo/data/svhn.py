"""The Street View House Numbers, from the two official MATLAB files of cropped digits."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from zoo.catalog import DATA
from zoo.data.base import InMemoryDataModule
from zoo.data.download import fetch
from zoo.data.transforms import SVHN as TRANSFORMS
from zoo.data.transforms import Preprocessing, named
from zoo.errors import InputError
from zoo.files import given_path
from zoo.options import Chance, ChangesNoNumber

# The training images have a quarter of a billion.
MOST_NUMBERS = 300_000_000
#: MATLAB's classes of numbers, as SciPy names them.
NUMBERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "single", "double")
SITE = "http://ufldl.stanford.edu/housenumbers/"


class SVHN(InMemoryDataModule):
    """73,257 + 26,032 digits of house numbers, 32x32 in colour (Netzer and others 2011, "Reading digits").

    Reads ``train_32x32.mat`` and ``test_32x32.mat`` in ``root``, where torchvision puts them, or in ``root/svhn``; the
    531,131 extra images are not used. ``transform`` "standard" subtracts the mean and divides by the standard deviation
    of each channel, "mean_image" subtracts from pixels of 0..255 the mean of the training images, "raw" leaves them.
    The files' label 10 is the digit 0.

    Deviations and guesses: mean and deviation of "standard" are the figures that everybody passes on.
    """

    facts = DATA["SVHN"]
    #: The files, with the checksums that torchvision has.
    sums: ClassVar[Mapping[str, str]] = {
        "train_32x32.mat": "md5:e26dedcc434d2e4c54c9b2d4a06d8373",
        "test_32x32.mat": "md5:eb5a983be6a315427106f1b164d9cef3",
    }
    site: ClassVar[str] = SITE
    transforms: ClassVar[Mapping[str, Preprocessing]] = TRANSFORMS

    def __init__(
        self,
        root: ChangesNoNumber[str] = "data",
        batch_size: int = 128,
        transform: Literal["standard", "mean_image", "raw"] = "standard",
        num_held_out: int = 5000,
        download: ChangesNoNumber[bool] = False,
        seed: Chance[int] = 0,
    ) -> None:
        super().__init__(batch_size, num_held_out, seed, named(self.transforms, transform))
        self.root, self.download = given_path(root), download
        self.class_names = [str(digit) for digit in range(10)]

    def prepare_data(self) -> None:
        """Downloads what is missing where ``download`` is set. Raises InputError where a file is missing."""
        for name, digest in self.sums.items():
            if self._find(name) is None:
                if not self.download:
                    raise InputError(
                        f"No SVHN in {self.root.absolute()} ({name} is missing): add --data.download true to fetch it,"
                        " or point --data.root at the folder that holds the .mat files."
                    )
                fetch(f"{self.site}{name}", self.root / name, digest)

    def read(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Both files as tensors. Raises InputError where one is missing, broken, or not of such digits."""
        self.prepare_data()
        train, test = (read_mat(path) for name in self.sums if (path := self._find(name)))
        return {"train": train, "test": test}

    def official_sums(self) -> dict[Path, str]:
        """Those of the files."""
        return {path: digest for name, digest in self.sums.items() if (path := self._find(name))}

    def _find(self, name: str) -> Path | None:
        return next((path for path in (self.root / name, self.root / "svhn" / name) if path.is_file()), None)


def read_mat(path: Path) -> tuple[Tensor, Tensor]:
    """uint8 images (N, 3, 32, 32) and int64 labels (N,) of one file. Raises InputError where it is no such file."""
    # Imported here: reading is all that wants it.
    from scipy.io import loadmat, whosmat

    try:
        # Before anything is unpacked: more would fill the memory.
        listed = whosmat(path)
        shapes = {name: shape for name, shape, _ in listed}
        if any(math.prod(shapes.get(name, ())) > MOST_NUMBERS for name in ("X", "y")):
            raise ValueError(f"it holds more than {MOST_NUMBERS:,} numbers")
        # On a damaged table SciPy ends the process.
        if odd := [kind for name, _, kind in listed if name in ("X", "y") and kind not in NUMBERS]:
            raise ValueError(f"it holds a {odd[0]}")
        content: dict[str, Any] = loadmat(path, variable_names=["X", "y"])
        pixels, labels = content["X"], content["y"].reshape(-1)
        sound = pixels.dtype == np.uint8 and pixels.shape == (32, 32, 3, len(labels)) and len(labels)
        sound = sound and set(np.unique(labels)) <= set(range(1, 11))
    except Exception as error:  # on other bytes the reader fails in a dozen ways
        reason = f"it has no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise InputError(f"{path} is not one of SVHN's files ({reason}); delete it and fetch it again.") from error
    if not sound:
        raise InputError(
            f"{path} is not one of SVHN's files (images of {pixels.dtype}, {pixels.shape}, for {len(labels):,} labels);"
            " delete it and fetch it again."
        )
    images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(3, 2, 0, 1)))
    return images, torch.from_numpy(labels.astype(np.int64) % 10)
