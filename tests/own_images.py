"""Small pictures of three classes, told apart by their colours, for the tests of one's own data."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.errors import InputError

COLOURS = {"blue sky": (40, 60, 210), "Grass": (30, 190, 40), "rose": (220, 30, 60)}
ENDINGS = (".jpg", ".png", ".JPEG", ".bmp", ".webp", ".tif", ".ppm")


def picture(name: str, number: int) -> Image.Image:
    """A noisy picture in the colour of its class, of a size of its own."""
    random = np.random.default_rng([list(COLOURS).index(name), number])
    width, height = random.integers(30, 70, 2)
    noise = random.integers(-30, 31, (height, width, 3))
    return Image.fromarray((np.array(COLOURS[name]) + noise).clip(0, 255).astype(np.uint8))


def write_class(folder: Path, name: str, numbers: range) -> None:
    """The pictures of a class, of every kind of file in turn, every fifth in a folder within."""
    for number in numbers:
        place = folder / name / ("more" if number % 5 == 4 else "")
        place.mkdir(parents=True, exist_ok=True)
        picture(name, number).save(place / f"{number:03d}{ENDINGS[number % len(ENDINGS)]}")


def write_folder(root: Path, **splits: int) -> Path:
    """``root/<split>/<class>/``, with so many pictures a class of each split; ``whole`` of them without a split."""
    first = 0
    for split, number in splits.items():
        for name in COLOURS:
            write_class(root / ("" if split == "whole" else split), name, range(first, first + number))
        first += number
    return root


def made(data_class: type, root: Path, **options: object):
    """A data module of 32x32 images of ``root``, set up in this process."""
    data = data_class(str(root), **{"transform": "standard", "num_workers": 0} | options)
    data.prepare_data()
    data.setup()
    return data


def refusal(data_class: type, root: Path, **options: object) -> str:
    """The sentence with which ``root`` is refused."""
    with pytest.raises(InputError) as caught:
        made(data_class, root, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
