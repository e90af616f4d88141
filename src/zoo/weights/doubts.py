"""How far an image is from what a network knows, in sentences about the image."""

import numpy as np
from PIL import Image

from zoo.weights.preprocessing import averaged

DARK_ON_LIGHT = (
    "dark on light, it seems, but this network was trained on light ink on black: add --invert to show it the negative."
)
NO_INK = "no ink was found, so that the whole image was scaled down."
UNSURE = "no class has half of the probability: the network does not know what this is."
_CUT = "more than half of the image lies outside the centre square, which is all that the network was shown."
_SMALL = "smaller than what the network sees, and was enlarged."
_COLOURLESS = "no colour, as in only 1 of 100 images of CIFAR-10."
_EVEN = "hardly any contrast: only 1 of 100 images of CIFAR-10 has so little."
_FLAT = "areas of exactly one colour, as drawings and screenshots have: CIFAR-10 holds photographs."

# Of CIFAR-10's 50,000 training images 1 % each have a mean spread of the three channels below the first, of 255, a
# standard deviation of brightness below the second, and a share of pixels that equal their neighbour above the third.
_LEAST_COLOUR, _LEAST_CONTRAST, _MOST_EQUAL = 1.0, 18.0, 0.33


def dark_on_light(image: Image.Image) -> tuple[str, ...]:
    """The doubt whose outermost pixels are lighter, in the mean, than its middle grey value."""
    grey = np.asarray(image.convert("L"), np.float32)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return (DARK_ON_LIGHT,) if edge.mean() > max((grey.min() + grey.max()) / 2, 127) else ()


def of_photo(image: Image.Image, side: int) -> tuple[str, ...]:
    """What of an image CIFAR-10's networks, which see ``side`` pixels a side, have hardly met in their images.

    Its shape and size, and what its pixels have in common where at most about 1 in 100 training images has it. That
    none of this is true of an image does not mean that its subject is one of the ten classes.
    """
    doubts = []
    if max(image.size) > 2 * min(image.size):
        doubts.append(_CUT)
    if min(image.size) < side:
        doubts.append(_SMALL)
    pixels = np.asarray(averaged(image.convert("RGB"), side), np.int16)
    if np.ptp(pixels, axis=2).mean() < _LEAST_COLOUR:
        doubts.append(_COLOURLESS)
    if pixels.mean(axis=2).std() < _LEAST_CONTRAST:
        doubts.append(_EVEN)
    elif (np.diff(pixels, axis=1) == 0).all(axis=2).mean() > _MOST_EQUAL:
        doubts.append(_FLAT)
    return tuple(doubts)
