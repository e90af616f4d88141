"""The regions of somebody's image that a network is shown: each digit on paper, or the middle of a photograph."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from zoo.weights.doubts import NO_INK, dark_on_light, of_photo
from zoo.weights.preprocessing import ImagePreprocessing, averaged

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Region:
    """All of an image, or the ``number``-th of the ``count`` digits in it, counted from 1 as they are read.

    ``box`` is where its ink lies, in pixels: left, top, right, bottom. ``prepared`` where the image was brought into
    the form of the data set's images; ``doubts`` are sentences on how far it is from what the network knows.
    """

    image: Path
    number: int = 1
    count: int = 1
    box: Box | None = None
    prepared: bool = False
    doubts: tuple[str, ...] = ()


def regions_of(
    path: Path, image: Image.Image, as_is: ImagePreprocessing, kind: str | None, light_on_dark: bool
) -> list[tuple[Region, Tensor]]:
    """The regions of one image with what the network takes of each, float32 (C, S, S); ``as_is`` only scales.

    ``kind`` is what the image is taken for: see ``zoo.catalog.DataSet.taken_for``. ``light_on_dark`` where the network
    knows light ink on black only.
    """
    if kind == "photo":
        assert as_is.stored is not None, "photographs of any size have a preprocessing of their own"
        side = as_is.stored[2]
        prepared = image.size != (side, side)
        return [(Region(path, prepared=prepared, doubts=of_photo(image, side)), as_is(averaged(image, side)))]
    if kind == "ink":
        # Imported here, for it brings in scipy.
        from zoo.data.paper.find import digits_in

        grey = np.asarray(image.convert("L"))
        digits = digits_in(grey)
        if digits:
            return [
                (
                    Region(path, number, len(digits), digit.box, digit.image is not grey),
                    as_is(Image.fromarray(digit.image)),
                )
                for number, digit in enumerate(digits, 1)
            ]
        return [(Region(path, doubts=(NO_INK,)), as_is(image))]
    return [(Region(path, doubts=dark_on_light(image) if light_on_dark else ()), as_is(image))]
