"""From images of any size to what a trained network takes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zoo.catalog import DATA
from zoo.data.area import area_means
from zoo.data.photos.decode import decode
from zoo.data.photos.decoders import read_rgb
from zoo.data.photos.transforms import PhotoTransform, made_small, scale_short_side
from zoo.data.transforms import LessMeanImage, Preprocessing, Transform
from zoo.errors import InputError
from zoo.views import center
from zoo.weights.given_images import GivenImages, as_pillow, in_a_row


def stored_shape(class_name: str) -> tuple[int, int, int] | None:
    """(C, H, W) of the images that a data module reads; None where they have any size, or are no images."""
    return DATA[class_name].stored if class_name in DATA else None


def is_ink(class_name: str) -> bool:
    """Whether a data module reads grey images, light ink on black; one's own may be anything."""
    stored = stored_shape(class_name)
    return stored is not None and stored[0] == 1


def shape_kept(class_name: str, steps: Preprocessing | PhotoTransform) -> tuple[int, int, int] | None:
    """(C, H, W) that images have before ``steps``: as they come, or as those of any size are made small and kept."""
    return stored_shape(class_name) or getattr(steps, "stored", None)


def taken_for(class_name: str) -> str | None:
    """What an image from elsewhere is taken for by networks of a data module: see ``zoo.catalog.DataSet``."""
    return DATA[class_name].taken_for if class_name in DATA else None


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
    """Makes images a network's input, float32, as the data module's test split gives them.

    One image becomes (C, S, S), so that this is the ``transform`` of a Dataset, and a batch (..., C, S, S): a PIL
    image, a path, a uint8 or float tensor (..., C, H, W), an array (..., H, W, C), or a sequence of these; see
    ``in_a_row``. It can be pickled, for the workers of a DataLoader. Images of the data set's own size go through its
    preprocessing as they are. Others are first scaled, bilinear with antialiasing, so that their short side fits, and
    cut to the centre square; for digits they become grey, and must be light on dark as the data are: nothing is
    inverted. Photographs for ImageNet's networks go through the test view of their own preprocessing.

    With ``taken_for`` an image goes the way that the data set's own went. ``ink``: unless it is already in MNIST's
    form, whatever its size, its largest digit is brought into it by ``as_mnist``; where there is no ink it is only
    scaled. ``photo``: the centre square is averaged down. Files are then turned upright, as phones ask for.

    ``size`` is the side of the network's input, of which a larger image is the margin that is cut off; None keeps it.
    Raises InputError for what is no image.
    """

    def __init__(
        self, steps: Preprocessing | PhotoTransform, stored: tuple[int, int, int] | None, size: int | None,
        name: str, taken_for: str | None = None,
    ) -> None:  # fmt: skip
        if stored is None and not hasattr(steps, "central"):
            raise InputError(f"{name} was not trained on images, so that no image can be shown to it.")
        self.steps: Any = steps
        self.stored, self.size, self.taken_for = stored, size, taken_for

    def __repr__(self) -> str:
        shown = describe(self.steps) | {"stored": self.stored, "size": self.size, "taken_for": self.taken_for}
        return f"ImagePreprocessing({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def __call__(self, images: GivenImages) -> Tensor:
        """(C, S, S) of one image, (..., C, S, S) of a batch (...)."""
        shape, row = in_a_row(images, grey=self.stored is not None and self.stored[0] == 1)
        pixels = self.pixels(row)
        if self.stored is None:
            batch: Tensor = self.steps.normalize(pixels, torch.zeros(len(pixels), 3))
        else:
            batch = self.steps(self.steps.place(pixels))
        batch = batch if self.size is None else center(batch, self.size)
        return batch.reshape(*shape, *batch.shape[1:])

    def pixels(self, images: Sequence[Image.Image | str | Path] | Tensor) -> Tensor:
        """Cut and scaled, before the numbers change: uint8 (N, C, H, W). A tensor is uint8 (N, C, H, W), too."""
        if isinstance(images, Tensor):
            if self.stored is not None and tuple(images.shape[1:]) == self.stored and self.taken_for != "ink":
                return images
            return torch.stack([self._of_image(as_pillow(image)) for image in images])
        read = read_rgb if self.taken_for is None else decode
        return torch.stack([self._of_image(_opened(image, read)) for image in images])

    def _of_image(self, image: Image.Image) -> Tensor:
        if self.stored is None:
            cut: Tensor = self.steps.central(image.convert("RGB"))
            return cut
        if getattr(self.steps, "stored", None):
            return made_small(image.convert("RGB"), self.stored)
        channels, _, side = self.stored
        image = image.convert("L" if channels == 1 else "RGB")
        if self.taken_for == "ink":
            # Imported here, for it brings in scipy.
            from zoo.data.paper.find import as_mnist

            digit = as_mnist(np.asarray(image))
            if digit is not None:
                return torch.from_numpy(digit.copy())[None]
        if image.size != (side, side):
            image = averaged(image, side) if self.taken_for == "photo" else scaled(image, side)
        values = torch.from_numpy(np.asarray(image).copy())
        return values[None] if channels == 1 else values.permute(2, 0, 1)


def scaled(image: Image.Image, side: int) -> Image.Image:
    """The short side scaled to ``side`` pixels, then the centre square."""
    image = scale_short_side(image, side)
    left, top = ((length - side) // 2 for length in image.size)
    return image.crop((left, top, left + side, top + side))


def averaged(image: Image.Image, side: int) -> Image.Image:
    """The centre square, each of whose pixels is the mean of its area; a smaller image is enlarged, bilinear."""
    short = min(image.size)
    left, top = ((length - short) // 2 for length in image.size)
    square = image.crop((left, top, left + short, top + short))
    if short < side:
        return square.resize((side, side), Image.Resampling.BILINEAR)
    return Image.fromarray(area_means(np.asarray(square), side, side).round().astype(np.uint8))


def _opened(image: Image.Image | str | Path, read: Callable[[Path], Image.Image]) -> Image.Image:
    return image if isinstance(image, Image.Image) else read(Path(image))
