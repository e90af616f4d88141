"""How much ink lies where: the optical density of an image over its own paper, whatever the light."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Grey = NDArray[np.uint8]
Density = NDArray[np.float32]

# Added to grey values before their ratio is taken: the noise of black is no ink.
_FLOOR = 6.0
# What surrounds a place reaches over this share of the short side, and is looked at with so many pixels a side.
_AROUND, _COARSE = 0.5, 48


def density(grey: Grey, widest: float) -> Density:
    """log(paper / image) of dark ink, (H, W): 0 on paper, about 0.4 for pencil, over 1 for a pen.

    The paper is a closing of the image, which fills narrow marks and keeps the edges of shadows and sheets, so that
    these have no density; nor has a stroke that is wider than ``widest``, a share of the short side.
    """
    # Noise of the sensor and of JPEG would lift the closing.
    smooth = ndimage.gaussian_filter(grey.astype(np.float32), 0.8 if min(grey.shape) > 200 else 0.3)
    paper = ndimage.grey_closing(smooth, max(3, round(widest * min(grey.shape))))
    return np.log((paper + _FLOOR) / (smooth + _FLOOR)).astype(np.float32)


def surroundings(grey: Grey) -> Density:
    """The middle grey value around each place, (H, W).

    The hole of a white 8 is a narrow dark mark, and no darker than what surrounds the 8.
    """
    step = max(1, min(grey.shape) // _COARSE)
    height, width = (max(1, length // step) for length in grey.shape)
    coarse = grey[: height * step, : width * step].reshape(height, step, width, step).mean(axis=(1, 3))
    around = ndimage.median_filter(coarse, round(_AROUND * min(coarse.shape)) | 1, mode="nearest")
    rows, columns = (np.minimum(np.arange(n) // step, m - 1) for n, m in zip(grey.shape, around.shape, strict=True))
    return np.asarray(around[rows[:, None], columns], np.float32)


def contrast(density: Density, grey: Grey) -> Density:
    """By how many grey values the paper is lighter than an image of this density, (H, W)."""
    return np.asarray((grey + _FLOOR) * np.expm1(density), np.float32)
