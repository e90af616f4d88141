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
_COLOURLESS = "no colour, which only 1 in 100 images of CIFAR-10 lacks."
_EVEN = "almost one tone: no image of CIFAR-10 is as even."
_FLAT = "areas of exactly one colour, as drawings and screenshots have: CIFAR-10 holds photographs."

# Of CIFAR-10's 50,000 training images 1.1 % have a mean spread of the channels below this, of 255,
_LEAST_COLOUR = 1.0
# none a standard deviation of brightness below this,
_LEAST_CONTRAST = 8.0
# and 0.1 % so many pixels that are exactly their right neighbour.
_MOST_EQUAL = 0.6


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
