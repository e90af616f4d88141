"""Which part of a photograph a network sees while training: each paper's way, from numbers drawn before.

A crop takes a decoded photo and uniform numbers in [0, 1) to a smaller photo, through the methods of ``Photo``
alone; so the same lines serve Pillow's images and those of ``decoders``.
"""

import math
from collections.abc import Sequence
from typing import Protocol, TypeVar

from PIL import Image

from zoo.errors import InputError

P = TypeVar("P", bound="Photo")
# With a short side of 256 pixels, a longer one would have more than a quarter of a million and fill the memory.
MOST_TIMES_AS_LONG = 1000


class Photo(Protocol):
    """The part of Pillow's ``Image`` that geometry needs."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""

    def crop(self: P, box: tuple[int, int, int, int]) -> P:
        """The part from (left, top) up to but without (right, bottom)."""

    def resize(self: P, size: tuple[int, int], resample: Image.Resampling) -> P:
        """Scaled to (width, height)."""

    def transpose(self: P, method: Image.Transpose) -> P:
        """Mirrored."""


def scale_short_side(image: P, side: int) -> P:
    """Scales without distortion, bilinear with antialiasing, so that the shorter side has ``side`` pixels.

    Raises InputError for a photo so long that this would fill the memory.
    """
    if reason := disproportion(image.size):
        raise InputError(f"An image cannot be scaled to a short side of {side} pixels: {reason}.")
    width, height = image.size
    short = min(width, height)
    # Whole numbers throughout: width * (side / short) falls one short of some products that are whole.
    return image.resize((side * width // short, side * height // short), Image.Resampling.BILINEAR)


def disproportion(size: tuple[int, int]) -> str:
    """What is wrong with the width and height of an image that no network can be shown; empty for others."""
    if max(size) <= MOST_TIMES_AS_LONG * min(size):
        return ""
    return f"it has {size[0]:,}x{size[1]:,} pixels, and is more than {MOST_TIMES_AS_LONG:,} times as long as wide"


def warp(image: P, side: int) -> P:
    """Scales to a square of ``side`` pixels whatever the shape, bilinear with antialiasing, as Caffe's examples do."""
    return image.resize((side, side), Image.Resampling.BILINEAR)


def crop_from_center_square(image: P, numbers: Sequence[float]) -> P:
    """AlexNet (section 2 and 4.1): a random 224x224 part of the centre 256x256, 33 offsets each way."""
    scaled = scale_short_side(image, 256)
    left, top = ((side - 256) // 2 + int(number * 33) for side, number in zip(scaled.size, numbers, strict=False))
    return scaled.crop((left, top, left + 224, top + 224))


def crop_from_warped(image: P, numbers: Sequence[float]) -> P:
    """Caffe's AlexNet: a random 227x227 part of the photo warped to 256x256, 30 offsets each way."""
    left, top = (int(number * 30) for number in numbers[:2])
    return warp(image, 256).crop((left, top, left + 227, top + 227))


def crop_anywhere(image: P, numbers: Sequence[float]) -> P:
    """VGG (section 3.1, S = 256): a random 224x224 part of the photo scaled to a short side of 256."""
    return _part_of(scale_short_side(image, 256), numbers)


def crop_anywhere_at_384(image: P, numbers: Sequence[float]) -> P:
    """VGG (section 3.1, S = 384): the same of a short side of 384."""
    return _part_of(scale_short_side(image, 384), numbers)


def crop_at_any_scale(image: P, numbers: Sequence[float]) -> P:
    """VGG (section 3.1, S in [256, 512]): the third number chooses one of 257 short sides, all as likely."""
    return _part_of(scale_short_side(image, 256 + int(numbers[2] * 257)), numbers)


def _part_of(scaled: P, numbers: Sequence[float]) -> P:
    left, top = (int(number * (side - 223)) for side, number in zip(scaled.size, numbers, strict=False))
    return scaled.crop((left, top, left + 224, top + 224))


def random_resized_crop(image: P, numbers: Sequence[float]) -> P:
    """torchvision's RandomResizedCrop(224): 8 to 100 % of the area, aspect 3/4 to 4/3, up to ten tries."""
    width, height = image.size
    for tried in range(10):
        area, aspect, u, v = numbers[4 * tried : 4 * tried + 4]
        area = (0.08 + 0.92 * area) * width * height
        aspect = math.exp((2 * aspect - 1) * math.log(4 / 3))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            left, top = int(u * (width - w + 1)), int(v * (height - h + 1))
            break
    else:
        # As torchvision does after ten misses: the largest centre part whose aspect is in range.
        w, h = min(width, round(height * 4 / 3)), min(height, round(width * 4 / 3))
        left, top = (width - w) // 2, (height - h) // 2
    # Cropped before it is scaled, as there: resize's own box would blend in pixels from beyond the edge.
    return image.crop((left, top, left + w, top + h)).resize((224, 224), Image.Resampling.BILINEAR)
