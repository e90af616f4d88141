"""The shifted views of the ConvNetJS demo: which shifts are drawn is a function of the image alone."""

import torch
from torch import Tensor

from zoo import keyed
from zoo.views import shifted_and_flipped

#: How many shifted views the ConvNetJS demo averages.
NUM_SHIFTED = 6


def shifted_view(images: Tensor, view: int) -> Tensor:
    """The ``view``-th: a shift of up to 2 pixels each way with zero fill, mirrored with chance 1/2.

    It is drawn from the image's own pixels: the same in any batch, order and process.
    """
    numbers = keyed.uniforms(keyed.key("convnetjs", "view", view), _digests(images), 3)
    return shifted_and_flipped(images, numbers, reach=2)


def _digests(images: Tensor) -> Tensor:
    """One int64 an image, the same on every device: pixels on the scale 0..1 enter in steps of 1/510."""
    pixels = (images.flatten(1).float() * 510).round().long()
    # The place goes into the upper half, so that the sum over places tells images with the same pixels apart.
    places = torch.arange(pixels.shape[1], device=images.device) << 32
    return keyed.hashes(keyed.key("convnetjs", "pixels"), pixels + places).sum(1)
