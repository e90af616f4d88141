"""How a photograph of any size becomes a network's input: each paper's preprocessing for ImageNet, under its name.

Geometry is done on the decoded photo and stays uint8; colour is done on whole batches, on the device.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zoo.data.photos.crops import (
    P,
    Photo,
    crop_anywhere,
    crop_anywhere_at_384,
    crop_at_any_scale,
    crop_from_center_square,
    crop_from_warped,
    random_resized_crop,
    scale_short_side,
    warp,
)
from zoo.data.photos.decoders import write_planes
from zoo.data.transforms import per_channel, to_bytes
from zoo.errors import InputError

# Any photo to one of the same kind, which a Callable cannot say.
Crop = Callable[[Any, Sequence[float]], Any]

# Principal components of ImageNet's RGB values (0..255) as the 2012 authors' own data files hold them: standard
# deviations, and the components as rows.
PCA_STD = torch.tensor([121.780, 37.094, 19.721])
PCA_COMPONENTS = torch.tensor([[-0.5635, -0.5762, -0.5920], [-0.7126, -0.0235, 0.7012], [0.4180, -0.8170, 0.3973]])

# Memory that a CPU's caches hold, for images that are made float32 there.
IMAGES_AT_ONCE = 2


@dataclass(frozen=True, eq=False)
class PhotoTransform:
    """Preprocessing for photographs; ``mean`` and ``std`` a channel on the 0..255 scale.

    ``crop`` takes the photo and ``num_random`` uniform numbers to a photo of ``size`` pixels a side. At test time
    it is the centre of the photo that ``scale`` has brought to ``short_side`` pixels. ``color_noise`` is the standard
    deviation of the factors on the principal components (the rows of ``components``), which are as long as the standard
    deviations ``spread`` or, where ``eigenvalues``, as the eigenvalues of pixels of 0..1. Training images, less their
    mean and with their noise, are divided by ``divisor``.

    Where ``with_mean_image``, the middle of ``mean_image`` (float32 (3, 256, 256), from ``fitted``) takes the place of
    the mean colour, wherever a crop was taken, as the 2012 code has it; where ``with_own_colors``, the components too
    are the data's own.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    crop: Crop
    num_random: int = 3
    color_noise: float = 0.0
    size: int = 224
    short_side: int = 256
    scale: Callable[[Any, int], Any] = scale_short_side
    spread: Tensor = PCA_STD
    components: Tensor = PCA_COMPONENTS
    eigenvalues: bool = False
    divisor: float = 1.0
    with_mean_image: bool = False
    with_own_colors: bool = False
    mean_image: Tensor | None = None

    def fitted(self, statistics: Any, *, everything: bool = False) -> Self:
        """The same with the mean image of ``statistics`` (a PixelStatistics of 256x256 photos), where it takes one.

        Where ``everything``, with their mean colour and principal components too.
        """
        own: dict[str, Any] = {"mean_image": torch.from_numpy(statistics.mean_image)} if self.with_mean_image else {}
        if everything:
            own |= {name: torch.from_numpy(getattr(statistics, from_)).float() for name, from_ in _COLORS.items()}
            own["mean"] = tuple(statistics.mean.tolist())
        return replace(self, **own)

    def random(self, image: Photo, numbers: Sequence[float]) -> Tensor:
        """A training view: uint8 (3, size, size), mirrored where the last of ``numbers`` is under 0.5."""
        return planes_of(self.random_view(image, numbers))

    def random_view(self, image: P, numbers: Sequence[float]) -> P:
        """The same as a photo."""
        view: P = self.crop(image, numbers)
        return view.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if numbers[-1] < 0.5 else view

    def central(self, image: Photo) -> Tensor:
        """The test view: scaled, then the centre crop; uint8 (3, size, size)."""
        return planes_of(self.central_view(image))

    def central_view(self, image: P) -> P:
        """The same as a photo."""
        scaled: P = self.scale(image, self.short_side)
        left, top = (round((side - self.size) / 2) for side in scaled.size)
        return scaled.crop((left, top, left + self.size, top + self.size))

    def color_shifts(self, normals: Tensor) -> Tensor:
        """What is added to the RGB values of each image: normals (N, 3) to shifts (N, 3) on the 0..255 scale.

        A fourth column has the divisor of the image, where it is not 1.
        """
        spread = self.spread.square() / 255 if self.eigenvalues else self.spread
        shifts = normals * self.color_noise * spread @ self.components
        if self.divisor == 1:
            return shifts
        return torch.cat([shifts, shifts.new_full((len(shifts), 1), self.divisor)], dim=1)

    def normalize(self, images: Tensor, shifts: Tensor) -> Tensor:
        """(p + shift - mean) / std / divisor: uint8 (N, 3, H, W) to float32 of that shape.

        ``shifts`` (N, 3) or (N, 4) are from ``color_shifts``, zeros (N, 3) at test time.
        """
        std = per_channel(self.std, images.device)
        offsets, mean = shifts[:, :3, None, None], self._mean(images)
        made = torch.empty(images.shape, device=images.device)
        # A fresh batch of floats is larger than a CPU's caches: there all steps are done on a few images at a time.
        step = max(1, len(images)) if images.is_cuda else IMAGES_AT_ONCE
        parts = (each.split(step) for each in (made, images, offsets, shifts))
        for part, pixels, offset, shift in zip(*parts, strict=True):
            part.copy_(pixels).add_(offset - mean)
            if self.std != (1, 1, 1):
                part.div_(std)
            if shifts.shape[1] > 3:
                part.div_(shift[:, 3, None, None, None])
        return made

    def displayed(self, images: Tensor) -> Tensor:
        """x std + mean, rounded and clipped: float32 (N, 3, H, W) to uint8; colours stay as training made them."""
        std = per_channel(self.std, images.device)
        return to_bytes(images * std + self._mean(images))

    def _mean(self, images: Tensor) -> Tensor:
        """What is subtracted: (3, 1, 1), or (3, H, W) of the mean image."""
        if not self.with_mean_image:
            return per_channel(self.mean, images.device)
        assert self.mean_image is not None, "the mean image is taken from the training images first: fitted(statistics)"
        margins = [have - want for have, want in zip(self.mean_image.shape[1:], images.shape[2:], strict=True)]
        if min(margins) < 0:
            raise InputError(
                f"Images of {images.shape[3]}x{images.shape[2]} pixels are larger than the mean image: use a transform"
                " that subtracts the mean colour, such as alexnet."
            )
        top, left = (margin // 2 for margin in margins)
        middle = self.mean_image[:, top : top + images.shape[2], left : left + images.shape[3]]
        return middle.to(images.device, non_blocking=True)


def planes_of(image: Photo) -> Tensor:
    """The pixels: uint8 (3, height, width)."""
    width, height = image.size
    planes = np.empty((3, height, width), np.uint8)
    write_planes(image, planes)
    return torch.from_numpy(planes)


def made_small(image: Image.Image, stored: tuple[int, int, int]) -> Tensor:
    """The centre square of an image in RGB, scaled, bilinear with antialiasing: uint8 of the shape ``stored``.

    ``stored`` is (1, S, S), for grey, or (3, S, S).
    """
    channels, _, side = stored
    image = image.convert("L") if channels == 1 else image
    if image.size != (side, side):
        image = scale_short_side(image, side)
        left, top = ((length - side) // 2 for length in image.size)
        image = image.crop((left, top, left + side, top + side))
    return torch.from_numpy(np.asarray(image).copy())[None] if channels == 1 else planes_of(image)


_COLORS = {"spread": "std", "components": "components"}
# The mean colour stands for the mean image; both papers feed pixels of 0..255 less their mean.
_ALEXNET = PhotoTransform((127.30, 119.72, 104.91), (1, 1, 1), crop_from_center_square, color_noise=0.1)
_VGG = PhotoTransform((123.68, 116.779, 103.939), (1, 1, 1), crop_anywhere, color_noise=0.1)

Name = Literal[
    "alexnet",
    "alexnet_mean_image",
    "alexnet_own",
    "alexnet_code",
    "alexnet_formula",
    "caffe",
    "vgg",
    "vgg_384",
    "vgg_256_512",
    "torchvision",
]
TRANSFORMS: dict[str, PhotoTransform] = {
    "alexnet": _ALEXNET,
    "alexnet_mean_image": replace(_ALEXNET, with_mean_image=True),
    # Mean image and principal components of the training images at hand, not of the authors' files.
    "alexnet_own": replace(_ALEXNET, with_mean_image=True, with_own_colors=True),
    # The 2012 code divides by 1 + the noise, "so that the overall scale" stays that of test images, which have none.
    "alexnet_code": replace(_ALEXNET, with_mean_image=True, divisor=1.1),
    # The paper's sum of p_i alpha_i lambda_i, lambda being eigenvalues. It does not give the pixels' scale: on 0..255
    # the first would be 14,830 and drown the photo; on 0..1, as later code has it, it is 0.228.
    "alexnet_formula": replace(_ALEXNET, eigenvalues=True),
    # The mean colour of Caffe's mean image, whose file is not shipped.
    "caffe": PhotoTransform((122.679, 116.669, 104.007), (1, 1, 1), crop_from_warped, size=227, scale=warp),
    "vgg": _VGG,
    "vgg_384": replace(_VGG, crop=crop_anywhere_at_384, short_side=384),
    # Measured at Q = 384, as the paper measures networks of jittered scale (Table 3).
    "vgg_256_512": replace(_VGG, crop=crop_at_any_scale, num_random=4, short_side=384),
    "torchvision": PhotoTransform(
        (0.485 * 255, 0.456 * 255, 0.406 * 255), (0.229 * 255, 0.224 * 255, 0.225 * 255), random_resized_crop, 41
    ),
}
