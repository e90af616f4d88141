"""Photographs decoded: exactly, as everything is measured, or faster, for training, with the extra ``fast``.

No torch: the processes that only decode start at once. The fast way takes simplejpeg and OpenCV. A JPEG is decoded at
4, 3, 2 or 1 eighths of its size where the view needs no more, which the format allows at little cost; what is left to
shrink, by less than 2, is interpolated between neighbours without antialiasing. On ImageNet's photographs pixels differ
from Pillow's by 2 grey levels in the mean, so nothing is ever measured on such photos.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zoo.data.photos.crops import Photo, disproportion
from zoo.errors import InputError
from zoo.files import is_device

PACKAGES = {"simplejpeg": "simplejpeg", "cv2": "opencv-python-headless"}


def read_rgb(path: Path) -> Image.Image:
    """The decoded photo in RGB, whatever its mode. Raises InputError naming the file where it cannot be decoded."""
    try:
        _check_file(path)
        with Image.open(path) as image:
            if reason := disproportion(image.size):
                raise ValueError(reason)
            return image.convert("RGB")
    except Exception as error:  # Pillow's readers raise anything from struct.error to MemoryError on broken files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is not a readable image ({reason}): replace or remove it.") from error


def _check_file(path: Path) -> None:
    # To read from a pipe would be to wait for ever.
    if is_device(path):
        raise ValueError("it is a device or a pipe")


def require_packages() -> None:
    """Raises InputError naming what is not installed."""
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise InputError(
            f"data.decoder is fast, but {' and '.join(missing)} cannot be imported: pip install {' '.join(missing)},"
            " or leave out --data.decoder."
        )


def read_fast(path: Path) -> Photo:
    """The photo in ``path``, not decoded yet; whatever is no plain JPEG goes to ``read_rgb``, also to be refused."""
    simplejpeg, _ = _libraries()
    try:
        _check_file(path)
        data = path.read_bytes()
        height, width, color, _ = simplejpeg.decode_jpeg_header(data)
    except (OSError, ValueError):
        return read_rgb(path)
    if color not in ("YCbCr", "Gray", "RGB") or disproportion((width, height)):
        return read_rgb(path)
    return FastPhoto(path, data, (width, height), (width, height))


@dataclass(frozen=True)
class FastPhoto:
    """A JPEG file (its bytes and ``full`` size) and what is to be done to it, once its pixels are asked for.

    ``size`` is (width, height) after ``steps``, each the name of a method with its arguments.
    """

    path: Path
    data: bytes
    full: tuple[int, int]
    size: tuple[int, int]
    steps: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def crop(self, box: tuple[int, int, int, int]) -> "FastPhoto":
        """The part from (left, top) up to but without (right, bottom)."""
        return self._then((box[2] - box[0], box[3] - box[1]), "crop", box)

    def resize(self, size: tuple[int, int], resample: Image.Resampling) -> "FastPhoto":
        """Scaled to (width, height)."""
        return self._then(size, "resize", size, resample)

    def transpose(self, method: Image.Transpose) -> "FastPhoto":
        """Mirrored left to right, the only way that training mirrors."""
        return self._then(self.size, "transpose", method)

    def _then(self, size: tuple[int, int], name: str, *arguments: Any) -> "FastPhoto":
        return replace(self, size=size, steps=(*self.steps, (name, arguments)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """uint8 (height, width, 3). Raises InputError where Pillow cannot decode the file either."""
        simplejpeg, _ = _libraries()
        width, height = self._needed()
        try:
            pixels = simplejpeg.decode_jpeg(self.data, min_height=height, min_width=width, min_factor=2)
        except ValueError:
            # Also raised for flaws that Pillow reads past: one library alone decides what is broken.
            photo: Any = read_rgb(self.path)
            for name, arguments in self.steps:
                photo = getattr(photo, name)(*arguments)
            return np.asarray(photo)
        size = self.full
        for name, arguments in self.steps:
            pixels, size = _STEPS[name](pixels, size, *arguments)
        return pixels

    def _needed(self) -> tuple[int, int]:
        """The width and height at which the whole photo must be decoded so that no view is enlarged for it."""
        (width, height), least = self.full, [1.0, 1.0]
        for name, arguments in self.steps:
            if name == "crop":
                left, top, right, bottom = arguments[0]
                width, height = right - left, bottom - top
            elif name == "resize":
                least = [part * new / old for part, new, old in zip(least, arguments[0], (width, height), strict=True)]
                width, height = arguments[0]
        return tuple(-int(-side * min(1.0, part) // 1) for side, part in zip(self.full, least, strict=True))  # type: ignore[return-value]


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
    return pixels[:, ::-1], size


_STEPS: dict[str, Callable[..., Step]] = {"crop": _crop, "resize": _resize, "transpose": _mirror}


def resized(pixels: np.ndarray, size: tuple[int, int], out: np.ndarray | None = None) -> np.ndarray:
    """uint8 (height, width) or (height, width, 3) scaled to (width, height) by OpenCV, in ``out`` where it is given."""
    _, cv2 = _libraries()
    shrinks = max(pixels.shape[1] / size[0], pixels.shape[0] / size[1])
    # Between neighbours alone, pixels would be passed over where more than two become one.
    way = cv2.INTER_AREA if shrinks > 2 else cv2.INTER_LINEAR
    scaled: np.ndarray = cv2.resize(pixels, size, dst=out, interpolation=way)
    return scaled


@cache
def _libraries() -> tuple[Any, Any]:
    import cv2
    import simplejpeg

    # There are as many worker processes as cores already.
    cv2.setNumThreads(1)
    return simplejpeg, cv2
