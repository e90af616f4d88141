"""Photographs decoded exactly, to Pillow's pixels, as everything is measured.

No torch: the processes that only decode start at once. A training view that is cut out before it is scaled needs no row
below it, and a JPEG has its rows in order: no more of it is decoded than ``upper_part`` leaves, to the same bits, by
simplejpeg where that is installed and its bits are Pillow's (see ``equal_pixels``). ``fast_decoder`` is faster, to
other pixels.
"""

import io
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from zoo.data.photos import equal_pixels
from zoo.data.photos.crops import Photo, disproportion
from zoo.data.photos.jpeg_rows import MARGIN, Frame, frame, upper_part
from zoo.errors import InputError
from zoo.files import is_device

# Left, top, right and bottom, of which the last two are the first without.
Box = tuple[int, int, int, int]


def read_rgb(path: Path | str) -> Image.Image:
    """The decoded photo in RGB, whatever its mode. Raises InputError naming the file where it cannot be decoded."""
    return _decoded(path, path)


def _decoded(path: Path | str, source: Any) -> Image.Image:
    """The same from ``source``, the path itself or a file object."""
    try:
        if source is path:
            _check_file(Path(path))
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


def content_of(path: Path | str) -> bytes:
    """The bytes of a file; of a device or a pipe, which have no size, none, and these are not waited for."""
    # As few calls as will do: a photo is read in the time of two of pathlib's.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        return os.read(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def read_in_part(path: Path | str) -> Photo:
    """The photo in ``path``, of which Pillow decodes what a training view needs; the pixels are those of ``read_rgb``.

    Whatever is no plain JPEG goes to ``read_rgb`` at once, also to be refused.
    """
    try:
        data = content_of(path)
    except OSError:
        return read_rgb(path)
    found = frame(data)
    if found is None:
        return read_rgb(path)
    size = found[2], found[1]
    # What Pillow warns of or refuses is the size of the whole photo.
    if disproportion(size) or size[0] * size[1] > (Image.MAX_IMAGE_PIXELS or math.inf):
        return read_rgb(path)
    return PillowPhoto(path, data, size, size, found)


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


# Not frozen, for three are made a view, and a frozen one takes four times as long.
@dataclass(slots=True)
class JpegPhoto:
    """A JPEG file (its bytes and ``full`` size) and what is to be done to it, once its pixels are asked for.

    ``size`` is (width, height) after ``steps``, each the name of a method with its arguments. ``frame`` is what
    ``jpeg_rows`` found in the file. Nothing of it is changed.
    """

    path: Path | str
    data: bytes
    full: tuple[int, int]
    size: tuple[int, int]
    frame: Frame | None
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
        return type(self)(self.path, self.data, self.full, size, self.frame, (*self.steps, (name, arguments)))

    def part(self) -> tuple[bytes, int]:
        """The file without the rows that the view does not need, and how many rows it has then."""
        if self.steps and self.steps[0][0] == "crop":
            rows = self.steps[0][1][0][3]
            if (part := upper_part(self.data, self.frame, rows)) is not self.data:
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
