"""Photographs small enough to be packed and streamed in a moment."""

from pathlib import Path

import numpy as np
from PIL import Image


def small_photos(root: Path) -> Path:
    """50 small JPEG files of two classes, and five to test on."""
    rng = np.random.default_rng(0)
    for split, wnid, number in [("train", "n01", 20), ("train", "n02", 30), ("val", "n01", 2), ("val", "n02", 3)]:
        (root / split / wnid).mkdir(parents=True)
        for n in range(number):
            pixels = rng.integers(0, 256, (30 + n, 50 - n // 2, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / split / wnid / f"{wnid}_{n}.JPEG")
    return root


def by_name(split, draw) -> dict:
    """Each image of a draw under its file's name: pixels, label, colour shift."""
    images, labels, shifts = split[draw]
    places = split.positions[draw.indices].tolist()
    names = split.names if hasattr(split, "names") else [f"{file.parent.name}/{file.name}" for file in split.files]
    return {names[place]: (images[n], int(labels[n]), shifts[n]) for n, place in enumerate(places)}
