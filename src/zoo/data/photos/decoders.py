"""Photographs decoded: exactly, as everything is measured, or faster, for training, with the extra ``fast``.

No torch: the processes that only decode start at once. A training view that is cut out before it is scaled needs no row
below it, and a JPEG has its rows in order: no more of it is decoded than ``upper_part`` leaves, to the same bits, by
simplejpeg where that is installed and its bits are Pillow's (see ``equal_pixels``).

The fast way takes simplejpeg and OpenCV. A JPEG is decoded at 4, 3, 2 or 1 eighths of its size where the view needs no
more, which the format allows at little cost; what is left to shrink, by less than 2, or a side alone by less than 4, is
interpolated between neighbours without antialiasing. Pixels then differ from Pillow's by grey levels that
``benchmarks/tables/loaders.md`` has, so nothing is ever measured on such photos.
"""

import io
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from zoo.data.photos import equal_pixels
from zoo.data.photos.crops import Photo, disproportion
from zoo.data.photos.jpeg_rows import MARGIN, frame, upper_part
from zoo.errors import InputError
from zoo.files import is_device

# Left, top, right and bottom, of which the last two are the first without.
Box = tuple[int, int, int, int]
PACKAGES = {"simplejpeg": "simplejpeg", "cv2": "opencv-python-headless"}


def read_rgb(path: Path) -> Image.Image:
    """The decoded photo in RGB, whatever its mode. Raises InputError naming the file where it cannot be decoded."""
    return _decoded(path, path)


def _decoded(path: Path, source: Any) -> Image.Image:
    """The same from ``source``, the path itself or a file object."""
    try:
        if source is path:
            _check_file(path)
        with Image.open(source) as image:
            if reason := disproportion(image.size):
                raise ValueError(reason)
            if image.mode != "RGB":
                return image.convert("RGB")
            # convert() would copy every pixel.
            image.load()
            return image
    except Exception as error:  # Pillow's readers raise anything from struct.error to MemoryError on broken files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is not a readable image ({reason}): replace or remove it.") from error


def _check_file(path: Path) -> None:
    # To read from a pipe would be to wait for ever.
    if is_device(path):
        raise ValueError("it is a device or a pipe")


def _content(path: Path) -> bytes:
    """The bytes of a file; of a device or a pipe, which have no size, none, and these are not waited for."""
    # As few calls as will do: a photo is read in the time of two of pathlib's.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        return os.read(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def require_packages() -> None:
    """Raises InputError naming what is not installed."""
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise InputError(
            f"data.decoder is fast, but {' and '.join(missing)} cannot be imported: pip install {' '.join(missing)},"
            " or leave out --data.decoder."
        )


def read_in_part(path: Path) -> Photo:
    """The photo in ``path``, of which Pillow decodes what a training view needs; the pixels are those of ``read_rgb``.

    Whatever is no plain JPEG goes to ``read_rgb`` at once, also to be refused.
    """
    try:
        data = _content(path)
    except OSError:
        return read_rgb(path)
    found = frame(data)
    if found is None:
        return read_rgb(path)
    size = found[2], found[1]
    # What Pillow warns of or refuses is the size of the whole photo.
    if disproportion(size) or size[0] * size[1] > (Image.MAX_IMAGE_PIXELS or math.inf):
        return read_rgb(path)
    return PillowPhoto(path, data, size, size)


def read_fast(path: Path) -> Photo:
    """The photo in ``path``, not decoded yet; whatever is no plain JPEG goes to ``read_rgb``, also to be refused."""
    simplejpeg, _ = _libraries()
    try:
        data = _content(path)
        height, width, color, _ = simplejpeg.decode_jpeg_header(data)
    except (OSError, ValueError):
        return read_rgb(path)
    if color not in ("YCbCr", "Gray", "RGB") or disproportion((width, height)):
        return read_rgb(path)
    return FastPhoto(path, data, (width, height), (width, height))


def write_planes(view: Photo, out: np.ndarray) -> None:
    """Writes a view's pixels into ``out``, uint8 (3, height, width)."""
    if isinstance(view, JpegPhoto):
        view.write(out)
    elif isinstance(view, Image.Image):
        # Band by band, without an image of each: Pillow keeps four bytes a pixel, and would first make three of them.
        for plane, band in zip(out, "RGB", strict=True):
            plane[:] = np.frombuffer(view.tobytes("raw", band), np.uint8).reshape(plane.shape)
    else:
        out[:] = np.asarray(view).transpose(2, 0, 1)


@dataclass(frozen=True)
class JpegPhoto:
    """A JPEG file (its bytes and ``full`` size) and what is to be done to it, once its pixels are asked for.

    ``size`` is (width, height) after ``steps``, each the name of a method with its arguments.
    """

    path: Path
    data: bytes
    full: tuple[int, int]
    size: tuple[int, int]
    steps: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def crop(self, box: tuple[int, int, int, int]) -> Self:
        """The part from (left, top) up to but without (right, bottom)."""
        return self._then((box[2] - box[0], box[3] - box[1]), "crop", box)

    def resize(self, size: tuple[int, int], resample: Image.Resampling) -> Self:
        """Scaled to (width, height)."""
        return self._then(size, "resize", size, resample)

    def transpose(self, method: Image.Transpose) -> Self:
        """Mirrored left to right, the only way that training mirrors."""
        return self._then(self.size, "transpose", method)

    def _then(self, size: tuple[int, int], name: str, *arguments: Any) -> Self:
        return type(self)(self.path, self.data, self.full, size, (*self.steps, (name, arguments)))

    def part(self) -> tuple[bytes, int]:
        """The file without the rows that the view does not need, and how many rows it has then."""
        if self.steps and self.steps[0][0] == "crop":
            rows = self.steps[0][1][0][3]
            if (part := upper_part(self.data, rows)) is not self.data:
                return part, rows + MARGIN
        return self.data, self.full[1]

    def write(self, out: np.ndarray) -> None:
        """Writes the pixels into ``out``, uint8 (3, height, width)."""
        raise NotImplementedError

    def _by_pillow(self, photo: Image.Image, done: int = 0) -> Image.Image:
        """The view of a photo to which the first steps were ``done`` already."""
        for name, arguments in self.steps[done:]:
            photo = getattr(photo, name)(*arguments)
        return photo


class PillowPhoto(JpegPhoto):
    """One that Pillow scales and mirrors, and decodes where its pixels are not to be had otherwise."""

    def image(self) -> Image.Image:
        """The view. Raises InputError where Pillow cannot decode the file."""
        part, _ = self.part()
        # As a whole, a photo that Pillow has not decoded would be copied for it in the time that is saved.
        if self.steps and self.steps[0][0] == "crop":
            box = self.steps[0][1][0]
            pixels = equal_pixels.decoded(part, part is not self.data)
            if pixels is not None and _within(box, pixels):
                return self._by_pillow(_part(pixels, box), done=1)
        return self._by_pillow(_decoded(self.path, io.BytesIO(part)))

    def write(self, out: np.ndarray) -> None:
        """Writes the pixels into ``out``, uint8 (3, height, width)."""
        write_planes(self.image(), out)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """uint8 (height, width, 3). Raises InputError where Pillow cannot decode the file."""
        return np.asarray(self.image())


def _within(box: Box, pixels: np.ndarray) -> bool:
    """Whether there is something in a box, and all of it in the photo: what is not, Pillow makes black."""
    return 0 <= box[0] < box[2] <= pixels.shape[1] and 0 <= box[1] < box[3] <= pixels.shape[0]


def _part(pixels: np.ndarray, box: Box) -> Image.Image:
    """A part of uint8 (height, width, 3) as an image, for which nothing else is copied."""
    left, top, right, bottom = box
    stride = 3 * pixels.shape[1]
    from_corner = pixels.reshape(-1)[top * stride + 3 * left :]
    return Image.frombuffer("RGB", (right - left, bottom - top), from_corner, "raw", "RGB", stride, 1)


class FastPhoto(JpegPhoto):
    """One that simplejpeg decodes, and OpenCV scales and mirrors."""

    def write(self, out: np.ndarray) -> None:
        """Writes the pixels into ``out``, uint8 (3, height, width). Raises InputError as Pillow does."""
        _, cv2 = _libraries()
        cv2.split(np.asarray(self), list(out))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """uint8 (height, width, 3). Raises InputError where Pillow cannot decode the file either."""
        simplejpeg, _ = _libraries()
        part, rows = self.part()
        size = self.full[0], rows
        width, height = self._needed(size)
        # What is passed over at the end of a part would be a flaw.
        options = {"strict": part is self.data}
        try:
            pixels = simplejpeg.decode_jpeg(part, min_height=height, min_width=width, min_factor=2, **options)
        except ValueError:
            # Also raised for flaws that Pillow reads past: one library alone decides what is broken.
            return np.asarray(self._by_pillow(read_rgb(self.path)))
        for name, arguments in self.steps:
            pixels, size = _STEPS[name](pixels, size, *arguments)
        return pixels

    def _needed(self, decoded: tuple[int, int]) -> tuple[int, int]:
        """The width and height at which ``decoded`` pixels must be decoded so that no view is enlarged for it."""
        (width, height), least = self.full, [1.0, 1.0]
        for name, arguments in self.steps:
            if name == "crop":
                left, top, right, bottom = arguments[0]
                width, height = right - left, bottom - top
            elif name == "resize":
                least = [part * new / old for part, new, old in zip(least, arguments[0], (width, height), strict=True)]
                width, height = arguments[0]
        return tuple(-int(-side * min(1.0, part) // 1) for side, part in zip(decoded, least, strict=True))  # type: ignore[return-value]


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
