"""What the data modules of photographs share, wherever the files lie."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from torch import Tensor

from zoo import keyed
from zoo.data import cores
from zoo.data.base import ImageDataModule
from zoo.data.photos.transforms import TRANSFORMS, Name, PhotoTransform
from zoo.data.sampling import Draw
from zoo.data.splits import held_out
from zoo.data.transforms import named
from zoo.errors import InputError
from zoo.options import Chance, ChangesNoNumber

# Processes beyond this only take memory: no machine has as many cores for one training.
MOST_WORKERS = 1_024


class PhotoDataModule(ImageDataModule):
    """Batches are (images, labels, colour shifts, ...): uint8 until they are on the device, normalised there."""

    transforms: ClassVar[Mapping[str, Any]] = TRANSFORMS
    transform: PhotoTransform
    root: Any

    def __init__(
        self,
        root: ChangesNoNumber[str] = "data/imagenet",
        batch_size: int = 128,
        transform: Name = "torchvision",
        num_held_out: int = 10_000,
        num_workers: ChangesNoNumber[int | None] = None,
        seed: Chance[int] = 0,
    ) -> None:
        super().__init__(batch_size, num_held_out, seed)
        if num_workers is not None and not 0 <= num_workers <= MOST_WORKERS:
            raise InputError(f"data.num_workers must be at least 0 and at most {MOST_WORKERS:,}, not {num_workers}.")
        self._num_workers = num_workers
        self.root, self.transform = root, named(self.transforms, transform)

    @property
    def num_workers(self) -> int:  # type: ignore[override]
        """Processes that decode: as given, or this process's share of the machine's cores."""
        if self._num_workers is not None:
            return self._num_workers
        return cores.share(self.trainer.num_devices if self.trainer else None)

    def shape_after(self, steps: Any) -> tuple[int, ...] | None:
        """(C, H, W) of training images that went through ``steps``."""
        return 3, steps.size, steps.size

    def displayed(self, draw: Draw) -> Tensor:
        """Training images as they are fed to the network, with their augmentation, as uint8 (n, 3, S, S) to look at."""
        images, _, shifts, *_ = self.on_before_batch_transfer(self.splits["train"][draw], 0)
        return self.transform.displayed(self.transform.normalize(images, shifts))

    def on_after_batch_transfer(self, batch: tuple[Tensor, ...], dataloader_idx: int) -> tuple[Tensor, Tensor]:
        """uint8 images with a colour shift an image, on the device, to the network's float32 input and labels."""
        images, labels, shifts, *_ = batch
        return self.transform.normalize(images, shifts), labels

    def carved(self, names: Iterable[bytes], labels: Tensor) -> tuple[Tensor, Tensor]:
        """The places of the training images that are kept and of those held out, by their file names.

        Raises InputError where there are fewer than are to be held out.
        """
        if not 0 <= self.num_held_out < len(labels):
            raise InputError(
                f"data.num_held_out is {self.num_held_out}, but {self.root}/train has {len(labels)} images."
            )
        # Keyed by file name, not by place in the list, so that a subset of ImageNet holds out the same images.
        return held_out(labels, keyed.keys(names, self.name, "held out"), self.num_held_out)
