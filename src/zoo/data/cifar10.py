"""CIFAR-10, from the official binary version or the python version that torchvision leaves."""

import io
import pickle
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from zoo.catalog import DATA
from zoo.data.base import InMemoryDataModule
from zoo.data.download import extract, fetch
from zoo.data.transforms import CIFAR10 as TRANSFORMS
from zoo.data.transforms import named
from zoo.errors import InputError
from zoo.files import alone, given_path
from zoo.options import Chance, ChangesNoNumber

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
DIGEST = "md5:c32a1d4ab5d03f1284b67883e8d87530"
BATCHES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
NUM_BATCH = 10_000
AGAIN = "delete it and add --data.download true to fetch it again"
CLASS_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


class CIFAR10(InMemoryDataModule):
    """50,000 + 10,000 colour images, 32x32, ten classes (Krizhevsky 2009, "Learning multiple layers of features").

    Reads ``root/cifar-10-batches-bin/*.bin`` or ``root/cifar-10-batches-py``; ``root`` may be either folder itself.
    Batches are float32 (N, 3, 32, 32). ``transform`` "standard" subtracts the mean and divides by the standard
    deviation of each channel; "crop_flip" also shifts by up to 4 pixels and mirrors while training;
    "crop_flip_cutout" erases a square of 12 pixels, too (and shifts the mean colour in). "convnetjs" is
    p / 255 - 0.5 with shifts of up to 2 pixels, grey moving in, and mirrors. "mean_image" subtracts from pixels of
    0..255 the mean of the training images; "cuda_convnet" also cuts (N, 3, 24, 24) out of them, anywhere, and mirrors
    while training, and leaves it to the model to crop the whole images that the other two splits give.
    "raw" leaves pixels from 0 to 255.
    """

    facts = DATA["CIFAR10"]

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
        super().__init__(batch_size, num_held_out, seed, named(TRANSFORMS, transform))
        self.root, self.download = given_path(root), download
        self.class_names = list(CLASS_NAMES)

    def prepare_data(self) -> None:
        """Downloads all six batches where one is missing and ``download`` is set; without it, raises InputError."""
        files = self._files()
        missing = [file for file in files if not file.is_file()]
        if not missing:
            return
        if not self.download:
            found = "neither cifar-10-batches-bin nor cifar-10-batches-py"
            if len(missing) < len(files):
                found = f"of its six batches {missing[0].relative_to(self.root)} is missing"
            raise InputError(
                f"No CIFAR-10 in {self.root.absolute()} ({found}): add --data.download true to fetch it,"
                " or point --data.root at the folder that holds it."
            )
        archive = self.root / "cifar-10-binary.tar.gz"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # From the first byte to the last batch, so that of processes that start together one fetches.
            with alone(archive.with_name(f"{archive.name}.lock")):
                if all(file.is_file() for file in self._files()):
                    return
                fetch(URL, archive, DIGEST)
                try:
                    extract(archive, self.root)
                finally:
                    archive.unlink()
        except OSError as error:
            raise InputError(
                f"CIFAR-10 cannot be written to {self.root.absolute()} ({error.strerror}): point --data.root at another"
                " folder."
            ) from error

    def read(self) -> dict[str, tuple[Tensor, Tensor]]:
        """All six batches as tensors. Raises InputError where one is missing, truncated or broken."""
        self.prepare_data()
        batches = [read_binary(file) if file.suffix == ".bin" else read_python(file) for file in self._files()]
        pixels = torch.from_numpy(np.concatenate([batch[0] for batch in batches])).view(-1, 3, 32, 32)
        labels = torch.from_numpy(np.concatenate([batch[1] for batch in batches])).long()
        num_train = 5 * NUM_BATCH
        return {"train": (pixels[:num_train], labels[:num_train]), "test": (pixels[num_train:], labels[num_train:])}

    def _files(self) -> list[Path]:
        """The six batches, in the first place that has them all; where none has, in the one that lacks the fewest."""
        folders = (self.root / "cifar-10-batches-bin", self.root / "cifar-10-batches-py", self.root)
        places = [[folder / f"{name}{ending}" for name in BATCHES] for folder in folders for ending in (".bin", "")]
        return min(places, key=lambda files: sum(not file.is_file() for file in files))


def read_binary(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """One batch of the binary version: 10,000 times a label byte and 3,072 bytes of red, green and blue planes.

    Returns uint8 pixels (10000, 3072) and labels (10000,). Raises InputError where the file is not such a batch.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {AGAIN}.") from error
    expected = NUM_BATCH * 3073
    if data.size != expected:
        raise InputError(f"{path} has {data.size:,} bytes instead of {expected:,}; {AGAIN}.")
    records = data.reshape(NUM_BATCH, 3073)
    return _checked(path, records[:, 1:], records[:, 0])


def read_python(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """One batch of the python version: a pickled dictionary, of which only an array and plain values are admitted.

    Returns uint8 pixels (10000, 3072) and labels (10000,). Raises InputError where the file is not such a batch.
    """
    try:
        batch = _PlainUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
        pixels, labels = batch["data"].pixels(), np.array(batch["labels"], np.int64)
    except Exception as error:  # a broken pickle raises anything from KeyError to MemoryError
        reason = repr(error) if isinstance(error, KeyError) else error
        raise InputError(f"{path} is not a batch of CIFAR-10's python version ({reason}); {AGAIN}.") from error
    if pixels.shape != (NUM_BATCH, 3072) or labels.shape != (NUM_BATCH,):
        raise InputError(f"{path} holds arrays of shape {pixels.shape} and {labels.shape}; {AGAIN}.")
    return _checked(path, pixels, labels)


def _checked(path: Path, pixels: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wrong = labels[(labels < 0) | (labels > 9)]
    if wrong.size:
        raise InputError(f"{path} holds the label {wrong[0]}, but CIFAR-10 has ten classes; {AGAIN}.")
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
