"""The form in which MNIST holds a digit: its box 20 pixels long, its centre of mass in the middle of 28x28."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.data.area import area_means
from zoo.data.paper.density import Density, Grey

SIDE, LONGER = 28, 20


def is_in_form(grey: Grey) -> bool:
    """Whether an image (H, W) already has the form: true of each of MNIST's 70,000 images.

    Of 16 of them the longer side is 19, as the last row was so faint that it was rounded to 0.
    """
    if grey.shape != (SIDE, SIDE) or not grey.any():
        return False
    rows, columns = np.flatnonzero(grey.any(axis=1)), np.flatnonzero(grey.any(axis=0))
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    # Whole pixels of shift leave up to half a pixel; the values that were shifted were rounded after.
    return LONGER - 1 <= longer <= LONGER and max(abs(at - SIDE / 2) for at in _centre(grey)) < 0.52


def formed(ink: Density) -> Grey:
    """Ink of 0..1, cut to its box (h, w), as light on black: uint8 (28, 28)."""
    height, width = (max(1, round(side * LONGER / max(ink.shape))) for side in ink.shape)
    if max(ink.shape) >= LONGER:
        small = area_means(ink, height, width)
    else:
        small = np.asarray(Image.fromarray(ink.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR))
    values = (255 * small.clip(0, 1)).round().astype(np.uint8)
    y, x = _centre(values)
    top, left = (
        int(np.clip(round(SIDE / 2 - at), 0, SIDE - length)) for at, length in zip((y, x), values.shape, strict=True)
    )
    placed = np.zeros((SIDE, SIDE), np.uint8)
    placed[top : top + values.shape[0], left : left + values.shape[1]] = values
    return placed


def _centre(grey: NDArray[np.uint8]) -> tuple[float, float]:
    """The centre of mass, in pixels counted from 0: that of an image of one pixel is (0, 0)."""
    values = grey.astype(np.float64)
    total = values.sum() or 1.0
    return (
        float((values.sum(axis=1) * np.arange(grey.shape[0])).sum() / total),
        float((values.sum(axis=0) * np.arange(grey.shape[1])).sum() / total),
    )
