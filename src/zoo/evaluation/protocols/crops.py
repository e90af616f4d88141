"""Views of whole batches: where a crop lies, which shifts are drawn, and the mean of the probabilities over them."""

import math
from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo import keyed
from zoo.views import crop, shifted_and_flipped

#: How many shifted views the ConvNetJS demo averages.
NUM_SHIFTED = 6


def averaged(network: Callable[[Tensor], Tensor], views: Iterable[Tensor]) -> Tensor:
    """The log of the mean over views of the network's class probabilities, (N, num_classes).

    ``views`` are batches of the same images in the same order; one at a time goes through the network.
    """
    log_probabilities = torch.stack([F.log_softmax(network(view), dim=1) for view in views])
    return log_probabilities.logsumexp(dim=0) - math.log(len(log_probabilities))


def six_views(images: Tensor) -> Iterator[Tensor]:
    """The ConvNetJS demo's views: six times a shift of up to 2 pixels each way, zero fill, mirrored with chance 1/2.

    They are drawn from the image's own pixels: the same views in any batch, order and process.
    """
    for view in range(NUM_SHIFTED):
        yield shifted_view(images, view)


def shifted_view(images: Tensor, view: int) -> Tensor:
    """One of ``six_views``, by its number."""
    numbers = keyed.uniforms(keyed.key("convnetjs", "view", view), _digests(images), 3)
    return shifted_and_flipped(images, numbers, reach=2)


def nine_crops(images: Tensor, size: int) -> Iterator[Tensor]:
    """Corners, middles of the edges and centre, no flips: the 2012 code's views of CIFAR-10, of 24 pixels in 32."""
    for top, left in grid_places(*_spare(images, size), per_side=3):
        yield crop(images, top, left, size)


def ten_crops(images: Tensor, size: int) -> Iterator[Tensor]:
    """Corners and centre, each with its mirror image: AlexNet's views (section 4.1) and those of cuda-convnet 1."""
    for top, left in five_places(*_spare(images, size)):
        view = crop(images, top, left, size)
        yield view
        yield view.flip(3)


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


def _spare(images: Tensor, size: int) -> tuple[int, int]:
    return images.shape[2] - size, images.shape[3] - size


def _digests(images: Tensor) -> Tensor:
    """One int64 an image, the same on every device: pixels on the scale 0..1 enter in steps of 1/510."""
    pixels = (images.flatten(1).float() * 510).round().long()
    # The place goes into the upper half, so that the sum over places tells images with the same pixels apart.
    places = torch.arange(pixels.shape[1], device=images.device) << 32
    return keyed.hashes(keyed.key("convnetjs", "pixels"), pixels + places).sum(1)
