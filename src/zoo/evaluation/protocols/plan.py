"""A protocol as a plan: which views of an image are taken, and the weight of each in the mean of the probabilities."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from zoo.errors import InputError
from zoo.evaluation.protocols.shifts import NUM_SHIFTED, shifted_view
from zoo.views import Group


class View(NamedTuple):
    """One look at an image whose shorter side was scaled to ``scale`` pixels.

    A crop of the network's size with its upper left pixel at ``place``, or, where that is None, the whole image;
    then mirrored, or shifted as the ``shift``-th of the demo's views.
    """

    scale: int
    place: tuple[int, int] | None
    mirrored: bool = False
    shift: int | None = None


@dataclass(frozen=True)
class Geometry:
    """Sizes in pixels, (height, width): of the network's input, and of the image at each scale.

    ``own`` is the scale that the data's preprocessing brings images to.
    """

    size: tuple[int, int]
    own: int
    shapes: dict[int, tuple[int, int]]

    def spare(self, scale: int) -> tuple[int, int]:
        """The rows and columns that a crop leaves over."""
        return self.shapes[scale][0] - self.size[0], self.shapes[scale][1] - self.size[1]


Part = Callable[[Geometry, int], list[View]]


@dataclass(frozen=True)
class Protocol:
    """``name`` is how Records call it, ``typed`` how the command line does.

    Each of ``parts`` gives views at each of ``scales``, the data's own where there are none. The probabilities are
    averaged over the views, then over the scales, then over the parts. ``any_size`` is whether images of the
    network's own size will do.
    """

    name: str
    typed: str
    parts: tuple[Part, ...] = field(repr=False)
    scales: tuple[int, ...] = ()
    any_size: bool = True

    @property
    def dense(self) -> bool:
        """Whether the network must move over whole images."""
        return whole in self.parts

    def views(self, images: Tensor, size: tuple[int, int]) -> Iterator[Tensor]:
        """One view after another of images (N, C, H, W) of one shape, all of which have the same weight.

        For protocols that look at images at their own scale, which the network's input of ``size`` fits into.
        """
        assert len(self.parts) == 1, "the views of several parts have weights of their own"
        height, width = images.shape[2:]
        own = min(height, width)
        group = Group(torch.arange(len(images)), {own: images})
        for view in self.parts[0](Geometry(size, own, {own: (height, width)}), own):
            yield take(view, group, size, unchanged)

    def weights(self, geometry: Geometry) -> dict[View, float]:
        """The views and their weights, which sum to 1."""
        found: dict[View, float] = {}
        scales = self.scales or (geometry.own,)
        for part in self.parts:
            for scale in scales:
                views = part(geometry, scale)
                for view in views:
                    found[view] = found.get(view, 0.0) + 1 / (len(self.parts) * len(scales) * len(views))
        return found


def centre(geometry: Geometry, scale: int) -> list[View]:
    """The crop in the middle."""
    return [View(scale, center_place(*geometry.spare(scale)))]


def mirror(geometry: Geometry, scale: int) -> list[View]:
    """The crop in the middle and its mirror, for networks whose images leave no margin to cut crops from."""
    place = center_place(*geometry.spare(scale))
    return [View(scale, place), View(scale, place, mirrored=True)]


def shifted(geometry: Geometry, scale: int) -> list[View]:
    """The crop in the middle, shifted and mirrored as in ConvNetJS's demo."""
    return [View(scale, center_place(*geometry.spare(scale)), shift=number) for number in range(NUM_SHIFTED)]


def nine(geometry: Geometry, scale: int) -> list[View]:
    """A 3x3 grid of crops in the middle square of the image."""
    return [View(scale, place) for place in _in_square(geometry, scale, partial(grid_places, per_side=3))]


def ten(geometry: Geometry, scale: int) -> list[View]:
    """Corners and middle of the middle square of the image, which is 256x256 in AlexNet's paper, and their mirrors."""
    places = _in_square(geometry, scale, five_places)
    return [View(scale, place, mirrored) for place in places for mirrored in (False, True)]


def grid(geometry: Geometry, scale: int) -> list[View]:
    """A 5x5 grid of crops over the whole image, and their mirrors (VGG's paper, sections 3.2 and 4.3).

    Deviations and guesses: that the offsets are rounded down to whole pixels is a guess.
    """
    places = grid_places(*geometry.spare(scale), per_side=5)
    return [View(scale, place, mirrored) for place in places for mirrored in (False, True)]


def whole(geometry: Geometry, scale: int) -> list[View]:
    """The whole image and its mirror image.

    Deviations and guesses: the map of class scores is averaged before the softmax; the paper says "class score map" and
    not where the softmax stands.
    """
    return [View(scale, None, mirrored) for mirrored in (False, True)]


def unchanged(images: Tensor) -> Tensor:
    """The images as they are."""
    return images


def take(view: View, group: Group, size: tuple[int, int], normalize: Callable[[Tensor], Tensor]) -> Tensor:
    """The view of all images of a group, as it is fed to the network or its fully convolutional form."""
    images = group.images[view.scale]
    if view.place is not None:
        top, left = view.place
        images = images[:, :, top : top + size[0], left : left + size[1]]
    images = normalize(images.flip(3) if view.mirrored else images)
    # The zeros that move in are zeros for the network.
    return images if view.shift is None else shifted_view(images, view.shift)


def check_fits(protocol: Protocol, size: tuple[int, int], own: tuple[int, int] | int) -> None:
    """Raises InputError where images cannot be looked at in that way by a network with inputs of ``size``.

    ``own`` is the shape of images that all have the same, or the short side that photographs are scaled to.
    """
    photographs, least = isinstance(own, int), max(size)
    shape = own if isinstance(own, tuple) else (own, own)
    if not photographs and protocol.scales not in ((), (min(shape),)):
        raise InputError(
            f"{protocol.typed} scales photographs, and these images are {shape[0]}x{shape[1]} for good: "
            f"choose a protocol without scales{'' if not protocol.dense else f', or dense-{min(shape)}'}."
        )
    for scale in protocol.scales:
        if scale < least:
            raise InputError(
                f"{protocol.typed} scales images to {scale} pixels, but the network takes {size[0]}x{size[1]}:"
                f" give scales of at least {least}."
            )
    if shape[0] < size[0] or shape[1] < size[1]:
        raise InputError(
            f"The images are {shape[0]}x{shape[1]}, but the network takes {size[0]}x{size[1]}:"
            " choose another transform."
        )
    if not protocol.any_size and shape == size:
        raise InputError(
            f"{protocol.typed} takes crops out of larger images, but the images are {shape[0]}x{shape[1]},"
            " the network's own size: choose centre."
        )


def _in_square(
    geometry: Geometry, scale: int, places: Callable[[int, int], list[tuple[int, int]]]
) -> list[tuple[int, int]]:
    """Places of crops in the middle square of the image, whose side is the scale."""
    height, width = geometry.shapes[scale]
    top, left = (height - scale) // 2, (width - scale) // 2
    return [(top + y, left + x) for y, x in places(scale - geometry.size[0], scale - geometry.size[1])]


# Of a crop only the upper left pixel is free: (top, left), given how many rows and columns the crop leaves over.
def center_place(rows: int, columns: int) -> tuple[int, int]:
    """The crop in the middle; of an odd number left over half is rounded to the even, as torchvision has it."""
    return round(rows / 2), round(columns / 2)


def five_places(rows: int, columns: int) -> list[tuple[int, int]]:
    """The crops in the four corners and the middle."""
    return [(0, 0), (0, columns), (rows, 0), (rows, columns), center_place(rows, columns)]


def grid_places(rows: int, columns: int, per_side: int) -> list[tuple[int, int]]:
    """``per_side`` x ``per_side`` crops from edge to edge at equal distances, rounded down to whole pixels."""
    tops, lefts = ([step * spare // (per_side - 1) for step in range(per_side)] for spare in (rows, columns))
    return [(top, left) for top in tops for left in lefts]
