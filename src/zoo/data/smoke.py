"""A small ImageNet folder that is generated on the spot: real JPEG files of ten kinds of pattern."""

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zoo.catalog import DATA
from zoo.data.imagenet import ImageNet
from zoo.data.store.format import find_store
from zoo.errors import InputError
from zoo.options import with_options_of

NUM_CLASSES, NUM_TRAIN, NUM_VAL = 10, 24, 8


class SmokeImageNet(ImageNet):
    """ImageNet's layout filled with generated photos, so that a network of ImageNet's size runs without a download.

    Each class is a wave pattern of its own direction and colours; position, size and noise differ from file to file.
    The files are made once, in ``root``, from fixed seeds.
    """

    facts = DATA["SmokeImageNet"]

    @with_options_of(ImageNet, root="data/smoke-imagenet", batch_size=8, num_held_out=40)
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)

    def prepare_data(self) -> None:
        """Writes the folder where it is not there yet; a run that is stopped leaves no half of it.

        Raises InputError where it cannot be written.
        """
        if (self.root / "train").is_dir() or find_store(self.root) is not None:
            return
        is_new = not self.root.parent.exists()
        try:
            self.root.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{self.root.name}-", dir=self.root.parent) as folder:
                made = Path(folder, "made")
                generate(made)
                made.replace(self.root)
        except OSError as error:
            # Another process may have been faster.
            if not (self.root / "train").is_dir():
                if is_new:
                    with suppress(OSError):
                        self.root.parent.rmdir()
                raise InputError(f"Cannot write the generated photos to {self.root} ({error}).") from error


def generate(root: Path) -> None:
    """Fills ``root`` with ``{train,val}/<class>/<number>.JPEG``."""
    for label in range(NUM_CLASSES):
        for split, first, number in (("train", 0, NUM_TRAIN), ("val", NUM_TRAIN, NUM_VAL)):
            folder = root / split / f"n{label:08d}"
            folder.mkdir(parents=True)
            for n in range(number):
                drawn_photo(label, first + n).save(folder / f"{n:03d}.JPEG", quality=90)


def drawn_photo(label: int, number: int) -> Image.Image:
    """Photo ``number`` of class ``label``: waves across it, 240 to 400 pixels a side."""
    random = np.random.default_rng([label, number])
    height, width = random.integers(240, 401, size=2)
    y, x = np.arange(height)[:, None] / 256, np.arange(width) / 256
    angle = np.pi * label / NUM_CLASSES + random.normal(0, 0.05)
    waves = np.sin(2 * np.pi * (4 + label % 3) * (x * np.cos(angle) + y * np.sin(angle)) + random.uniform(0, 2 * np.pi))
    colors = np.random.default_rng([label]).uniform(40, 215, size=(2, 3))
    share, noise = (waves + 1) / 2, random.normal(0, 12, (height, width))
    # Colour by colour: one array of all three would take three times as long.
    bands = [share * one + (1 - share) * other + noise for one, other in colors.T]
    return Image.merge("RGB", [Image.fromarray(band.clip(0, 255).astype(np.uint8)) for band in bands])
