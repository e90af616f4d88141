"""The digits in an image, in the form in which MNIST would have stored them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from zoo.data.paper.density import Density, Grey, density, surroundings
from zoo.data.paper.form import formed, is_in_form
from zoo.data.paper.parts import Part, digits_of, marks_in, sharpest_of
from zoo.data.paper.ruling import without_ruling

# Ink is looked for in an image whose long side has at least and at most so many pixels.
_SMALL, _LARGE = 112, 800
# Less than this, in pixels, is no image of anything.
_NARROWEST = 8
# Strokes are no wider than this share of the short side: first those of pens, where shadows, gaps and corners of sheets
# are wider; then those of brushes and drawings, where what was found at first are but ends of wider strokes, or there
# are wider strokes beside them.
_FINE, _COARSE = 0.08, 0.25
# Strokes are whole where so many pixels from them there is no more than this share of their ink, and inside them no
# more than this share is missing; they are all where they have this share of all ink.
_BESIDE, _REST, _MORE, _ENOUGH = 8, 0.05, 0.1, 0.8
# Ink is denser than the noise of the paper times the first of each pair, and than the second; ruled lines are fainter.
_INK, _RULING = (5, 0.06), (3, 0.03)
# Of the cover in the middle of a stroke, where its edge begins and where it is full.
_EDGE, _FULL = 0.25, 0.75


@dataclass(frozen=True)
class Digit:
    """One digit as MNIST would have stored it, uint8 (28, 28), light on black.

    ``box`` is where its ink lies in the image, in pixels: left, top, right, bottom.
    """

    image: Grey
    box: tuple[int, int, int, int]


def as_mnist(grey: Grey) -> Grey | None:
    """The largest digit in an image, uint8 (H, W), as MNIST would have stored it: (28, 28); None where there is none.

    An image that already has MNIST's form is returned as it is.
    """
    digits = digits_in(grey)
    return max(digits, key=lambda digit: _longer(digit.box)).image if digits else None


def digits_in(grey: Grey) -> list[Digit]:
    """All digits in an image, uint8 (H, W), row by row from left to right; none where no ink is found.

    The ink may be dark or light. Shadows, edges of sheets and the ruling of exercise books are no ink. Digits that
    touch each other count as one. An image that already has MNIST's form, or whose negative has, is its own digit.
    """
    for image in (grey, 255 - grey):
        if is_in_form(image):
            return [Digit(image, (0, 0, image.shape[1], image.shape[0]))]
    image, scale = _at_work(grey)
    if min(image.shape) < _NARROWEST:
        return []
    around = surroundings(image)
    sides = (image, around), (255 - image, 255 - around)
    fine, coarse = _readings(sides, _FINE), _readings(sides, _COARSE)
    best, wide = max(zip(fine, coarse, strict=True), key=lambda pair: _weight(pair[0]))
    if not _whole(best, wide.ink):
        best = max(coarse, key=_weight)
    elif _weight(best) < _ENOUGH * _weight(wide):
        best = wide
    return [_digit(best, part, scale) for part in best.digits]


@dataclass(frozen=True)
class _Reading:
    """What is read where strokes are dark or light and of a certain width: ink (H, W), whose marks, and the digits."""

    ink: Density
    labels: NDArray[np.int32]
    digits: list[Part]


def _readings(sides: Sequence[tuple[Grey, Density]], widest: float) -> list[_Reading]:
    """Of an image and its negative, each with its surroundings.

    Strokes are no wider than ``widest``, a share of the short side.
    """
    inks = [_ink(image, widest) for image, _ in sides]
    found = [marks_in(ink, *side, least) for (ink, least), side in zip(inks, sides, strict=True)]
    shape = sides[0][0].shape
    sharpest = max(sharpest_of(marks, shape) for _, marks in found)
    return [
        _Reading(ink, labels, digits_of(marks, shape, sharpest))
        for (ink, _), (labels, marks) in zip(inks, found, strict=True)
    ]


def _weight(reading: _Reading) -> float:
    # The gap between two strokes is a mark too, of the other polarity, but an open and so a softer one.
    return sum(part.ink * part.density * part.sharpness**2 for part in reading.digits)


def _whole(reading: _Reading, ink: Density) -> bool:
    """Whether the digits are whole strokes, and no edges or thin ends of wider ones in ``ink``."""
    own = np.isin(reading.labels, [label for part in reading.digits for label in part.labels])
    if not own.any():
        return False
    beside = ndimage.binary_dilation(own, iterations=_BESIDE) & ~ndimage.binary_dilation(own, iterations=_BESIDE // 2)
    inside = ndimage.binary_fill_holes(own)
    more = (ink - reading.ink)[inside].sum()
    return bool(ink[beside].mean() < _REST * ink[own].mean() and more < _MORE * reading.ink[inside].sum())


def _at_work(grey: Grey) -> tuple[Grey, float]:
    """The image at the size at which ink is looked for, and that size by its own."""
    longer = max(grey.shape)
    scale = min(max(1.0, _SMALL / longer), _LARGE / longer)
    if scale == 1:
        return grey, 1.0
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    # Bicubic scaling would put a dark rim around light strokes.
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(grey).resize(size, way)), scale


def _ink(image: Grey, widest: float) -> tuple[Density, float]:
    """The density of dark ink over that of bare paper, ruled lines taken away, and the least that is ink."""
    ink = density(image, widest)
    paper = float(np.median(ink))
    noise = 1.4826 * float(np.median(np.abs(ink - paper)))
    ink = (ink - paper).clip(0)
    return without_ruling(ink, max(_RULING[0] * noise, _RULING[1])), max(_INK[0] * noise, _INK[1])


def _digit(reading: _Reading, part: Part, scale: float) -> Digit:
    top, left, bottom, right = part.box
    within = np.s_[top:bottom, left:right]
    own = np.where(np.isin(reading.labels[within], part.labels), reading.ink[within], 0)
    # The edge of a stroke is where half of a pixel is covered, not where half of the density is.
    covered = -np.expm1(-own)
    relative = covered / np.percentile(covered[own > 0], 75)
    soft = ((relative - _EDGE) / (_FULL - _EDGE)).clip(0, 1).astype(np.float32)
    rows, columns = (np.flatnonzero((soft >= 0.5).any(axis=axis)) for axis in (1, 0))
    a, b, c, d = (int(edge) for edge in (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1))
    left, top, right, bottom = (round(edge / scale) for edge in (left + c, top + a, left + d, top + b))
    return Digit(formed(soft[a:b, c:d]), (left, top, right, bottom))


def _longer(box: tuple[int, int, int, int]) -> int:
    return max(box[2] - box[0], box[3] - box[1])
