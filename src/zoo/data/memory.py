"""A split that lives in memory as uint8 and is transformed a batch at a time, on the device where it lies."""

import torch
from torch import Tensor
from torch.utils.data import Dataset

from zoo import keyed
from zoo.data.sampling import Draw
from zoo.data.transforms import Preprocessing


class InMemory(Dataset):
    """Images (uint8, shape (N, C, H, W)) with labels (int64, shape (N,)); an item is a whole batch.

    ``dataset[draw]`` gives ``(images, labels)``: images float32 of shape (n, C, H', W') after ``transform``,
    augmented where ``seed`` is given. ``positions`` are the images' places in the official file: they key the
    augmentation, so an image is treated alike whichever slice it was carved into.
    """

    def __init__(self, images: Tensor, labels: Tensor, positions: Tensor, transform: Preprocessing, seed: int | None):
        self.images = transform.place(images.index_select(0, positions)).contiguous()
        self.labels, self.positions = labels[positions], positions
        self.transform, self.seed = transform, seed
        self._drawn: tuple[int, Tensor] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor]:
        indices = self._indices(draw)
        images = self.transform(self.images.index_select(0, indices), self._numbers(draw.epoch, indices))
        return images, self.labels.index_select(0, indices)

    def displayed(self, draw: Draw) -> Tensor:
        """The same images brought back to uint8, to look at."""
        return self.transform.displayed(self[draw][0], self._numbers(draw.epoch, self._indices(draw)))

    def _indices(self, draw: Draw) -> Tensor:
        """Sent to the device without waiting for what it still computes."""
        return draw.indices.to(self.labels.device, non_blocking=True)

    def _numbers(self, epoch: int, indices: Tensor) -> Tensor | None:
        if self.seed is None or not self.transform.num_random:
            return None
        if self._drawn is None or self._drawn[0] != epoch or self._drawn[1].device != self.positions.device:
            # All numbers of an epoch at once: drawn for each batch, they cost a quarter of its time.
            stream = keyed.key(self.seed, "augment", epoch)
            self._drawn = epoch, keyed.uniforms(stream, self.positions, self.transform.num_random)
        return self._drawn[1].index_select(0, indices)

    def to(self, device: torch.device) -> "InMemory":
        """Moves images and labels to ``device``, so that batches are made there."""
        self.images, self.labels = self.images.to(device), self.labels.to(device)
        self.positions = self.positions.to(device)
        return self
