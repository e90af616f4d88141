"""Photographs decoded faster, for training, with the extra ``fast``: simplejpeg and OpenCV.

A JPEG is decoded at 4, 3, 2 or 1 eighths of its size where the view needs no more, which the format allows at little
cost; what is left to shrink, by less than 2, or a side alone by less than 4, is interpolated between neighbours without
antialiasing. Pixels then differ from Pillow's by grey levels that ``benchmarks/tables/loaders.md`` has, so nothing is
ever measured on such photos. No torch, as in ``decoders``.
"""

import math
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zoo.data.photos.crops import Photo, disproportion
from zoo.data.photos.decoders import JpegPhoto, content_of, read_rgb
from zoo.data.photos.jpeg_rows import frame
from zoo.errors import InputError

PACKAGES = {"simplejpeg": "simplejpeg", "cv2": "opencv-python-headless"}


def require_packages() -> None:
    """Raises InputError naming what is not installed."""
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise InputError(
            f"data.decoder is fast, but {' and '.join(missing)} cannot be imported: pip install {' '.join(missing)},"
            " or leave out --data.decoder."
        )


def read_fast(path: Path | str) -> Photo:
    """The photo in ``path``, not decoded yet; whatever is no plain JPEG goes to ``read_rgb``, also to be refused."""
    try:
        data = content_of(path)
        # In no more time than simplejpeg's, and what is found serves for the part too.
        found = frame(data)
        size = (found[2], found[1]) if found else _size_of(data)
    except (OSError, ValueError):
        return read_rgb(path)
    if size is None or disproportion(size):
        return read_rgb(path)
    return FastPhoto(path, data, size, size, found)


def _size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG whose rows are not coded in order; None for colours that are printers'."""
    simplejpeg, _ = _libraries()
    height, width, color, _ = simplejpeg.decode_jpeg_header(data)
    return (width, height) if color in ("YCbCr", "Gray", "RGB") else None


class FastPhoto(JpegPhoto):
    """One that simplejpeg decodes, and OpenCV scales and mirrors."""

    def write(self, out: np.ndarray) -> None:
        """Writes the pixels into ``out``, uint8 (3, height, width). Raises InputError as Pillow does."""
        _, cv2 = _libraries()
        cv2.split(self.pixels(), list(out))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """uint8 (height, width, 3). Raises InputError where Pillow cannot decode the file either."""
        return self.pixels()

    def pixels(self) -> np.ndarray:
        """The same, without the questions that numpy asks before."""
        simplejpeg, _ = _libraries()
        part, rows = self.part()
        size = self.full[0], rows
        width, height = self._needed(size)
        try:
            pixels = simplejpeg.decode_jpeg(
                part, min_height=height, min_width=width, min_factor=2,
                # What is passed over at the end of a part would be a flaw.
                strict=part is self.data,
            )  # fmt: skip
        except ValueError:
            # Also raised for flaws that Pillow reads past: one library alone decides what is broken.
            return np.asarray(self._by_pillow(read_rgb(self.path)))
        for name, arguments in self.steps:
            pixels, size = _STEPS[name](pixels, size, *arguments)
        return pixels

    def _needed(self, decoded: tuple[int, int]) -> tuple[int, int]:
        """The width and height at which ``decoded`` pixels must be decoded so that no view is enlarged for it."""
        (width, height), across, down = self.full, 1.0, 1.0
        for name, arguments in self.steps:
            if name == "crop":
                left, top, right, bottom = arguments[0]
                width, height = right - left, bottom - top
            elif name == "resize":
                across, down = across * arguments[0][0] / width, down * arguments[0][1] / height
                width, height = arguments[0]
        return math.ceil(decoded[0] * min(1.0, across)), math.ceil(decoded[1] * min(1.0, down))


# Each step takes the pixels, which may be fewer than the (width, height) that they stand for, and gives both anew.
Step = tuple[np.ndarray, tuple[int, int]]


def _crop(pixels: np.ndarray, size: tuple[int, int], box: tuple[int, int, int, int]) -> Step:
    x, y = pixels.shape[1] / size[0], pixels.shape[0] / size[1]
    left, top = min(round(box[0] * x), pixels.shape[1] - 1), min(round(box[1] * y), pixels.shape[0] - 1)
    right, bottom = max(round(box[2] * x), left + 1), max(round(box[3] * y), top + 1)
    return pixels[top:bottom, left:right], (box[2] - box[0], box[3] - box[1])


def _resize(pixels: np.ndarray, size: tuple[int, int], new: tuple[int, int], resample: Image.Resampling) -> Step:
    return resized(pixels, new), new


def _mirror(pixels: np.ndarray, size: tuple[int, int], method: Image.Transpose) -> Step:
    _, cv2 = _libraries()
    return cv2.flip(pixels, 1), size


_STEPS: dict[str, Callable[..., Step]] = {"crop": _crop, "resize": _resize, "transpose": _mirror}


def resized(pixels: np.ndarray, size: tuple[int, int], out: np.ndarray | None = None) -> np.ndarray:
    """uint8 (height, width) or (height, width, 3) scaled to (width, height) by OpenCV, in ``out`` where it is given."""
    _, cv2 = _libraries()
    height, width = pixels.shape[:2]
    across, down = width / size[0], height / size[1]
    way = cv2.INTER_LINEAR
    # Between neighbours alone, pixels would be passed over where more than two become one.
    if min(across, down) > 2 or max(across, down) > 4:
        way = cv2.INTER_AREA
    elif max(across, down) > 2:
        # One side is halved before, by the means of two: areas take three times as long.
        pixels = cv2.resize(pixels, ((width + 1) // 2, height) if across > 2 else (width, (height + 1) // 2))
    scaled: np.ndarray = cv2.resize(pixels, size, dst=out, interpolation=way)
    return scaled


@cache
def _libraries() -> tuple[Any, Any]:
    import cv2
    import simplejpeg

    # There are as many worker processes as cores already.
    cv2.setNumThreads(1)
    return simplejpeg, cv2
