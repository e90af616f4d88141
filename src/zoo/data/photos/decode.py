"""Any image that somebody has, upright and in RGB: what ``zoo classify`` reads.

The data sets are read by ``decoders.read_rgb``, which takes their files as they are.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from zoo.data.photos.crops import disproportion
from zoo.errors import InputError
from zoo.files import is_device

# Read by starting Ghostscript on the file, or by asking Windows: an image runs no program.
_PROGRAMS = {"EPS", "WMF"}


def decode(path: Path, content: bytes | None = None) -> Image.Image:
    """The image in RGB, turned as its EXIF orientation says; of several frames the first, transparency on white.

    Numbers of 16 bits are divided by 257. ``content`` is the image where it lies in no file of its own; ``path`` names
    it then. Raises InputError naming the file where it is no image, is broken, is too large to be meant, or holds
    numbers whose white is unknown.
    """
    try:
        if content is None and is_device(path):
            # To read from a pipe would be to wait for ever.
            raise ValueError("it is a device or a pipe")
        with warnings.catch_warnings():
            # Pillow warns of broken EXIF blocks and of sizes that it decodes nevertheless.
            warnings.simplefilter("ignore")
            Image.init()
            source = path if content is None else io.BytesIO(content)
            with Image.open(source, formats=[name for name in Image.OPEN if name not in _PROGRAMS]) as image:
                if reason := disproportion(image.size):
                    raise ValueError(reason)
                image.load()
                return _on_white(_eight_bits(_upright(image), path))
    except InputError:
        raise
    except Exception as error:  # Pillow's readers raise anything from struct.error to MemoryError on broken files
        detail = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        detail = "no known format of images" if "cannot identify image file" in detail else detail
        raise InputError(f"{path} is not a readable image ({detail.rstrip('.')}): give another.") from error


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block does not touch the pixels, and asks for nothing
        return image


def _eight_bits(image: Image.Image, path: Path) -> Image.Image:
    """Pillow itself clips wider numbers at 255 where it converts them."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise InputError(f"{path} holds numbers of 32 bits, whose white is unknown: save it with 8 or 16 bits.")
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
