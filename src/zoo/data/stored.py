"""A split of a prepared store: training views and test views cut out of the mapped pictures."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from zoo import keyed
from zoo.data.cuts import corner_of
from zoo.data.labelled import Labelled
from zoo.data.photos import PhotoTransform
from zoo.data.sampling import Draw
from zoo.data.store import Store

Numbers = list[float]


class StoredPhotos(Dataset):
    """Pictures of a store with labels; an item is a whole batch, as that of ``Photos``.

    A stored picture is treated as a file with its pixels would be, so that what only cuts after scaling to the store's
    size gives the same images as the original file: AlexNet's and VGG's crops, and every centre crop.
    """

    def __init__(
        self, store: Store, split: str, listed: Labelled, positions: Tensor, transform: PhotoTransform, seed: int | None
    ) -> None:
        self.store, self.split, self.positions = store, split, positions
        self.files, self.labels = listed.files, torch.tensor(listed.labels)
        self.transform, self.seed = transform, seed

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        positions = self.positions[draw.indices]
        size = self.transform.size
        images = np.empty((len(positions), 3, size, size), np.uint8)
        shifts = torch.zeros(len(positions), 3)
        numbers: list[Numbers | None] = [None] * len(positions)
        if self.seed is not None:
            stream = keyed.key(self.seed, "augment", draw.epoch)
            numbers = keyed.uniforms(stream, positions, self.transform.num_random).tolist()
            stream = keyed.key(self.seed, "color", draw.epoch)
            shifts = self.transform.color_shifts(keyed.normals(stream, positions, 3))
        for image, position, own in zip(images, positions.tolist(), numbers, strict=True):
            self._view(image, self.store.picture(self.split, position), own)
        return torch.from_numpy(images), self.labels[positions], shifts

    def _view(self, out: np.ndarray, picture: np.ndarray, numbers: Numbers | None) -> None:
        """Fills ``out`` (3, S, S) with the view of ``picture`` (3, H, W): the central one without ``numbers``."""
        height, width = picture.shape[1:]
        corner = corner_of(self.transform, self.store.size, width, height, numbers)
        if corner is None:
            image = Image.fromarray(picture.transpose(1, 2, 0))
            view = self.transform.central(image) if numbers is None else self.transform.random(image, numbers)
            out[:] = view.numpy()
            return
        left, top = corner
        cut = picture[:, top : top + out.shape[1], left : left + out.shape[2]]
        out[:] = cut[:, :, ::-1] if numbers is not None and numbers[-1] < 0.5 else cut
