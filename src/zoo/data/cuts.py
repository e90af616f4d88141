"""Where AlexNet's, VGG's and every centre view lie in a picture that is already scaled: no pixel changes its value."""

from collections.abc import Callable, Sequence

from zoo.data.photos import Crop, PhotoTransform, crop_anywhere, crop_from_center_square, scale_short_side

Corner = tuple[int, int]


def corner_of(
    transform: PhotoTransform, short_side: int, width: int, height: int, numbers: Sequence[float] | None
) -> Corner | None:
    """Left and top of a view of ``transform.size`` pixels in a picture of ``width`` x ``height``, unmirrored.

    ``numbers`` are those of a training view; the test view has none. None where the picture, whose short side has been
    scaled to ``short_side``, would have to be scaled again.
    """
    if numbers is None:
        if transform.scale is not scale_short_side or transform.short_side != short_side:
            return None
        left, top = (round((side - transform.size) / 2) for side in (width, height))
        return left, top
    cut = CUTS.get(transform.crop)
    return cut(width, height, numbers) if cut is not None and short_side == SHORT_SIDE else None


def from_center_square(width: int, height: int, numbers: Sequence[float]) -> Corner:
    """Of a 224x224 part of the centre 256x256: 33 offsets each way."""
    left, top = ((side - 256) // 2 + int(number * 33) for side, number in zip((width, height), numbers, strict=False))
    return left, top


def anywhere(width: int, height: int, numbers: Sequence[float]) -> Corner:
    """Of a 224x224 part of the whole picture."""
    left, top = (int(number * (side - 223)) for side, number in zip((width, height), numbers, strict=False))
    return left, top


# The training crops that only cut, from pictures whose short side has so many pixels.
SHORT_SIDE = 256
CUTS: dict[Crop, Callable[[int, int, Sequence[float]], Corner]] = {
    crop_from_center_square: from_center_square,
    crop_anywhere: anywhere,
}
