"""Data sets in MNIST's format: four IDX files of 60,000 + 10,000 images of 28x28 pixels, grey."""

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from zoo.data.base import InMemoryDataModule
from zoo.data.download import fetch
from zoo.data.transforms import Preprocessing, named
from zoo.errors import InputError
from zoo.files import given_path
from zoo.options import Chance, ChangesNoNumber

SHAPES = {
    "train-images-idx3-ubyte": (60_000, 28, 28),
    "train-labels-idx1-ubyte": (60_000,),
    "t10k-images-idx3-ubyte": (10_000, 28, 28),
    "t10k-labels-idx1-ubyte": (10_000,),
}


class IDXImages(InMemoryDataModule):
    """Base of the data sets in MNIST's format; a subclass says where its files are and what its classes are."""

    #: The address below which the packed files are, and their checksums in the order of ``shapes``, as torchvision has
    #: them.
    mirror: ClassVar[str]
    sums: ClassVar[tuple[str, str, str, str]]
    #: torchvision's folder for them, and one more in which they are looked for.
    folders: ClassVar[tuple[str, str]]
    names_of_classes: ClassVar[tuple[str, ...]]
    shapes: ClassVar[Mapping[str, tuple[int, ...]]] = SHAPES
    transforms: ClassVar[Mapping[str, Preprocessing]]

    def __init__(
        self,
        root: ChangesNoNumber[str] = "data",
        batch_size: int = 128,
        transform: Literal["lenet5", "lenet5_distorted", "standard", "caffe", "raw"] = "lenet5",
        num_held_out: int = 5000,
        download: ChangesNoNumber[bool] = False,
        seed: Chance[int] = 0,
    ) -> None:
        super().__init__(batch_size, num_held_out, seed, named(self.transforms, transform))
        self.root, self.download = given_path(root), download
        self.class_names = list(self.names_of_classes)

    @property
    def title(self) -> str:
        """What messages call the data."""
        return self.facts.title if self.facts else self.name

    def prepare_data(self) -> None:
        """Downloads what is missing where ``download`` is set. Raises InputError where a file is missing."""
        for name, digest in zip(self.shapes, self.sums, strict=True):
            if self._find(name) is None:
                if not self.download:
                    raise InputError(
                        f"No {self.title} in {self.root.absolute()} ({name} is missing): add --data.download true to"
                        " fetch it, or point --data.root at the folder that holds the IDX files."
                    )
                fetch(f"{self.mirror}{name}.gz", self.root / self.folders[0] / f"{name}.gz", digest)

    def read(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The four files as tensors. Raises InputError where one is missing, broken, or of another size."""
        self.prepare_data()
        arrays = [torch.from_numpy(self._read_idx(name, shape)) for name, shape in self.shapes.items()]
        return {
            "train": (arrays[0][:, None], arrays[1].long()),
            "test": (arrays[2][:, None], arrays[3].long()),
        }

    def official_sums(self) -> dict[Path, str]:
        """Those of the packed files; what somebody unpacked has none."""
        found = zip(map(self._find, self.shapes), self.sums, strict=True)
        return {path: digest for path, digest in found if path and path.suffix == ".gz"}

    def _find(self, name: str) -> Path | None:
        folders = (self.root, *(self.root / folder for folder in self.folders))
        candidates = (folder / f"{name}{ending}" for folder in folders for ending in ("", ".gz"))
        return next((path for path in candidates if path.is_file()), None)

    def _read_idx(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        path = self._find(name)
        assert path is not None  # prepare_data has seen it
        # IDX: two zero bytes, type 8 (unsigned byte), number of dimensions, then each as a big-endian int32.
        header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
        expected = len(header) + int(np.prod(shape))
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                # A byte more than there should be, however many there are: the rest could fill the memory.
                data = file.read(expected + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path} cannot be unpacked ({error}); delete it and fetch it again.") from error
        if data[: len(header)] != header or len(data) != expected:
            many = f"{len(data):,}" if len(data) <= expected else "more"
            raise InputError(
                f"{path} is not the official {self.title} file: {many} bytes unpacked instead of {expected:,}, or"
                " another header; fetch it again."
            )
        values = np.frombuffer(data, np.uint8, offset=len(header)).reshape(shape).copy()
        if len(shape) == 1 and values.max() >= self.num_classes:
            raise InputError(
                f"{path} holds the label {values.max()}, but there are {self.num_classes} classes; fetch it again."
            )
        return values
