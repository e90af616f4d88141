"""Many small images in one picture: rows of tiles with room between them and words below."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from zoo.figures.style import chosen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage


def as_colours(images: Tensor) -> np.ndarray:
    """Images (N, C, H, W), uint8 or between 0 and 1, to what matplotlib shows: float (N, H, W, 3)."""
    values = images.detach().cpu()
    values = values.float() / 255 if not values.is_floating_point() else values.float()
    return values.clamp(0, 1).expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()


def signed_colours(weights: Tensor, largest: Tensor | float | None = None) -> np.ndarray:
    """Weights (N, 3, H, W) to colours in which middle grey is 0: (N, H, W, 3).

    ``largest`` is the weight of full colour; unless given, the largest of each image.
    """
    if largest is None:
        largest = weights.abs().flatten(1).amax(dim=1).clamp(min=1e-30)[:, None, None, None]
    return as_colours(weights / largest / 2 + 0.5)


def columns_for(number: int, widest: int = 16) -> int:
    """How many tiles a row has, so that all together are about twice as wide as high."""
    return max(1, min(number, widest, math.ceil(math.sqrt(2 * number))))


def show(
    axes: "Axes", tiles: np.ndarray, columns: int, labels: Sequence[str] = (), *, size: float = 7.0,
    cmap: str | None = None, limit: float | None = None, accent: Sequence[bool] = (), room: float = 0.22,
) -> "AxesImage":  # fmt: skip
    """Draws tiles (N, H, W) or (N, H, W, 3) in rows, with ``labels`` below them in letters of ``size`` points.

    A tile is 1 wide and high in the axes' own units, between -0.5 and 0.5 around its column and row. Tiles without
    colours are shown by ``cmap`` from -``limit`` to ``limit``, or from 0 to ``limit`` where that is "gray". Labels
    stand out where ``accent`` is true.
    """
    number, height, width = tiles.shape[:3]
    rows, step = -(-number // columns), (1.08, 1.08 * height / width + (room if len(labels) else 0))
    shown = None
    low = None if limit is None else (0 if cmap == "gray" else -limit)
    for n, tile in enumerate(tiles):
        x, y = (n % columns) * step[0], (n // columns) * step[1]
        extent = (x - 0.5, x + 0.5, y + height / width - 0.5, y - 0.5)
        shown = axes.imshow(tile, extent=extent, cmap=cmap, vmin=low, vmax=limit, interpolation="nearest")
        if len(labels):
            text = axes.text(x, y + height / width - 0.45, labels[n], ha="center", va="top", fontsize=size)
            if len(accent) and accent[n]:
                text.set(color=chosen().accent, fontweight="bold")
    axes.set(xlim=(-0.54, (columns - 1) * step[0] + 0.54), ylim=((rows - 1) * step[1] + step[1] - 0.5, -0.54))
    axes.set_aspect("equal")
    axes.set_axis_off()
    assert shown is not None, "there is at least one tile"
    return shown
