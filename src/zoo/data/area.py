"""Images made smaller, each pixel the exact mean of the area that it stands for."""

import numpy as np
from numpy.typing import NDArray


def area_means(pixels: NDArray[np.generic], height: int, width: int) -> NDArray[np.float64]:
    """The means of ``height`` x ``width`` equal areas that part an image (H, W, ...) no smaller than that.

    Pixels on a border count for each area with the share of them that lies in it, where Pillow's box filter takes all
    of a pixel or nothing.
    """
    for axis, length in ((0, height), (1, width)):
        rows = np.moveaxis(np.asarray(pixels, np.float64), axis, 0)
        sums = np.concatenate([np.zeros_like(rows[:1]), rows.cumsum(axis=0)])
        borders = np.arange(length + 1) * (len(rows) / length)
        whole = np.minimum(borders.astype(np.intp), len(rows) - 1)
        share = (borders - whole).reshape(-1, *[1] * (rows.ndim - 1))
        pixels = np.moveaxis(np.diff(sums[whole] + share * rows[whole], axis=0) * (length / len(rows)), 0, axis)
    return np.asarray(pixels, np.float64)
