"""ImageNet (ILSVRC) from folders of JPEG files: ``root/train/<wnid>/*.JPEG`` and ``root/val``."""

from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from zoo import keyed
from zoo.data import cores, manifest
from zoo.data.base import ImageDataModule
from zoo.data.fast_photos import read_fast, require_packages
from zoo.data.fingerprint import of_listing
from zoo.data.folders import images_in, list_classes, require_splits
from zoo.data.imagenet_val import flat_val_wnids
from zoo.data.jpegs import Photos
from zoo.data.photos import TRANSFORMS, Name, read_rgb
from zoo.data.sampling import Draw
from zoo.data.skipped import Skipped, summary
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
        transform: Name = "torchvision",
        num_held_out: int = 10_000,
        num_workers: int | None = None,
        seed: int = 0,
        decoder: Literal["pil", "fast"] = "pil",
        on_error: Literal["stop", "skip"] = "stop",
    ) -> None:
        super().__init__(batch_size, num_held_out, seed)
        self.root, self.transform = Path(root), TRANSFORMS[transform]
        self._num_workers, self.decoder, self.on_error = num_workers, decoder, on_error
        if decoder == "fast":
            require_packages()
        self.files: dict[str, list[Path]] = {}
        #: Training images that were left out, where ``on_error`` is "skip".
        self.skipped = Skipped()

    @property
    def num_workers(self) -> int:  # type: ignore[override]
        """Processes that decode: as given, or this process's share of the machine's cores."""
        if self._num_workers is not None:
            return self._num_workers
        return cores.share(self.trainer.num_devices if self.trainer else None)

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
            "train": Photos(files, labels, kept, self.transform, self.seed, self._reader(), self.on_error == "skip"),
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
        images, _, shifts, *_ = self.splits["train"][draw]
        return self.transform.picture(self.transform.normalize(images, shifts))

    def on_after_batch_transfer(self, batch: tuple[Tensor, ...], dataloader_idx: int) -> tuple[Tensor, Tensor]:
        """uint8 images with a colour shift an image, on the device, to the network's float32 input and labels.

        Raises InputError where none of a step's images could be decoded.
        """
        images, labels, shifts, *lost = batch
        if lost and len(lost[0]):
            self._leave_out(lost[0].tolist(), len(labels))
        return self.transform.normalize(images, shifts), labels

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: the images left out so far, by all processes."""
        return {"skipped": self.skipped.everywhere()} if self.on_error == "skip" else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on counting from a checkpoint, on the first process, as the sum over all is one."""
        if not self.trainer or self.trainer.is_global_zero:
            self.skipped.times.update(state_dict.get("skipped", {}))

    def left_out(self) -> dict[str, Any]:
        """How many images were left out, how often and which: under "skipped", where there are any."""
        return summary(self.skipped.everywhere())

    def _leave_out(self, positions: list[int], num_left: int) -> None:
        files = self.files["train"]
        self.skipped.note(files[position].relative_to(self.root).as_posix() for position in positions)
        if not num_left and (not self.trainer or self.trainer.world_size == 1):
            raise InputError(
                f"None of a step's {len(positions)} images can be read, such as {files[positions[0]]}: see what"
                " zoo data verify finds."
            )

    def _reader(self) -> Any:
        if self.decoder == "pil":
            return read_rgb
        return read_fast

    def _flatten(self, classes: dict[str, list[Path]]) -> tuple[list[Path], Tensor]:
        files = [file for members in classes.values() for file in members]
        label_of = {wnid: label for label, wnid in enumerate(self.class_names)}
        labels = [label_of[wnid] for wnid, members in classes.items() for _ in members]
        return files, torch.tensor(labels)
