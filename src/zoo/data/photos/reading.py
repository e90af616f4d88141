"""A photograph decoded. No torch: the processes that only decode start at once."""

from pathlib import Path

from PIL import Image

from zoo.errors import InputError


def read_rgb(path: Path) -> Image.Image:
    """The decoded picture in RGB, whatever its mode. Raises InputError naming the file where it cannot be decoded."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except Exception as error:  # Pillow's readers raise anything from struct.error to MemoryError on broken files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is not a readable picture ({reason}): replace or remove it.") from error
