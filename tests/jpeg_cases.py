"""JPEG files that show how they were decoded, made in a moment."""

import io

import numpy as np
from PIL import Image


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Blocks of colour of a few pixels: whatever is interpolated between rows is another colour there."""
    cells = np.random.default_rng(width * height).integers(0, 256, (height // 3 + 1, width // 3 + 1, 3), np.uint8)
    return Image.fromarray(cells.repeat(3, 0).repeat(3, 1)[:height, :width]).convert(mode)


def coded(image: Image.Image, **options: object) -> bytes:
    """A JPEG file of an image, of quality 92 unless ``options`` of Pillow's say otherwise."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **{"quality": 92} | options)
    return buffer.getvalue()
