"""How stored uint8 images become a network's input: each data set's and each paper's preprocessing, under its name.

A transform has three parts, in the order the images pass them: ``place`` fixes the geometry once, when the data is
read; ``augment`` varies a batch of training images; ``normalize`` makes floats. The first two keep uint8, so that
data stays small in memory and on its way to the device.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

MEAN_CIFAR10 = (0.4914, 0.4822, 0.4465)
STD_CIFAR10 = (0.2470, 0.2435, 0.2616)


# Named functions and partials, no lambdas: a data module is pickled wherever processes are spawned.
def unchanged(images: Tensor, numbers: Tensor | None = None) -> Tensor:
    """The images as they are."""
    return images


@dataclass(frozen=True)
class Transform:
    """Preprocessing for images in memory; ``mean`` and ``std`` a channel on the 0..1 scale.

    ``augment(images, numbers)`` takes uint8 images of shape (N, C, H, W) and ``num_random`` uniform numbers an image.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    place: Callable[[Tensor], Tensor] = unchanged
    augment: Callable[[Tensor, Tensor], Tensor] = unchanged
    num_random: int = 0

    def normalize(self, images: Tensor) -> Tensor:
        """(p / 255 - mean) / std: uint8 of shape (N, C, H, W) to float32 of the same shape."""
        mean = torch.tensor(self.mean, device=images.device).view(-1, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(-1, 1, 1)
        return images.float().mul_(1 / (255 * std)).sub_(mean / std)


def placed(images: Tensor, size: int, content: int) -> Tensor:
    """Enlarges square images to ``content`` pixels a side (bilinear) and sets them amid zeros.

    uint8 of shape (N, C, S, S) to (N, C, size, size).
    """
    if images.shape[-1] != content:
        resized = F.interpolate(images.float(), size=(content, content), mode="bilinear", align_corners=False)
        images = resized.round().to(torch.uint8)
    before = (size - content) // 2
    after = size - content - before
    return F.pad(images, (before, after, before, after))


def shifted_and_flipped(images: Tensor, numbers: Tensor, reach: int = 4) -> Tensor:
    """Shifts each image by up to ``reach`` pixels (zero fill) and mirrors every second one.

    That is the usual "pad 4, crop 32, flip" of CIFAR-10, for uint8 images (N, C, H, W) and ``numbers`` (N, 3).
    """
    n, channels, height, width = images.shape
    padded = F.pad(images, (reach, reach, reach, reach))
    offsets = (numbers[:, :2] * (2 * reach + 1)).long()
    rows = offsets[:, 0:1] + torch.arange(height, device=images.device)
    columns = offsets[:, 1:2] + torch.arange(width, device=images.device)
    columns = torch.where(numbers[:, 2:3] < 0.5, columns.flip(1), columns)
    pixels = rows[:, :, None] * padded.shape[3] + columns[:, None, :]
    everywhere = pixels.view(n, 1, height * width).expand(-1, channels, -1)
    return padded.flatten(2).gather(2, everywhere).view(images.shape)


# LeNet-5 (1998), section II.B: background -0.1, ink 1.175, so that mean and variance are about 0 and 1.
_LENET5_STD = (1 / (1.175 + 0.1),)
_LENET5_MEAN = (0.1 * _LENET5_STD[0],)

# Pixels as they are stored, 0 to 255: (p / 255 - 0) / (1 / 255).
_RAW_GREY = Transform((0.0,), (1 / 255,))
_RAW_COLOUR = Transform((0.0,) * 3, (1 / 255,) * 3)

DIGITS = {
    "lenet5": Transform(_LENET5_MEAN, _LENET5_STD, place=partial(placed, size=32, content=20)),
    "raw": _RAW_GREY,
}
MNIST = {
    "lenet5": Transform(_LENET5_MEAN, _LENET5_STD, place=partial(placed, size=32, content=28)),
    "standard": Transform((0.1307,), (0.3081,)),
    "raw": _RAW_GREY,
}
CIFAR10 = {
    "standard": Transform(MEAN_CIFAR10, STD_CIFAR10),
    "crop_flip": Transform(MEAN_CIFAR10, STD_CIFAR10, augment=shifted_and_flipped, num_random=3),
    "raw": _RAW_COLOUR,
}
