"""Colour planes of a prepared photo scaled again, for training: (3, H, W) uint8 to (3, height, width) uint8."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from zoo.data.photos import fast_decoder
from zoo.errors import InputError

Resize = Callable[[np.ndarray, int, int], np.ndarray]


def only_as_prepared(planes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Raises InputError: what is measured on photos that were scaled twice is not what the files give."""
    raise InputError(
        f"A photo that was prepared with {planes.shape[2]}x{planes.shape[1]} pixels is to be measured on with"
        f" {width}x{height}: point --data.root at the JPEG folders, or prepare them in that size."
    )


def with_torch(planes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Bilinear with antialiasing; a grey level beside Pillow's here and there, and faster."""
    # A copy: torch takes no array that cannot be written, and none with negative strides.
    batch = torch.from_numpy(planes.copy())[None]
    return F.interpolate(batch, (height, width), mode="bilinear", antialias=True)[0].numpy()


def with_cv2(planes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Between neighbours, or by areas where more than two pixels become one; the fastest."""
    scaled = np.empty((len(planes), height, width), np.uint8)
    for plane, out in zip(planes, scaled, strict=True):
        fast_decoder.resized(plane, (width, height), out)
    return scaled
