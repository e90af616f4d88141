"""torchvision's usual training pipelines, as its own reference scripts put them together."""

import hashlib
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torchvision
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CIFAR10_MEAN, CIFAR10_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def photos(root: Path, workers: int) -> Callable[[], Iterator[Tensor]]:
    """ImageFolder, RandomResizedCrop(224), flip, ToTensor, Normalize; batches of 32, as in its training script."""
    return _epochs(torchvision.datasets.ImageFolder(str(root), _photo_transform()), 32, workers)


def photo_steps() -> Callable[[Path], Tensor]:
    """The same for one file."""
    load, transform = torchvision.datasets.folder.default_loader, _photo_transform()
    return lambda file: transform(load(str(file)))


def _photo_transform() -> transforms.Compose:
    steps = [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    return transforms.Compose([*steps, transforms.Normalize(MEAN, STD)])


def cifar10(root: Path, place: Path, workers: int) -> Callable[[], Iterator[Tensor]]:
    """RandomCrop(32, padding=4), flip, ToTensor, Normalize; batches of 128, a fifth of an epoch of them."""
    steps = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    transform = transforms.Compose([*steps, transforms.Normalize(CIFAR10_MEAN, CIFAR10_STD)])
    return _epochs(Subset(_pickled(root, place)(str(place), transform=transform), range(10_000)), 128, workers)


def _epochs(data: Dataset, batch_size: int, workers: int) -> Callable[[], Iterator[Tensor]]:
    loader = DataLoader(data, batch_size, shuffle=True, num_workers=workers, persistent_workers=True)

    def run() -> Iterator[Tensor]:
        for images, _ in loader:
            yield images

    return run


def _pickled(root: Path, place: Path) -> type[torchvision.datasets.CIFAR10]:
    """torchvision's CIFAR10 with the checksums of files at ``place`` in its layout, written from the binary version."""
    folder = place / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    train, test = [f"data_batch_{n}" for n in range(1, 6)], ["test_batch"]
    for name in train + test:
        records = np.fromfile(root / "cifar-10-batches-bin" / f"{name}.bin", np.uint8).reshape(-1, 3073)
        (folder / name).write_bytes(pickle.dumps({"labels": records[:, 0].tolist(), "data": records[:, 1:]}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [str(label) for label in range(10)]}))

    def sums(names: list[str]) -> list[list[str]]:
        return [[name, hashlib.md5((folder / name).read_bytes()).hexdigest()] for name in names]

    meta = {"filename": "batches.meta", "key": "label_names", "md5": sums(["batches.meta"])[0][1]}
    return type(
        "Local", (torchvision.datasets.CIFAR10,), {"train_list": sums(train), "test_list": sums(test), "meta": meta}
    )
