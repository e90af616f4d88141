"""CIFAR-10, from the official binary version or the python version that torchvision leaves."""

import io
import pickle
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from zoo.data.base import InMemoryDataModule
from zoo.data.download import extract, fetch
from zoo.data.transforms import CIFAR10 as TRANSFORMS
from zoo.errors import InputError

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
DIGEST = "md5:c32a1d4ab5d03f1284b67883e8d87530"
BATCHES = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
NUM_BATCH = 10_000
CLASS_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


class CIFAR10(InMemoryDataModule):
    """50,000 + 10,000 colour images, 32x32, ten classes (Krizhevsky 2009, "Learning multiple layers of features").

    Reads ``root/cifar-10-batches-bin/*.bin`` or ``root/cifar-10-batches-py``; ``root`` may be either folder itself.
    Batches are float32 (N, 3, 32, 32): ``transform`` "standard" subtracts the mean and divides by the standard
    deviation of each channel, "crop_flip" also shifts by up to 4 pixels and mirrors while training.
    """

    name = "cifar10"

    def __init__(
        self,
        root: str = "data",
        batch_size: int = 128,
        transform: Literal["standard", "crop_flip"] = "standard",
        num_held_out: int = 5000,
        download: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, num_held_out, seed, TRANSFORMS[transform])
        self.root, self.download = Path(root), download
        self.class_names = list(CLASS_NAMES)

    def prepare_data(self) -> None:
        """Downloads the data where it is missing and ``download`` is set. Raises InputError where it is missing."""
        if self._folder() is not None:
            return
        if not self.download:
            raise InputError(
                f"No CIFAR-10 in {self.root.absolute()} (neither cifar-10-batches-bin nor cifar-10-batches-py):"
                " add --data.download true to fetch it, or point --data.root at the folder that holds it."
            )
        archive = fetch(URL, self.root / "cifar-10-binary.tar.gz", DIGEST)
        extract(archive, self.root)
        archive.unlink()

    def read(self) -> dict[str, tuple[Tensor, Tensor]]:
        """All six batches as tensors. Raises InputError where one is missing, truncated or broken."""
        self.prepare_data()
        folder = self._folder()
        assert folder is not None  # prepare_data has seen it
        binary = (folder / "test_batch.bin").is_file()
        batches = [read_binary(folder / f"{name}.bin") if binary else read_python(folder / name) for name in BATCHES]
        pixels = torch.from_numpy(np.concatenate([batch[0] for batch in batches])).view(-1, 3, 32, 32)
        labels = torch.from_numpy(np.concatenate([batch[1] for batch in batches])).long()
        num_train = 5 * NUM_BATCH
        return {"train": (pixels[:num_train], labels[:num_train]), "test": (pixels[num_train:], labels[num_train:])}

    def _folder(self) -> Path | None:
        folders = (self.root / "cifar-10-batches-bin", self.root / "cifar-10-batches-py", self.root)
        known = ("test_batch.bin", "test_batch", "data_batch_1.bin", "data_batch_1")
        return next((folder for folder in folders if any((folder / name).is_file() for name in known)), None)


def read_binary(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """One batch of the binary version: 10,000 times a label byte and 3,072 bytes of red, green and blue planes."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); fetch CIFAR-10 again.") from error
    expected = NUM_BATCH * 3073
    if data.size != expected:
        raise InputError(f"{path} has {data.size:,} bytes instead of {expected:,}: it is truncated; fetch CIFAR-10 again.")
    records = data.reshape(NUM_BATCH, 3073)
    return _checked(path, records[:, 1:], records[:, 0])


def read_python(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """One batch of the python version: a pickled dictionary of which only arrays and plain values are admitted."""
    try:
        batch = _PlainUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
        pixels, labels = np.asarray(batch["data"], np.uint8), np.asarray(batch["labels"], np.uint8)
    except (OSError, EOFError, KeyError, TypeError, ValueError, AttributeError, pickle.UnpicklingError) as error:
        raise InputError(f"{path} is not a batch of CIFAR-10's python version ({error}); fetch CIFAR-10 again.") from error
    if pixels.shape != (NUM_BATCH, 3072) or labels.shape != (NUM_BATCH,):
        raise InputError(f"{path} holds arrays of shape {pixels.shape} and {labels.shape}; fetch CIFAR-10 again.")
    return _checked(path, pixels, labels)


def _checked(path: Path, pixels: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if labels.max() > 9:
        raise InputError(f"{path} holds the label {labels.max()}, but CIFAR-10 has ten classes; fetch CIFAR-10 again.")
    return pixels, labels


class _PlainUnpickler(pickle.Unpickler):
    """Admits what NumPy arrays and plain Python values need and nothing else: a batch file runs no code."""

    ADMITTED = {
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        # NumPy 2 warns about the old module name that the official files carry.
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
