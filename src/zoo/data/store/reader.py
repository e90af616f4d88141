"""A split of a prepared store: training and test views cut out of the mapped photos, a batch at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zoo.data.loader import reading
from zoo.data.photos.crops import scale_short_side, warp
from zoo.data.photos.photos import Photos
from zoo.data.photos.transforms import PhotoTransform
from zoo.data.store.format import SHORT_SIDE, WARPED, Store
from zoo.data.store.resizing import Resize, only_as_prepared, with_cv2, with_torch
from zoo.errors import InputError

_SCALES = {SHORT_SIDE: scale_short_side, WARPED: warp}


@dataclass(frozen=True)
class StoredPhoto:
    """A photo of a store as uint8 planes (3, H, W), a view of the mapped file; with Pillow's methods for geometry.

    It is treated as a file of these pixels would be: a transform that scales to the store's own size cuts out of the
    very pixels that it would have made from the original.
    """

    planes: np.ndarray
    scaled: Resize

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.planes.shape[2], self.planes.shape[1]

    def crop(self, box: tuple[int, int, int, int]) -> "StoredPhoto":
        """The part from (left, top) up to but without (right, bottom)."""
        left, top, right, bottom = box
        return StoredPhoto(self.planes[:, top:bottom, left:right], self.scaled)

    def resize(self, size: tuple[int, int], resample: Image.Resampling) -> "StoredPhoto":
        """Scaled to (width, height), bilinear."""
        return self if size == self.size else StoredPhoto(self.scaled(self.planes, *size), self.scaled)

    def transpose(self, method: Image.Transpose) -> "StoredPhoto":
        """Mirrored left to right, the only way that training mirrors."""
        # NumPy reads backwards byte by byte; torch mirrors many at a time.
        return StoredPhoto(torch.from_numpy(np.array(self.planes)).flip(2).numpy(), self.scaled)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """uint8 (height, width, 3)."""
        pixels = self.planes.transpose(1, 2, 0)
        # A view of the file cannot be written.
        return pixels.copy() if copy else pixels


class StoredPhotos(Photos):
    """As ``Photos``, from a split of ``store``; what training has to scale again is interpolated by ``decoder``."""

    def __init__(
        self,
        store: Store,
        split: str,
        files: Sequence[Path],
        labels: Tensor,
        positions: Tensor,
        transform: PhotoTransform,
        seed: int | None,
        decoder: Literal["pil", "fast", "gpu"] = "pil",
    ) -> None:
        super().__init__(files, labels, positions, transform, seed)
        self.store, self.split = store, split
        self.scaled = only_as_prepared if seed is None else with_cv2 if decoder == "fast" else with_torch

    def photo(self, position: int) -> StoredPhoto:
        """The whole photo, by its place in ``files``."""
        return StoredPhoto(self.store.photo(self.split, position), self.scaled)

    def _views(self, positions: list[int], numbers: list[list[float]] | None) -> tuple[Tensor, list[int]]:
        size = self.transform.size
        images = torch.empty(len(positions), 3, size, size, dtype=torch.uint8)
        out = images.numpy()
        for n, position in enumerate(positions):
            reading(position)
            photo = self.photo(position)
            if numbers is None:
                out[n] = self.transform.central_view(photo).planes
            else:
                out[n] = self.transform.random_view(photo, numbers[n]).planes
        return images, []


def fitted(transform: PhotoTransform, store: Store | None, root: Path) -> PhotoTransform:
    """``transform`` with what it takes from the statistics of ``store``: of all training images, held out or not.

    Raises InputError where it needs a store, or another one: the central view, on which everything is measured, must
    have the pixels that it has from the original files.
    """
    if store is None:
        if transform.with_mean_image:
            raise InputError(
                f"The mean image of {root} is not known: run zoo data prepare imagenet --root {root}, and point"
                " --data.root at the store; or choose the transform alexnet, with the published mean colour."
            )
        return transform
    if transform.scale is not _SCALES[store.scaling] or transform.short_side != store.size:
        raise InputError(
            f"{store.folder} was prepared with {_options(store.size, store.scaling)}, but this transform measures on"
            f" photos of {_options(transform.short_side, WARPED if transform.scale is warp else SHORT_SIDE)}: prepare"
            " them so, or point --data.root at the JPEG folders."
        )
    if transform.with_mean_image:
        return transform.fitted(store.statistics, everything=transform.with_own_colors)
    return transform


def _options(size: int, scaling: str) -> str:
    return f"--size {size}{' --warp' if scaling == WARPED else ''}"
