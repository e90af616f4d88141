"""What people hand over as images: PIL images, paths, arrays and tensors, one or many, in bytes or between 0 and 1."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zoo.errors import InputError

ImageSource = Image.Image | str | Path | np.ndarray | Tensor
GivenImages = ImageSource | Sequence[Any]


def in_a_row(images: GivenImages, grey: bool) -> tuple[tuple[int, ...], Tensor | list[Image.Image | str | Path]]:
    """The leading shape of what was given, () for one image, and its images one after another.

    Those of a tensor or an array are uint8 (N, C, H, W), those of a sequence PIL images and paths. A tensor is
    (..., C, H, W) with one or three channels, as torchvision has it. An array is (..., H, W, C) with one, three or
    four, as NumPy and PIL have it, of which a fourth, transparency, is dropped; a grey image may leave the channel out,
    (H, W), and so may many where the network is for ``grey`` images. Floats run from 0 to 1 and are rounded to the 256
    steps of stored images. Raises InputError for anything else, for no image, and for numbers outside 0 to 1.
    """
    if isinstance(images, np.ndarray):
        images = _channels_first(images, grey)
    if isinstance(images, Tensor):
        if images.ndim < 3 or images.shape[-3] not in (1, 3) or not images.numel():
            raise InputError(
                "Images as a tensor have the shape (C, H, W) or (..., C, H, W) with 1 or 3 channels, not"
                f" {tuple(images.shape)}{_missing_axis(images)}."
            )
        return tuple(images.shape[:-3]), in_bytes(images).reshape(-1, *images.shape[-3:])
    if isinstance(images, (Image.Image, str, Path)):
        return (), [images]
    if not isinstance(images, Iterable):
        raise InputError(f"An image is a PIL image, a path, an array or a tensor, not {type(images).__name__}.")
    parts = [in_a_row(image, grey) for image in images]
    if not parts:
        raise InputError("No image was given.")
    shapes = {shape for shape, _ in parts}
    if len(shapes) > 1:
        raise InputError("A list holds images or batches of one shape, not both.")
    row = [image if not isinstance(image, Tensor) else as_pillow(image) for _, part in parts for image in part]
    return (len(parts), *shapes.pop()), row


def in_bytes(images: Tensor) -> Tensor:
    """uint8 of the same shape; floats are times 255 and rounded. Raises InputError for other numbers."""
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise InputError(f"Images are uint8, 0 to 255, or floats from 0 to 1, not {images.dtype}: convert them first.")
    values = images.detach().float()
    # Written so that NaN is refused, too.
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError(
            f"Images as floats run from 0 to 1, but these from {values.min():g} to {values.max():g}: divide or clamp"
            " them, or give uint8."
        )
    return (values * 255).round().to(torch.uint8)


def as_pillow(image: Tensor) -> Image.Image:
    """uint8 (C, H, W) as a PIL image, grey or RGB."""
    values = image.cpu().numpy()
    return Image.fromarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0).copy())


def _channels_first(array: np.ndarray, grey: bool) -> Tensor:
    if array.ndim > 2 and array.shape[-1] in (1, 3, 4):
        array = np.moveaxis(array[..., :3], -1, -3)
    elif array.ndim == 2 or (array.ndim > 2 and grey):
        array = array[..., None, :, :]
    else:
        raise InputError(
            f"Images as an array have the shape (..., H, W, C), as NumPy and PIL have them, not {array.shape}:"
            " move the axis of the channels to the end, or give a tensor, which has it first."
        )
    try:
        # A copy: arrays may be read-only, or run backwards.
        return torch.from_numpy(array.copy())
    except TypeError as error:
        raise InputError(f"Images are uint8, 0 to 255, or floats from 0 to 1, not {array.dtype}.") from error


def _missing_axis(images: Tensor) -> str:
    """What to do where it looks as if grey images had come without their channel."""
    return ": add the axis of the channel, images.unsqueeze(-3)" if images.ndim >= 2 and images.numel() else ""
