"""The test split for protocols: each photo decoded once, scaled once to every size that a protocol wants."""

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from zoo.data.base import ImageDataModule
from zoo.data.loader import reading
from zoo.data.memory import InMemory
from zoo.data.photos.photos import Photos
from zoo.data.photos.transforms import planes_of
from zoo.data.sampling import Batches, Draw
from zoo.data.store.reader import StoredPhotos
from zoo.errors import InputError
from zoo.views import Group


class Batch(NamedTuple):
    """Positions of the images in the split (int64, (n,)), their labels (int64, (n,)), the images by equal shapes."""

    indices: Tensor
    labels: Tensor
    groups: list[Group]


class Packed(NamedTuple):
    """Photos of any sizes on their way from a worker: one tensor, because each needs a file of its own there.

    ``indices`` and ``labels`` are those of a ``Batch``; ``shapes`` are the heights and widths at each of ``scales``,
    int64 (n, number of scales, 2). ``pixels`` is uint8: of each group of equal shapes, and at each scale, its photos
    (number, 3, height, width), one after the other.
    """

    indices: np.ndarray
    labels: np.ndarray
    scales: tuple[int, ...]
    shapes: np.ndarray
    pixels: Tensor


class ProtocolImages(LightningDataModule):
    """The test split of ``data`` as ``Batch``es, ``batch_size`` images a step over all processes.

    ``scales`` are the short sides that photographs are wanted at, None standing for that of their preprocessing;
    images in memory come as they are.
    """

    def __init__(self, data: ImageDataModule, scales: Collection[int | None] = (None,), batch_size: int = 128) -> None:
        super().__init__()
        self.data, self.wanted, self.batch_size = data, scales, batch_size

    @property
    def num_images(self) -> int:
        """How many images the split has."""
        return len(self.data.splits["test"])  # type: ignore[arg-type]

    @property
    def channels(self) -> int:
        """How many channels the images have."""
        return 3 if isinstance(self.data.splits["test"], Photos) else self._one().shape[0]

    @property
    def own(self) -> tuple[int, int] | int:
        """The shape that all images have, or the short side that the preprocessing scales photographs to."""
        split = self.data.splits["test"]
        if isinstance(split, Photos):
            return split.transform.short_side
        image = self._one()
        return image.shape[1], image.shape[2]

    def prepare_data(self) -> None:
        """Raises InputError where the data are missing."""
        self.data.prepare_data()

    def setup(self, stage: str) -> None:
        """Reads the data; those in memory go to the Trainer's device. A second call reads nothing again."""
        self.data.setup("test")
        self._dataset()
        if self.trainer:
            self.data.trainer = self.trainer
            split = self.data.splits["test"]
            if isinstance(split, InMemory):
                split.to(self.trainer.strategy.root_device)

    def test_dataloader(self) -> DataLoader:
        """Every image of the split once, in order."""
        rank, replicas = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        draws = Batches(self.num_images, self.batch_size, shuffle=False, rank=rank, num_replicas=replicas)
        return self.data.loader(self._dataset(), draws, once=True, collate_fn=_as_it_is)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Batch:
        """On the device: unpacked, photographs of equal shapes together."""
        if isinstance(batch, Packed):
            device = batch.pixels.device
            indices, labels = (torch.from_numpy(numbers).to(device) for numbers in (batch.indices, batch.labels))
            return Batch(indices, labels, _unpacked(batch))
        indices, (images, labels) = batch
        everything = torch.arange(len(labels), device=images.device)
        return Batch(indices, labels, [Group(everything, {min(images.shape[2:]): images})])

    def normalized(self, images: Tensor) -> Tensor:
        """A network's input: photographs or crops of them, uint8 (N, 3, H, W), as float32; other images are ready."""
        split = self.data.splits["test"]
        if not isinstance(split, Photos):
            return images
        return split.transform.normalize(images, torch.zeros(len(images), 3, device=images.device))

    def _one(self) -> Tensor:
        """The first image in memory, as it is fed to the network."""
        images: Tensor = self.data.splits["test"][Draw(0, torch.tensor([0]))][0]
        return images[0]

    def _dataset(self) -> Dataset:
        split: Any = self.data.splits["test"]
        if not isinstance(split, Photos):
            return _Indexed(split)
        return _ScaledPhotos(split, self._scales(split))

    def _scales(self, split: Photos) -> tuple[int, ...]:
        """Raises InputError where a store holds the photos at another scale than a protocol wants."""
        scales = tuple(sorted({scale or split.transform.short_side for scale in self.wanted}))
        if isinstance(split, StoredPhotos):
            for scale in scales:
                if scale != split.store.size:
                    raise InputError(
                        f"{split.store.folder} holds photos at {split.store.size} pixels, and a protocol wants them"
                        f" at {scale}: point --data.root at the JPEG folders."
                    )
        return scales


def _as_it_is(batch: Any) -> Any:
    """By default a DataLoader makes tensors of a batch's arrays."""
    return batch


class _Indexed(Dataset):
    """A split in memory, whose batches know their positions."""

    def __init__(self, split: Any) -> None:
        self.split = split

    def __getitem__(self, draw: Draw) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return draw.indices, self.split[draw]


class _ScaledPhotos(Dataset):
    """Photographs, whole, at several scales."""

    def __init__(self, split: Photos, scales: tuple[int, ...]) -> None:
        self.split, self.scales = split, scales

    def __getitem__(self, draw: Draw) -> Packed:
        positions = self.split.positions[draw.indices]
        photos = []
        for position in positions.tolist():
            reading(position)
            photos.append(self._scaled(position))
        shapes = np.array([[x.shape[1:] for x in scaled] for scaled in photos], np.int64).reshape(
            -1, len(self.scales), 2
        )
        pixels = torch.empty(3 * int(shapes.prod(axis=2).sum()), dtype=torch.uint8)
        for rows, scaled in _groups(pixels, shapes):
            for place, images in enumerate(scaled):
                for row, image in zip(rows, images, strict=True):
                    image.copy_(photos[row][place])
        return Packed(draw.indices.numpy(), self.split.labels[positions].numpy(), self.scales, shapes, pixels)

    def name_of(self, position: int) -> str:
        """The path of a photo, by its position in the files."""
        return self.split.name_of(position)

    def _scaled(self, position: int) -> list[Tensor]:
        """Uint8 (3, height, width) at each scale."""
        if isinstance(self.split, StoredPhotos):
            planes = self.split.store.photo(self.split.split, position)
            return [torch.from_numpy(np.array(planes)) for _ in self.scales]
        photo = self.split.photo(position)
        return [planes_of(self.split.transform.scale(photo, scale)) for scale in self.scales]


def _groups(pixels: Tensor, shapes: np.ndarray) -> list[tuple[list[int], list[Tensor]]]:
    """Of photos whose shapes agree at every scale the rows, and their part of the pixels at each scale.

    Channels are first in memory too: another layout may take another kernel, which rounds differently.
    """
    members: dict[str, list[int]] = {}
    for row, scaled in enumerate(shapes.tolist()):
        members.setdefault(str(scaled), []).append(row)
    found, start = [], 0
    for rows in members.values():
        parts = []
        for height, width in shapes[rows[0]].tolist():
            end = start + len(rows) * 3 * height * width
            parts.append(pixels[start:end].view(len(rows), 3, height, width))
            start = end
        found.append((rows, parts))
    return found


def _unpacked(batch: Packed) -> list[Group]:
    device = batch.pixels.device
    found = [
        Group(torch.tensor(rows, device=device), dict(zip(batch.scales, parts, strict=True)))
        for rows, parts in _groups(batch.pixels, batch.shapes)
    ]
    if found:
        return found
    # A process without a share of the step makes its forward passes too, over no image.
    nothing = {scale: batch.pixels.new_empty(0, 3, scale, scale) for scale in batch.scales}
    return [Group(torch.empty(0, dtype=torch.int64, device=device), nothing)]
