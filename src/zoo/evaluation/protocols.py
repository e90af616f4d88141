"""Test protocols: the views in which a network looks at an image, and the mean of its class probabilities over them.

A model names its protocol for the Record (``Classifier.protocol``) and follows it in ``test_logits``. Views are
functions of the image alone, so that a test has one result for any batch size and number of processes.
"""

import math
from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo import keyed
from zoo.views import center, crop, shifted_and_flipped

SIX_VIEWS = "six shifted and flipped views"
NINE_CROPS = "nine crops"
TEN_CROPS = "ten crops"


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
    indices = _digests(images)
    for view in range(6):
        numbers = keyed.uniforms(keyed.key("convnetjs", "view", view), indices, 3)
        yield shifted_and_flipped(images, numbers, reach=2)


def nine_crops(images: Tensor, size: int) -> Iterator[Tensor]:
    """Corners, middles of the edges and centre, no flips: the 2012 code's views of CIFAR-10, of 24 pixels in 32."""
    rows, columns = ((0, (side - size) // 2, side - size) for side in images.shape[2:])
    for top in rows:
        for left in columns:
            yield crop(images, top, left, size)


def ten_crops(images: Tensor, size: int) -> Iterator[Tensor]:
    """Corners and centre, each with its mirror image: AlexNet's views (section 4.1) and those of cuda-convnet 1."""
    height, width = images.shape[2:]
    corners = [crop(images, top, left, size) for top in (0, height - size) for left in (0, width - size)]
    for view in [*corners, center(images, size)]:
        yield view
        yield view.flip(3)


def _digests(images: Tensor) -> Tensor:
    """One int64 an image, the same on every device: pixels on the scale 0..1 enter in steps of 1/510."""
    pixels = (images.flatten(1).float() * 510).round().long()
    # The place goes into the upper half, so that the sum over places tells images with the same pixels apart.
    places = torch.arange(pixels.shape[1], device=images.device) << 32
    return keyed.hashes(keyed.key("convnetjs", "pixels"), pixels + places).sum(1)
