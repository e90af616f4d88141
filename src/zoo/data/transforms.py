"""How stored uint8 images become a network's input: each data set's and each paper's preprocessing, under its name.

``place`` fixes the geometry once, when the data is read; ``augment`` varies a batch of training images; ``normalize``
makes floats. Data stays uint8 until then, so that it is small in memory and on its way to the device.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Self, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.data.distortions import NUM_RANDOM, affine
from zoo.errors import InputError
from zoo.views import cropped_and_flipped, shifted_and_flipped, shifted_flipped_and_cut_out

MEAN_CIFAR10 = (0.4914, 0.4822, 0.4465)
STD_CIFAR10 = (0.2470, 0.2435, 0.2616)


T = TypeVar("T")


def named(transforms: Mapping[str, T], name: str) -> T:
    """The preprocessing of this name; raises InputError, with those that there are, where there is none."""
    if name not in transforms:
        raise InputError(f"There is no transform {name!r} here: there is {', '.join(transforms)}.")
    return transforms[name]


# Named functions and partials, no lambdas: a data module is pickled wherever processes are spawned.
def unchanged(images: Tensor, numbers: Tensor | None = None) -> Tensor:
    """The images as they are."""
    return images


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """The steps from images in memory to a network's input; a subclass says how to ``normalize``.

    ``augment(images, numbers)`` takes images of shape (N, C, H, W) and ``num_random`` uniform numbers an image: stored
    uint8 images, or normalised ones where ``augment_last``, so that zeros that move in are zeros for the network.
    ``stored`` is (C, H, W) to which images of any size are brought first; None where the data have one size.
    """

    place: Callable[[Tensor], Tensor] = unchanged
    augment: Callable[[Tensor, Tensor], Tensor] = unchanged
    num_random: int = 0
    augment_last: bool = False
    stored: tuple[int, int, int] | None = None

    def __call__(self, images: Tensor, numbers: Tensor | None = None) -> Tensor:
        """uint8 (N, C, H, W) to float32, augmented where ``numbers`` (N, num_random) are given."""
        if numbers is None:
            return self.normalize(images)
        if self.augment_last:
            return self.augment(self.normalize(images), numbers)
        return self.normalize(self.augment(images, numbers))

    def fitted(self, images: Tensor) -> Self:
        """The same with what it takes from the training images (uint8, as placed); most take nothing."""
        return self

    def normalize(self, images: Tensor) -> Tensor:
        """uint8 of shape (N, C, H, W) to float32 of the same shape."""
        raise NotImplementedError

    def displayed(self, images: Tensor, numbers: Tensor | None = None) -> Tensor:
        """The way back from ``normalize``: float32 (N, C, H, W) to uint8, what lies outside 0..255 clipped.

        ``numbers`` are those that the images were augmented with, if they were.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Transform(Preprocessing):
    """Pixels of 0..1 less ``mean``, divided by ``std``: one number a channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def normalize(self, images: Tensor) -> Tensor:
        """(p / 255 - mean) / std: uint8 of shape (N, C, H, W) to float32 of the same shape."""
        mean, std = per_channel(self.mean, images.device), per_channel(self.std, images.device)
        return images.float().mul_(1 / (255 * std)).sub_(mean / std)

    def displayed(self, images: Tensor, numbers: Tensor | None = None) -> Tensor:
        """255 (x std + mean), rounded: float32 of shape (N, C, H, W) to uint8."""
        mean, std = per_channel(self.mean, images.device), per_channel(self.std, images.device)
        return to_bytes((images * std + mean) * 255)


@dataclass(frozen=True, eq=False)
class LessMeanImage(Preprocessing):
    """Pixels of 0..255 less the mean of the training images at that pixel: ``mean_image``, float32 (C, H, W).

    Deviations and guesses: the 2012 code subtracts the middle of the mean image from a crop, wherever the crop was
    taken; here each pixel loses its own mean.
    """

    mean_image: Tensor | None = None

    def fitted(self, images: Tensor) -> Self:
        """With the mean of ``images``, exact but for one rounding; as it is where it has a mean image already."""
        if self.mean_image is not None:
            return self
        return replace(self, mean_image=(images.sum(0, dtype=torch.int64).double() / len(images)).float())

    def with_mean(self, mean_image: Tensor) -> Self:
        """With a mean image that was taken before, float32 (C, H, W)."""
        return replace(self, mean_image=mean_image)

    def normalize(self, images: Tensor) -> Tensor:
        """p - mean: uint8 of shape (N, C, H, W) to float32 of the same shape."""
        assert self.mean_image is not None, "the mean image is taken from the training images first: fitted(images)"
        return images - self.mean_image.to(images.device)

    def displayed(self, images: Tensor, numbers: Tensor | None = None) -> Tensor:
        """x + mean, rounded: float32 of shape (N, C, H, W) to uint8."""
        assert self.mean_image is not None, "the mean image is taken from the training images first: fitted(images)"
        mean = self.mean_image.to(images.device)
        if self.augment_last and numbers is not None:
            # A pixel that was moved lost the mean of the place it came from.
            mean = self.augment(mean.expand(len(images), -1, -1, -1), numbers)
        return to_bytes(images + mean)


@lru_cache(maxsize=32)
def per_channel(values: tuple[float, ...], device: torch.device) -> Tensor:
    """One number a channel, float32 (C, 1, 1), to be read only: it is made once a device.

    A GPU would be waited for each time that the host sends it numbers.
    """
    with torch.inference_mode(False):
        return torch.tensor(values, device=device).view(-1, 1, 1)


def to_bytes(values: Tensor) -> Tensor:
    """Rounded and clipped to 0..255: any float tensor to uint8."""
    return values.round().clamp(0, 255).to(torch.uint8)


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


def shrunk(images: Tensor, factor: int) -> Tensor:
    """Means over squares of ``factor`` pixels a side: uint8 (N, C, H, W) to (N, C, H / factor, W / factor)."""
    return F.avg_pool2d(images.float(), factor).round().to(torch.uint8)


def shape_after(steps: Preprocessing, stored: tuple[int, int, int]) -> tuple[int, ...]:
    """(C, H, W) of a training image of the shape ``stored``, as the network gets it."""
    image = steps.place(torch.zeros(1, *stored, dtype=torch.uint8))
    numbers = torch.zeros(1, steps.num_random) if steps.num_random else None
    return tuple(steps.fitted(image)(image, numbers).shape[1:])


# LeNet-5 (1998), section II.B: background -0.1, ink 1.175, so that mean and variance are about 0 and 1.
_LENET5_STD = (1 / (1.175 + 0.1),)
_LENET5_MEAN = (0.1 * _LENET5_STD[0],)

# Pixels as they are stored, 0 to 255: (p / 255 - 0) / (1 / 255).
_RAW_GREY = Transform((0.0,), (1 / 255,))
_RAW_COLOUR = Transform((0.0,) * 3, (1 / 255,) * 3)

DIGITS = {
    "lenet5": Transform(_LENET5_MEAN, _LENET5_STD, place=partial(placed, size=32, content=20)),
    # The Mark I perceptron's retina, filled to its edges; grey values from 0 to 1.
    "retina": Transform((0.0,), (1.0,), place=partial(placed, size=20, content=20)),
    "raw": _RAW_GREY,
}


def _of_grey(mean: float, std: float) -> dict[str, Preprocessing]:
    """Those of data sets like MNIST, 28x28 grey; ``mean`` and ``std`` of the training pixels from 0 to 1."""
    lenet5 = Transform(_LENET5_MEAN, _LENET5_STD, place=partial(placed, size=32, content=28))
    return {
        "lenet5": lenet5,
        "lenet5_distorted": replace(lenet5, augment=affine, num_random=NUM_RANDOM),
        "standard": Transform((mean,), (std,)),
        # Pixels / 256.
        "caffe": Transform((0.0,), (256 / 255,)),
        "raw": _RAW_GREY,
    }


def _of_colour(mean: tuple[float, ...], std: tuple[float, ...]) -> dict[str, Preprocessing]:
    """Those of data sets like CIFAR-10, 32x32 in colour; ``mean`` and ``std`` of the training pixels from 0 to 1."""
    return {
        "standard": Transform(mean, std),
        "crop_flip": Transform(mean, std, augment=shifted_and_flipped, num_random=3),
        # What is erased becomes the mean colour, which is 0 for the network.
        "crop_flip_cutout": Transform(mean, std, augment=shifted_flipped_and_cut_out, num_random=5, augment_last=True),
        "convnetjs": Transform(
            (0.5,) * 3, (1.0,) * 3, augment=partial(shifted_and_flipped, reach=2), num_random=3, augment_last=True
        ),
        "mean_image": LessMeanImage(),
        "cuda_convnet": LessMeanImage(augment=partial(cropped_and_flipped, size=24), num_random=3, augment_last=True),
        "raw": _RAW_COLOUR,
    }


MNIST = _of_grey(0.1307, 0.3081)
FASHION_MNIST = _of_grey(0.2860, 0.3530)
KMNIST = _of_grey(0.1918, 0.3483)
SYMMETRY = _RAW_GREY
CIFAR10 = _of_colour(MEAN_CIFAR10, STD_CIFAR10)
CIFAR100 = _of_colour((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))
# House numbers have a right and a left: nothing is mirrored.
SVHN = {
    name: steps
    for name, steps in _of_colour((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)).items()
    if name in ("standard", "mean_image", "raw")
}
_STL10 = Transform((0.4467, 0.4398, 0.4066), (0.2603, 0.2566, 0.2713))
_STL10_32 = replace(_STL10, place=partial(shrunk, factor=3))
STL10 = {
    "standard": _STL10,
    "crop_flip": replace(_STL10, augment=partial(shifted_and_flipped, reach=12), num_random=3),
    "standard_32": _STL10_32,
    "crop_flip_32": replace(_STL10_32, augment=shifted_and_flipped, num_random=3),
    "raw": _RAW_COLOUR,
}
