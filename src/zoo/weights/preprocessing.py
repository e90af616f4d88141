"""From an image of any size to the batch that a trained network takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zoo.catalog import DATA
from zoo.data.photos.decoders import read_rgb
from zoo.data.photos.transforms import PhotoTransform, scale_short_side
from zoo.data.transforms import LessMeanImage, Preprocessing, Transform
from zoo.errors import InputError
from zoo.views import center

ImageSource = Image.Image | str | Path


def stored_shape(class_name: str) -> tuple[int, int, int] | None:
    """(C, H, W) of the images that a data module reads; None where they have any size, or are no images."""
    return DATA[class_name].stored if class_name in DATA else None


def describe(steps: Preprocessing | PhotoTransform) -> dict[str, Any]:
    """A preprocessing in words and numbers, for a card: ``steps``, ``mean_image``, and what else it has."""
    if isinstance(steps, LessMeanImage):
        return {"steps": "pixels of 0..255 less the mean image of the training images", "mean_image": True}
    if isinstance(steps, Transform):
        values = {"mean": list(steps.mean), "std": list(steps.std)}
        return {"steps": "(pixels / 255 - mean) / std", "mean_image": False} | values
    if isinstance(steps, PhotoTransform):
        sizes = {"short_side": steps.short_side, "size": steps.size}
        text = "scaled, centre crop, then (pixels of 0..255 - mean) / std"
        return {"steps": text, "mean_image": False, "mean": list(steps.mean), "std": list(steps.std)} | sizes
    return {"steps": type(steps).__name__, "mean_image": False}


class ImagePreprocessing:
    """Makes images a network's input, float32 (N, C, S, S), as the data module's test split gives them.

    Takes a PIL image, a path, a sequence of these, or a uint8 tensor (N, C, H, W) or (C, H, W). Images of the data
    set's own size go through its preprocessing as they are. Others are first scaled, bilinear with antialiasing, so
    that their short side fits, and cut to the centre square; for digits they become grey, and must be light on dark as
    the data are: nothing is inverted. Photographs for ImageNet's networks go through the test view of their own
    preprocessing. ``size`` is the side of the network's input, of which a larger image is the margin that is cut off;
    None keeps it. Raises InputError for what is no image.
    """

    def __init__(
        self, steps: Preprocessing | PhotoTransform, stored: tuple[int, int, int] | None, size: int | None,
        name: str,
    ) -> None:  # fmt: skip
        if stored is None and not hasattr(steps, "central"):
            raise InputError(f"{name} was not trained on images, so that no image can be shown to it.")
        self.steps: Any = steps
        self.stored, self.size = stored, size

    def __repr__(self) -> str:
        shown = describe(self.steps) | {"stored": self.stored, "size": self.size}
        return f"ImagePreprocessing({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def __call__(self, images: ImageSource | Sequence[ImageSource] | Tensor) -> Tensor:
        """The batch; one image makes a batch of one."""
        pixels = self.pixels(images)
        if self.stored is None:
            batch: Tensor = self.steps.normalize(pixels, torch.zeros(len(pixels), 3))
        else:
            batch = self.steps(self.steps.place(pixels))
        return batch if self.size is None else center(batch, self.size)

    def pixels(self, images: ImageSource | Sequence[ImageSource] | Tensor) -> Tensor:
        """Cut and scaled, before the numbers change: uint8 (N, C, H, W)."""
        if isinstance(images, Tensor):
            return self._of_tensor(images)
        several = [images] if isinstance(images, (Image.Image, str, Path)) else list(images)
        if not several:
            raise InputError("No image was given.")
        return torch.stack([self._of_image(_opened(image)) for image in several])

    def _of_tensor(self, images: Tensor) -> Tensor:
        batch = images[None] if images.ndim == 3 else images
        if batch.dtype != torch.uint8 or batch.ndim != 4 or batch.shape[1] not in (1, 3) or not batch.numel():
            raise InputError(
                f"Images as a tensor are uint8 of shape (N, C, H, W) with 1 or 3 channels,"
                f" not {images.dtype} of shape {tuple(images.shape)}."
            )
        if self.stored is not None and tuple(batch.shape[1:]) == self.stored:
            return batch
        return torch.stack([self._of_image(_as_pillow(image)) for image in batch])

    def _of_image(self, image: Image.Image) -> Tensor:
        if self.stored is None:
            cut: Tensor = self.steps.central(image.convert("RGB"))
            return cut
        channels, _, side = self.stored
        image = image.convert("L" if channels == 1 else "RGB")
        if image.size != (side, side):
            image = scale_short_side(image, side)
            left, top = ((length - side) // 2 for length in image.size)
            image = image.crop((left, top, left + side, top + side))
        values = torch.from_numpy(np.asarray(image).copy())
        return values[None] if channels == 1 else values.permute(2, 0, 1)


def _opened(image: ImageSource) -> Image.Image:
    if isinstance(image, Image.Image):
        return image
    if isinstance(image, (str, Path)):
        return read_rgb(Path(image))
    raise InputError(f"An image is a PIL image or a path, not {type(image).__name__}.")


def _as_pillow(image: Tensor) -> Image.Image:
    values = image.cpu().numpy()
    return Image.fromarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0).copy())
