"""From ink to digits: which marks belong together, which are no digits, and in which order they are read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zoo.data.paper.density import Density, Grey, contrast

# Of the contrast to the paper so much must be one to the surroundings too.
_DARKER = 0.2
# Edges of ink are at least so sharp, measured by the sharpest.
_SHARP = 0.5
# Softer is a shadow, in 1 / pixels where the long side has 800; and fainter is none of pencil's, nor of any pen's.
_SOFTEST, _FAINTEST = 0.04, 0.12
# A digit is larger than this share of the short side: the rest is noise.
_SMALLEST = 0.02
# So many marks are looked at, down to this share of the ink of the largest.
_MOST, _FLECK = 200, 0.002


@dataclass
class Part:
    """Marks that belong to one digit: their labels, box (top, left, bottom, right) and how much ink they are.

    ``density`` is that of the middle of the strokes; by it ``sharpness`` is what three quarters of their outline exceed
    in slope, in 1 / pixels.
    """

    labels: list[int]
    box: tuple[int, int, int, int]
    ink: float
    density: float
    sharpness: float

    @property
    def height(self) -> int:
        """Pixels from the top to the bottom."""
        return self.box[2] - self.box[0]

    @property
    def width(self) -> int:
        """Pixels from the left to the right."""
        return self.box[3] - self.box[1]

    @property
    def longer(self) -> int:
        """The longer side of the box, in pixels."""
        return max(self.height, self.width)


def marks_in(density: Density, grey: Grey, around: Density, least: float) -> tuple[NDArray[np.int32], list[Part]]:
    """The connected marks of a density over ``least`` that are darker than what is around, those with most ink first.

    The labels (H, W) say which pixel belongs to which mark.
    """
    labels, count = ndimage.label(density > least, np.ones((3, 3)))
    numbers = np.arange(1, count + 1)
    ink = ndimage.sum_labels(density, labels, numbers)
    over_paper = ndimage.sum_labels(contrast(density, grey), labels, numbers)
    darker = ndimage.sum_labels(around - grey, labels, numbers) > _DARKER * over_paper
    slope = np.hypot(*np.gradient(density))
    boxes = ndimage.find_objects(labels)
    # A sheet of paper has thousands of flecks.
    chosen = [n for n in np.argsort(-ink)[:_MOST] if darker[n] and ink[n] > _FLECK * ink.max()]
    marks = []
    for n in chosen:
        own = labels[boxes[n]] == n + 1
        middle = np.percentile(density[boxes[n]][own], 90)
        if middle < _FAINTEST:
            continue
        strokes = np.pad(own & (density[boxes[n]] > middle / 2), 1)
        outline = (strokes & ~ndimage.binary_erosion(strokes))[1:-1, 1:-1]
        # A stroke is sharp on all sides, the corner of a sheet on two.
        edge = np.percentile(slope[boxes[n]][outline], 25)
        rows, columns = boxes[n]
        box = rows.start, columns.start, rows.stop, columns.stop
        marks.append(Part([n + 1], box, float(ink[n]), float(middle), float(edge / middle)))
    return labels, marks


def digits_of(marks: list[Part], shape: tuple[int, ...], sharpest: float) -> list[Part]:
    """The digits among marks in an image (H, W), as they are read: rows from the top, each from the left.

    ``sharpest`` is the sharpness of the sharpest mark.
    """
    sharp = [mark for mark in marks if mark.sharpness > max(_SHARP * sharpest, _SOFTEST)]
    marks = _inside(sharp, shape)
    if not marks:
        return []
    most = max(mark.ink for mark in marks)
    level = max(mark.density for mark in marks if mark.ink > 0.2 * most)
    marks = [mark for mark in marks if mark.density > 0.35 * level]
    digits = [digit for digit in _joined(marks) if digit.width < 2.5 * digit.height]
    digits = [digit for digit in digits if digit.longer > _SMALLEST * min(shape)]
    tallest = max((digit.longer for digit in digits), default=0)
    heaviest = max((digit.ink for digit in digits), default=0.0)
    return _read([digit for digit in digits if digit.longer > 0.45 * tallest and digit.ink > 0.08 * heaviest])


def sharpest_of(marks: list[Part], shape: tuple[int, ...]) -> float:
    """The sharpness of the sharpest mark that is no fleck; 0 where there is none."""
    return max((mark.sharpness for mark in _inside(marks, shape) if mark.longer > 0.04 * min(shape)), default=0.0)


def _inside(marks: list[Part], shape: tuple[int, ...]) -> list[Part]:
    """The marks that do not touch the image's edge, if any of them is worth the name: edges of sheets do."""
    free = [m for m in marks if m.box[0] > 0 and m.box[1] > 0 and m.box[2] < shape[0] and m.box[3] < shape[1]]
    if any(mark.longer > 0.06 * min(shape) for mark in free):
        return free
    return marks


def _joined(marks: list[Part]) -> list[Part]:
    """Marks that are pieces of one digit, such as the bar of a 5, as one part."""
    parts = list(marks)
    tallest = max(part.longer for part in parts)
    merged = True
    while merged:
        merged = False
        for i, a in enumerate(parts):
            for b in parts[i + 1 :]:
                if _belong(a, b, tallest):
                    parts.remove(b)
                    box = (*np.minimum(a.box[:2], b.box[:2]).tolist(), *np.maximum(a.box[2:], b.box[2:]).tolist())
                    parts[i] = Part(a.labels + b.labels, box, a.ink + b.ink, a.density, a.sharpness)
                    merged = True
                    break
            if merged:
                break
    return parts


def _belong(a: Part, b: Part, tallest: int) -> bool:
    gap_y = max(a.box[0], b.box[0]) - min(a.box[2], b.box[2])
    gap_x = max(a.box[1], b.box[1]) - min(a.box[3], b.box[3])
    shared = -gap_x / max(1, min(a.width, b.width))
    smaller = min(a.longer, b.longer)
    if gap_y < 0 and gap_x < 0 and shared > 0.5:
        return True
    # One above the other, near, and not two whole digits of two rows.
    if shared > 0.4 and gap_y < 0.25 * tallest and smaller < 0.7 * tallest:
        return True
    # Two halves of a broken digit: rows of digits are further apart.
    if shared > 0.4 and gap_y < 0.1 * tallest:
        return True
    # A small piece beside the rest.
    return smaller < 0.45 * tallest and max(gap_x, gap_y) < 0.08 * tallest


def _read(digits: list[Part]) -> list[Part]:
    rows: list[list[Part]] = []
    for digit in sorted(digits, key=lambda digit: digit.box[0] + digit.box[2]):
        middle = (digit.box[0] + digit.box[2]) / 2
        for row in rows:
            if any(other.box[0] < middle < other.box[2] for other in row):
                row.append(digit)
                break
        else:
            rows.append([digit])
    return [digit for row in rows for digit in sorted(row, key=lambda digit: digit.box[1] + digit.box[3])]
