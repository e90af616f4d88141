"""MNIST, from the four official IDX files."""

import gzip
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from zoo.catalog import DATA
from zoo.data.base import InMemoryDataModule
from zoo.data.download import fetch
from zoo.data.transforms import MNIST as TRANSFORMS
from zoo.data.transforms import named
from zoo.errors import InputError
from zoo.files import given_path
from zoo.options import Chance, ChangesNoNumber

MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
# The checksums of the packed files, as torchvision has them, and the shapes of what they hold.
FILES = {
    "train-images-idx3-ubyte": ("md5:f68b3c2dcbeaaa9fbdd348bbdeb94873", (60_000, 28, 28)),
    "train-labels-idx1-ubyte": ("md5:d53e105ee54ea40749a09fcbcd1e9432", (60_000,)),
    "t10k-images-idx3-ubyte": ("md5:9fb629c4189551a2d022fa330f9573f3", (10_000, 28, 28)),
    "t10k-labels-idx1-ubyte": ("md5:ec29112dd5afa0611ce80d1b7f02629c", (10_000,)),
}


class MNIST(InMemoryDataModule):
    """60,000 + 10,000 handwritten digits, 28x28 grey (LeCun, Bottou, Bengio and Haffner 1998, section III.A).

    Reads the IDX files, plain or gzipped, from ``root``, ``root/MNIST/raw`` (torchvision's place) or ``root/mnist``.
    ``transform`` "lenet5" gives float32 (N, 1, 32, 32), "lenet5_distorted" also shifts, scales, squeezes and shears the
    training images; "standard" gives (N, 1, 28, 28) with mean 0 and variance 1, "raw" the same shape with pixels from
    0 to 255, "caffe" with those divided by 256, as Caffe's LeNet takes them.
    """

    facts = DATA["MNIST"]

    def __init__(
        self,
        root: ChangesNoNumber[str] = "data",
        batch_size: int = 128,
        transform: Literal["lenet5", "lenet5_distorted", "standard", "caffe", "raw"] = "lenet5",
        num_held_out: int = 5000,
        download: ChangesNoNumber[bool] = False,
        seed: Chance[int] = 0,
    ) -> None:
        super().__init__(batch_size, num_held_out, seed, named(TRANSFORMS, transform))
        self.root, self.download = given_path(root), download
        self.class_names = [str(digit) for digit in range(10)]

    def prepare_data(self) -> None:
        """Downloads what is missing where ``download`` is set. Raises InputError where a file is missing."""
        for name, (digest, _) in FILES.items():
            if self._find(name) is None:
                if not self.download:
                    raise InputError(
                        f"No MNIST in {self.root.absolute()} ({name} is missing): add --data.download true to fetch it,"
                        " or point --data.root at the folder that holds the IDX files."
                    )
                fetch(f"{MIRROR}{name}.gz", self.root / "MNIST" / "raw" / f"{name}.gz", digest)

    def read(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The four files as tensors. Raises InputError where one is missing, broken, or not MNIST's."""
        self.prepare_data()
        arrays = [torch.from_numpy(self._read_idx(name, shape)) for name, (_, shape) in FILES.items()]
        return {
            "train": (arrays[0][:, None], arrays[1].long()),
            "test": (arrays[2][:, None], arrays[3].long()),
        }

    def _find(self, name: str) -> Path | None:
        folders = (self.root, self.root / "MNIST" / "raw", self.root / "mnist")
        candidates = (folder / f"{name}{ending}" for folder in folders for ending in ("", ".gz"))
        return next((path for path in candidates if path.is_file()), None)

    def _read_idx(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        path = self._find(name)
        assert path is not None  # prepare_data has seen it
        try:
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path} cannot be unpacked ({error}); delete it and fetch it again.") from error
        # IDX: two zero bytes, type 8 (unsigned byte), number of dimensions, then each as a big-endian int32.
        header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
        if data[: len(header)] != header or len(data) != len(header) + int(np.prod(shape)):
            raise InputError(
                f"{path} is not the official MNIST file: {len(data):,} bytes unpacked instead of"
                f" {len(header) + int(np.prod(shape)):,}, or another header; fetch it again."
            )
        values = np.frombuffer(data, np.uint8, offset=len(header)).reshape(shape).copy()
        if len(shape) == 1 and values.max() > 9:
            raise InputError(f"{path} holds the label {values.max()}, but there are ten digits; fetch it again.")
        return values
