"""The printed lines of exercise books, found as lines and taken away: they are no ink of a writer's."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zoo.data.paper.density import Density

# A ruled line is thinner than this share of the image's long side,
_THIN = 0.012
# and climbs or falls no more than this.
_STEEPEST = 0.2
# A line alone crosses so much of the image, a line of several that run alike so much.
_ALONE, _OF_SEVERAL = 0.9, 0.5
# And so much of the first and of the last quarter.
_OUTSIDE = 0.25
# How many are several, and by how much slopes that are alike may differ: perspective lets lines meet.
_SEVERAL, _ALIKE = 3, 0.06
# Pixels that a bent line may stray from a straight one, and half the width that is cleared, per 1,000 of the image.
_STRAY, _HALF = 6, 4
_PIECES = 16


@dataclass(frozen=True)
class _Line:
    """``height`` in the middle of the image and ``slope``, in pixels; ``cover`` is the share of columns it marks."""

    height: float
    slope: float
    cover: float


def without_ruling(density: Density, noise: float) -> Density:
    """The density less that of ruled lines, near level and near upright ones; ink that crosses them keeps its own.

    Densities of two inks add up, so that a line can be subtracted where a stroke runs over it.
    """
    cleared = density
    for turn in (False, True):
        image = cleared.T if turn else cleared
        lines = _lines(image, noise)
        if lines:
            image = image.copy()
            for line in lines:
                _subtract(image, line)
            cleared = image.T if turn else image
    return cleared


def _lines(density: Density, noise: float) -> list[_Line]:
    thick = 2 * round(_THIN * max(density.shape) / 2) + 3
    thin = density - ndimage.grey_opening(density, (thick, 1))
    step = max(1, round(max(density.shape) / 500))
    height, width = (length // step for length in density.shape)
    marks = thin[: height * step, : width * step].reshape(height, step, width, step).max(axis=(1, 3)) > noise
    rows, columns = np.nonzero(ndimage.binary_dilation(marks, np.ones((3, 1), bool)))
    slopes = np.arange(-_STEEPEST, _STEEPEST + 1e-9, 1.5 / width)
    cover = np.zeros((len(slopes), height))
    for number, slope in enumerate(slopes):
        heights = np.rint(rows - slope * (columns - width / 2)).astype(np.intp)
        inside = (heights >= 0) & (heights < height)
        places = heights[inside] * 4 + columns[inside] * 4 // width
        quarters = np.bincount(places, minlength=4 * height).reshape(height, 4) * (4 / width)
        # A line crosses the page: no large digit does.
        cover[number] = np.where(quarters[:, [0, 3]].min(axis=1) > _OUTSIDE, quarters.mean(axis=1), 0)
    lines: list[_Line] = []
    while len(lines) < 200:
        number, at = (int(index) for index in np.unravel_index(cover.argmax(), cover.shape))
        if cover[number, at] < _OF_SEVERAL:
            break
        lines.append(_Line((at + 0.5) * step, float(slopes[number]), float(cover[number, at])))
        cover[:, max(0, at - 3) : at + 4] = 0
    return _alike(lines)


def _alike(lines: list[_Line]) -> list[_Line]:
    if not lines:
        return []
    usual = float(np.median([line.slope for line in lines]))
    alike = [line for line in lines if abs(line.slope - usual) < _ALIKE]
    return alike if len(alike) >= _SEVERAL else [line for line in lines if line.cover >= _ALONE]


def _subtract(density: NDArray[np.float32], line: _Line) -> None:
    """Takes one line out of ``density``, following it where it bends."""
    height, width = density.shape
    unit = max(density.shape) / 1000
    stray, half = max(2, round(_STRAY * unit)), max(2, round(_HALF * unit))
    columns = np.arange(width)
    middle = np.rint(line.height + line.slope * (columns - width / 2)).astype(np.intp)
    offsets = np.arange(-stray - half, stray + half + 1)
    rows = middle + offsets[:, None]
    band = density[rows.clip(0, height - 1), columns]
    band[(rows < 0) | (rows >= height)] = 0
    edges = np.linspace(0, width, _PIECES + 1).astype(int)
    spans = list(pairwise(edges.tolist()))
    # Over three spans, so that a stroke which runs along the line is the smaller part.
    pieces = np.stack([np.median(band[:, max(0, a - (b - a)) : b + (b - a)], axis=1) for a, b in spans])
    ridge = ndimage.uniform_filter1d(pieces, 3, axis=1)[:, half:-half]
    bends = ndimage.median_filter(ridge.argmax(axis=1), 3) + half
    whole = np.median([piece[at - half : at + half + 1] for piece, at in zip(pieces, bends, strict=True)], axis=0)
    for piece, at, (a, b) in zip(pieces, bends, spans, strict=True):
        # Where a stroke runs along the line, the line is no darker than elsewhere.
        profile = np.minimum(piece[at - half : at + half + 1], 1.4 * whole + 0.01)
        # The line is not in the middle of its pixels everywhere.
        profile = ndimage.grey_dilation(profile, 3)
        inside = rows[at - half : at + half + 1, a:b]
        valid = (inside >= 0) & (inside < height)
        places = inside[valid], np.broadcast_to(columns[a:b], inside.shape)[valid]
        density[places] = (density[places] - np.broadcast_to(profile[:, None], inside.shape)[valid]).clip(0)
