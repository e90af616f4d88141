"""ImageNet (ILSVRC) from folders of JPEG files: ``root/train/<wnid>/*.JPEG`` and ``root/val``."""

import os
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import Dataset

from zoo import keyed
from zoo.data import manifest
from zoo.data.base import ImageDataModule
from zoo.data.fingerprint import of_listing
from zoo.data.folders import require_splits
from zoo.data.labelled import Labelled, labelled_files
from zoo.data.photos import TRANSFORMS, PhotoTransform, read_rgb
from zoo.data.sampling import Draw
from zoo.data.splits import held_out
from zoo.data.store import Store, find_store
from zoo.data.stored import StoredPhotos
from zoo.errors import InputError


class ImageNet(ImageDataModule):
    """ILSVRC folders with any number of wnid classes; the ILSVRC validation images are the test set.

    ``root/train/<wnid>/*.JPEG`` for training; ``root/val/<wnid>/*.JPEG``, or all images flat in ``root/val`` beside one
    of the official label files (see ``imagenet_val``). Loaders give uint8 images (N, 3, 224, 224);
    ``on_after_batch_transfer``, which the Trainer calls on the device, makes them the network's float32 input.
    ``transform`` is the preprocessing of "alexnet", "caffe" (227 pixels), "vgg" or "torchvision".
    """

    name = "imagenet"

    def __init__(
        self,
        root: str = "data/imagenet",
        batch_size: int = 128,
        transform: Literal["alexnet", "caffe", "vgg", "torchvision"] = "torchvision",
        num_held_out: int = 10_000,
        num_workers: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, num_held_out, seed)
        self.root, self.transform = Path(root), TRANSFORMS[transform]
        self.num_workers = _num_cpus() if num_workers is None else num_workers
        self.files: dict[str, list[Path]] = {}
        self.store: Store | None = None

    def prepare_data(self) -> None:
        """Raises InputError, with a way to get ImageNet, where there are neither its folders nor a prepared store."""
        if find_store(self.root) is None:
            require_splits(self.root)

    def setup(self, stage: str | None = None) -> None:
        """Lists the files and carves the held-out slice; a second call does nothing."""
        if self.splits:
            return
        self.prepare_data()
        folder = find_store(self.root)
        self.store = None if folder is None else Store(folder)
        self.class_names, listed = labelled_files(self.root) if self.store is None else self.store.labelled()
        labels = torch.tensor(listed["train"].labels)
        kept, out = self._held_out(listed["train"].files, labels)
        self.files = {"train": listed["train"].files, "test": listed["val"].files}
        everything = torch.arange(len(listed["val"].files))
        self.splits = {
            "train": self._photos("train", listed["train"], kept, self.seed),
            "val": self._photos("train", listed["train"], out, None),
            "test": self._photos("val", listed["val"], everything, None),
        }

    def _held_out(self, files: list[Path], labels: Tensor) -> tuple[Tensor, Tensor]:
        if not 0 <= self.num_held_out < len(files):
            raise InputError(
                f"data.num_held_out is {self.num_held_out}, but {self.root / 'train'} has {len(files)} images."
            )
        # Keyed by file name, not by place in the list, so that a subset of ImageNet holds out the same images.
        hashes = torch.tensor([keyed.key(self.name, "held out", file.name) for file in files])
        return held_out(labels, hashes, self.num_held_out)

    def _photos(self, split: str, listed: Labelled, positions: Tensor, seed: int | None) -> Dataset:
        if self.store is None:
            return Photos(listed.files, torch.tensor(listed.labels), positions, self.transform, seed)
        return StoredPhotos(self.store, split, listed, positions, self.transform, seed)

    @property
    def fingerprint(self) -> str:
        """A digest of all files' paths, sizes and contents where ``zoo data verify`` left a manifest that still fits.

        Without one, a digest of the paths and sizes alone: the files are not read for it. A prepared store has the
        digest of the files that it was made from.
        """
        if self.store is not None:
            return str(self.store.index["source"]["files"])
        files = [file for members in self.files.values() for file in members]
        return manifest.fingerprint(self.root, files) or of_listing(self.root, files)

    @property
    def particulars(self) -> dict[str, Any]:
        """Of a prepared store its size, the digests of its index and of the names and sizes of its source."""
        return {} if self.store is None else {"prepared": self.store.particulars()}

    def pictures(self, draw: Draw) -> Tensor:
        """Training images as the network is fed them, with their augmentation, as uint8 (n, 3, S, S) to look at."""
        images, _ = self.on_after_batch_transfer(self.splits["train"][draw], 0)
        return self.transform.picture(images)

    def on_after_batch_transfer(self, batch: tuple[Tensor, ...], dataloader_idx: int) -> tuple[Tensor, Tensor]:
        """uint8 images with a colour shift an image, on the device, to the network's float32 input and labels."""
        images, labels, shifts = batch
        return self.transform.normalize(images, shifts), labels


class Photos(Dataset):
    """JPEG files with labels; an item is a whole batch: (uint8 images (n, 3, S, S), labels, colour shifts (n, 3)).

    ``positions`` choose among ``files`` and key the augmentation, which is on where ``seed`` is given.
    """

    def __init__(
        self, files: list[Path], labels: Tensor, positions: Tensor, transform: PhotoTransform, seed: int | None
    ) -> None:
        self.files, self.labels, self.positions = files, labels, positions
        self.transform, self.seed = transform, seed

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        positions = self.positions[draw.indices]
        size = self.transform.size
        images = torch.empty(len(positions), 3, size, size, dtype=torch.uint8)
        shifts = torch.zeros(len(positions), 3)
        if self.seed is None:
            for n, position in enumerate(positions.tolist()):
                images[n] = self.transform.central(read_rgb(self.files[position]))
        else:
            stream = keyed.key(self.seed, "augment", draw.epoch)
            numbers = keyed.uniforms(stream, positions, self.transform.num_random).tolist()
            for n, position in enumerate(positions.tolist()):
                images[n] = self.transform.random(read_rgb(self.files[position]), numbers[n])
            # A stream of its own: on the same one, the shift would follow from the crop and the flip.
            stream = keyed.key(self.seed, "color", draw.epoch)
            shifts = self.transform.color_shifts(keyed.normals(stream, positions, 3))
        return images, self.labels[positions], shifts


def _num_cpus() -> int:
    # Only Linux tells how many cores this process may use; elsewhere all there are must do.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
