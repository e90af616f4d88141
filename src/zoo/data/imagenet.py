"""ImageNet (ILSVRC) from folders of JPEG files: ``root/train/<wnid>/*.JPEG`` and ``root/val``."""

import os
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.utils.data import Dataset

from zoo import keyed
from zoo.data import manifest
from zoo.data.base import ImageDataModule
from zoo.data.fingerprint import of_listing
from zoo.data.folders import images_in, list_classes, require_splits
from zoo.data.imagenet_val import flat_val_wnids
from zoo.data.photos import TRANSFORMS, PhotoTransform, read_rgb
from zoo.data.sampling import Draw
from zoo.data.splits import held_out
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

    def prepare_data(self) -> None:
        """Raises InputError, with a way to get ImageNet, where there are no training or validation folders."""
        require_splits(self.root)

    def setup(self, stage: str | None = None) -> None:
        """Lists the files and carves the held-out slice; a second call does nothing."""
        if self.splits:
            return
        self.prepare_data()
        train = list_classes(self.root / "train")
        if not train:
            raise InputError(
                f"{self.root / 'train'} holds no class folders: unpack the tar file of each class into train/<wnid>/."
            )
        self.class_names = list(train)
        val = list_classes(self.root / "val")
        if not val:
            val = flat_val_wnids(self.root, sorted(images_in(self.root / "val")))
        unknown = sorted(set(val) - set(train))
        if unknown:
            raise InputError(f"{self.root / 'val'} has the class {unknown[0]}, which {self.root / 'train'} has not.")
        files, labels = self._flatten(train)
        if not 0 <= self.num_held_out < len(files):
            raise InputError(
                f"data.num_held_out is {self.num_held_out}, but {self.root / 'train'} has {len(files)} images."
            )
        # Keyed by file name, not by place in the list, so that a subset of ImageNet holds out the same images.
        hashes = torch.tensor([keyed.key(self.name, "held out", file.name) for file in files])
        kept, out = held_out(labels, hashes, self.num_held_out)
        test_files, test_labels = self._flatten(val)
        everything = torch.arange(len(test_files))
        self.files = {"train": files, "test": test_files}
        self.splits = {
            "train": Photos(files, labels, kept, self.transform, self.seed),
            "val": Photos(files, labels, out, self.transform, None),
            "test": Photos(test_files, test_labels, everything, self.transform, None),
        }

    @property
    def fingerprint(self) -> str:
        """A digest of all files' paths, sizes and contents where ``zoo data verify`` left a manifest that still fits.

        Without one, a digest of the paths and sizes alone: the files are not read for it.
        """
        files = [file for members in self.files.values() for file in members]
        return manifest.fingerprint(self.root, files) or of_listing(self.root, files)

    def pictures(self, draw: Draw) -> Tensor:
        """Training images as the network is fed them, with their augmentation, as uint8 (n, 3, S, S) to look at."""
        images, _ = self.on_after_batch_transfer(self.splits["train"][draw], 0)
        return self.transform.picture(images)

    def on_after_batch_transfer(self, batch: tuple[Tensor, ...], dataloader_idx: int) -> tuple[Tensor, Tensor]:
        """uint8 images with a colour shift an image, on the device, to the network's float32 input and labels."""
        images, labels, shifts = batch
        return self.transform.normalize(images, shifts), labels

    def _flatten(self, classes: dict[str, list[Path]]) -> tuple[list[Path], Tensor]:
        files = [file for members in classes.values() for file in members]
        label_of = {wnid: label for label, wnid in enumerate(self.class_names)}
        labels = [label_of[wnid] for wnid, members in classes.items() for _ in members]
        return files, torch.tensor(labels)


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
