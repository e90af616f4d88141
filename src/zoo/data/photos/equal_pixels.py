"""Pillow's own pixels from simplejpeg, where it is installed: to the same bits, in less time.

The wheels of both hold the same libjpeg-turbo. Pillow takes longer, for it reads headers in Python, makes four bytes of
each pixel's three, and cannot be given a part of the photo alone to keep. Where it was built on another library, pixels
may differ: whether they do is tried once a process, on a small photo of each kind that is decoded so.
"""

import io
import re
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

# Of the pixels' colours, which are stored and for how many pixels at once, in simplejpeg's words; and Pillow's number.
KINDS = {("YCbCr", "444"): 0, ("YCbCr", "422"): 1, ("YCbCr", "420"): 2, ("Gray", "Gray"): 0}
# The first complaint about a file whose header tells of fewer rows than it has, where nothing else is amiss: what
# follows the last of them was passed over, up to the next marker.
PASSED_OVER = re.compile(r".*\d+ extraneous bytes before marker 0xd[0-79]$")


def decoded(data: bytes, in_part: bool) -> np.ndarray | None:
    """The pixels of a JPEG in RGB, uint8 (height, width, 3); None where Pillow must decode it.

    So it is with whatever has a flaw, for Pillow alone decides what is broken. ``in_part`` says that the header tells
    of fewer rows than there are, which is no flaw.
    """
    simplejpeg = library()
    if simplejpeg is None:
        return None
    try:
        height, width, *kind = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    if tuple(kind) not in KINDS:
        return None
    # Memory of one's own, as rows that are passed over are an error, with which nothing is returned.
    pixels = np.empty((height, width, 3), np.uint8)
    try:
        simplejpeg.decode_jpeg(data, buffer=pixels)
    except ValueError as error:
        return pixels if in_part and PASSED_OVER.match(str(error)) else None
    return pixels


@cache
def library() -> Any:
    """simplejpeg where it is installed and its pixels are Pillow's, or None."""
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg if all(_same(simplejpeg, *kind) for kind in KINDS.items()) else None


def _same(simplejpeg: Any, kind: tuple[str, str], subsampling: int) -> bool:
    """Whether both decode a photo of odd sides and many colours alike."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (45, 67, 3), np.uint8))
    buffer = io.BytesIO()
    try:
        noise.convert("L" if kind[0] == "Gray" else "RGB").save(buffer, "JPEG", quality=90, subsampling=subsampling)
        with Image.open(buffer) as image:
            expected = np.asarray(image.convert("RGB"))
        found = simplejpeg.decode_jpeg_header(buffer.getvalue())
        return found[2:] == kind and np.array_equal(simplejpeg.decode_jpeg(buffer.getvalue()), expected)
    except (OSError, ValueError):
        return False
