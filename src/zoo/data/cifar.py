"""Data sets in CIFAR's formats: the official binary version, or the python version that torchvision leaves."""

import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from zoo.data.base import InMemoryDataModule
from zoo.data.download import fetch_unpacked
from zoo.data.transforms import Preprocessing, named
from zoo.errors import InputError
from zoo.files import given_path
from zoo.options import Chance, ChangesNoNumber

AGAIN = "delete it and add --data.download true to fetch it again"


@dataclass(frozen=True)
class Form:
    """What the labels mean, and where they are: under ``key`` in the python version, last of some bytes in the binary.

    ``title`` is what messages call the data.
    """

    title: str
    class_names: tuple[str, ...]
    key: str
    label_bytes: int


class CIFARImages(InMemoryDataModule):
    """Base of CIFAR-10 and CIFAR-100; a subclass says where its files are and what its classes are."""

    #: The archive, with its checksum as torchvision has it.
    url: ClassVar[str]
    digest: ClassVar[str]
    #: The folders of the binary and of the python version.
    folders: ClassVar[tuple[str, str]]
    #: How many images each file has, by its name without ending; the last file is the test set.
    counts: ClassVar[Mapping[str, int]]
    #: The checksums of the files of the python version, as torchvision has them.
    sums: ClassVar[Mapping[str, str]] = {}
    form: ClassVar[Form]
    transforms: ClassVar[Mapping[str, Preprocessing]]

    def __init__(
        self,
        root: ChangesNoNumber[str] = "data",
        batch_size: int = 128,
        transform: Literal[
            "standard", "crop_flip", "crop_flip_cutout", "convnetjs", "mean_image", "cuda_convnet", "raw"
        ] = "standard",
        num_held_out: int = 5000,
        download: ChangesNoNumber[bool] = False,
        seed: Chance[int] = 0,
    ) -> None:
        super().__init__(batch_size, num_held_out, seed, named(self.transforms, transform))
        self.root, self.download = given_path(root), download
        self.class_names = list(self.form.class_names)

    def prepare_data(self) -> None:
        """Downloads all files where one is missing and ``download`` is set; without it, raises InputError."""
        files = self._files()
        missing = [file for file in files if not file.is_file()]
        if not missing:
            return
        if not self.download:
            found = f"neither {self.folders[0]} nor {self.folders[1]}"
            if len(missing) < len(files):
                found = f"of its {_NUMBERS[len(files)]} batches {missing[0].relative_to(self.root)} is missing"
            raise InputError(
                f"No {self.form.title} in {self.root.absolute()} ({found}): add --data.download true to fetch it,"
                " or point --data.root at the folder that holds it."
            )
        fetch_unpacked(
            self.url, self.digest, self.root, self.form.title, lambda: all(file.is_file() for file in self._files())
        )

    def read(self) -> dict[str, tuple[Tensor, Tensor]]:
        """All files as tensors. Raises InputError where one is missing, truncated or broken."""
        self.prepare_data()
        batches = [
            (read_binary if file.suffix == ".bin" else read_python)(file, self.form, num)
            for file, num in zip(self._files(), self.counts.values(), strict=True)
        ]
        pixels = torch.from_numpy(np.concatenate([batch[0] for batch in batches])).view(-1, 3, 32, 32)
        labels = torch.from_numpy(np.concatenate([batch[1] for batch in batches])).long()
        num_train = len(labels) - list(self.counts.values())[-1]
        return {"train": (pixels[:num_train], labels[:num_train]), "test": (pixels[num_train:], labels[num_train:])}

    def official_sums(self) -> dict[Path, str]:
        """Those of the files of the python version."""
        return {file: self.sums[file.name] for file in self._files() if file.is_file() and file.name in self.sums}

    def _files(self) -> list[Path]:
        """The files, in the first place that has them all; where none has, in the one that lacks the fewest."""
        folders = (*(self.root / folder for folder in self.folders), self.root)
        places = [[folder / f"{name}{ending}" for name in self.counts] for folder in folders for ending in (".bin", "")]
        return min(places, key=lambda files: sum(not file.is_file() for file in files))


_NUMBERS = {2: "two", 6: "six"}


def read_binary(path: Path, form: Form, num: int) -> tuple[np.ndarray, np.ndarray]:
    """One file of the binary version: ``num`` times the label bytes and 3,072 bytes of red, green and blue planes.

    Returns uint8 pixels (num, 3072) and labels (num,). Raises InputError where the file is not such a batch.
    """
    expected = num * (form.label_bytes + 3072)
    try:
        # Before anything is read: a larger file would fill the memory.
        size = path.stat().st_size
        if size != expected:
            raise InputError(f"{path} has {size:,} bytes instead of {expected:,}; {AGAIN}.")
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {AGAIN}.") from error
    records = data.reshape(num, form.label_bytes + 3072)
    return _checked(path, form, records[:, form.label_bytes :], records[:, form.label_bytes - 1])


def read_python(path: Path, form: Form, num: int) -> tuple[np.ndarray, np.ndarray]:
    """One file of the python version: a pickled dictionary, of which only an array and plain values are admitted.

    Returns uint8 pixels (num, 3072) and labels (num,). Raises InputError where the file is not such a batch.
    """
    try:
        if path.stat().st_size > 2 * num * 3074:
            raise ValueError(f"it has {path.stat().st_size:,} bytes")
        batch = _PlainUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
        pixels, labels = batch["data"].pixels(), np.array(batch[form.key], np.int64)
    except Exception as error:  # a broken pickle raises anything from KeyError to MemoryError
        reason = repr(error) if isinstance(error, KeyError) else error
        raise InputError(f"{path} is not a batch of {form.title}'s python version ({reason}); {AGAIN}.") from error
    if pixels.shape != (num, 3072) or labels.shape != (num,):
        raise InputError(f"{path} holds arrays of shape {pixels.shape} and {labels.shape}; {AGAIN}.")
    return _checked(path, form, pixels, labels)


def _checked(path: Path, form: Form, pixels: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wrong = labels[(labels < 0) | (labels >= len(form.class_names))]
    if wrong.size:
        raise InputError(
            f"{path} holds the label {wrong[0]}, but {form.title} has {len(form.class_names)} classes; {AGAIN}."
        )
    return pixels, labels.astype(np.uint8)


class _Array:
    """Stands in for a pickled NumPy array: a forged one, built by NumPy itself, can follow any pointer."""

    def __init__(self, *ignored: Any) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.dtype, self.fortran, self.data = state

    def pixels(self) -> np.ndarray:
        """The array, which must be one of bytes; text is how Python 2 pickled bytes."""
        if self.dtype.code != "u1":
            raise ValueError(f"its data are of type {self.dtype.code}")
        data = self.data.encode("latin1") if isinstance(self.data, str) else self.data
        return np.frombuffer(data, np.uint8).reshape(self.shape, order="F" if self.fortran else "C")


class _DType:
    """Stands in for a pickled NumPy type."""

    def __init__(self, code: str, *ignored: Any) -> None:
        self.code = code

    def __setstate__(self, ignored: tuple[Any, ...]) -> None:
        pass


class _PlainUnpickler(pickle.Unpickler):
    """Builds plain Python values and arrays of bytes and refuses the rest: a batch file runs no code."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for what the file asks for by name."""
        # NumPy 2 moved its core; Python 3 pickles bytes as encoded text where Python 2 shall read them.
        admitted = {
            "numpy.multiarray._reconstruct": _Array,
            "numpy.ndarray": None,
            "numpy.dtype": _DType,
            "_codecs.encode": lambda text, encoding: text.encode("latin1"),
        }
        asked = f"{module}.{name}".replace("numpy.core.", "numpy.").replace("numpy._core.", "numpy.")
        if asked not in admitted:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return admitted[asked]
