"""How a photograph of any size becomes a network's input: each paper's preprocessing for ImageNet, under its name.

Geometry is done on the decoded picture and stays uint8; colour is done on whole batches, on the device.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zoo.data.transforms import to_bytes
from zoo.errors import InputError

Crop = Callable[[Image.Image, Sequence[float]], Image.Image]

# Principal components of ImageNet's RGB values (0..255) as the 2012 authors' own data files hold them: standard
# deviations, and the components as rows.
PCA_STD = torch.tensor([121.780, 37.094, 19.721])
PCA_COMPONENTS = torch.tensor([[-0.5635, -0.5762, -0.5920], [-0.7126, -0.0235, 0.7012], [0.4180, -0.8170, 0.3973]])


def read_rgb(path: Path) -> Image.Image:
    """The decoded picture in RGB, whatever its mode. Raises InputError naming the file where it cannot be decoded."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is not a readable picture ({error}): replace or remove it.") from error


def scale_short_side(image: Image.Image, side: int) -> Image.Image:
    """Scales without distortion, bilinear with antialiasing, so that the shorter side has ``side`` pixels."""
    width, height = image.size
    short = min(width, height)
    # Whole numbers throughout: width * (side / short) falls one short of some products that are whole.
    return image.resize((side * width // short, side * height // short), Image.Resampling.BILINEAR)


def warp(image: Image.Image, side: int) -> Image.Image:
    """Scales to a square of ``side`` pixels whatever the shape, bilinear with antialiasing, as Caffe's examples do."""
    return image.resize((side, side), Image.Resampling.BILINEAR)


@dataclass(frozen=True)
class PhotoTransform:
    """Preprocessing for photographs; ``mean`` and ``std`` a channel on the 0..255 scale.

    ``crop`` takes the picture and ``num_random`` uniform numbers to a picture of ``size`` pixels a side. At test time
    it is the centre of the picture that ``scale`` has brought to ``short_side`` pixels. ``color_noise`` is the standard
    deviation of the factors on the principal components.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    crop: Crop
    num_random: int = 3
    color_noise: float = 0.0
    size: int = 224
    short_side: int = 256
    scale: Callable[[Image.Image, int], Image.Image] = scale_short_side

    def random(self, image: Image.Image, numbers: Sequence[float]) -> Tensor:
        """A training view: uint8 (3, size, size), mirrored where the last of ``numbers`` is under 0.5."""
        view = self.crop(image, numbers)
        return _tensor(view.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if numbers[-1] < 0.5 else view)

    def central(self, image: Image.Image) -> Tensor:
        """The test view: scaled, then the centre crop; uint8 (3, size, size)."""
        scaled = self.scale(image, self.short_side)
        left, top = (round((side - self.size) / 2) for side in scaled.size)
        return _tensor(scaled.crop((left, top, left + self.size, top + self.size)))

    def color_shifts(self, normals: Tensor) -> Tensor:
        """What is added to the RGB values of each image: normals (N, 3) to shifts (N, 3) on the 0..255 scale."""
        return normals * self.color_noise * PCA_STD @ PCA_COMPONENTS

    def normalize(self, images: Tensor, shifts: Tensor) -> Tensor:
        """(p + shift - mean) / std: uint8 (N, 3, S, S) and (N, 3) to float32 (N, 3, S, S)."""
        mean, std = (torch.tensor(v, device=images.device).view(3, 1, 1) for v in (self.mean, self.std))
        return (images.float() + (shifts[:, :, None, None] - mean)) / std

    def picture(self, images: Tensor) -> Tensor:
        """x std + mean, rounded and clipped: float32 (N, 3, S, S) to uint8; a colour shift stays visible."""
        mean, std = (torch.tensor(v, device=images.device).view(3, 1, 1) for v in (self.mean, self.std))
        return to_bytes(images * std + mean)


def crop_from_center_square(image: Image.Image, numbers: Sequence[float]) -> Image.Image:
    """AlexNet (section 2 and 4.1): a random 224x224 part of the centre 256x256, 33 offsets each way."""
    scaled = scale_short_side(image, 256)
    left, top = ((side - 256) // 2 + int(number * 33) for side, number in zip(scaled.size, numbers, strict=False))
    return scaled.crop((left, top, left + 224, top + 224))


def crop_from_warped(image: Image.Image, numbers: Sequence[float]) -> Image.Image:
    """Caffe's AlexNet: a random 227x227 part of the picture warped to 256x256, 30 offsets each way."""
    left, top = (int(number * 30) for number in numbers[:2])
    return warp(image, 256).crop((left, top, left + 227, top + 227))


def crop_anywhere(image: Image.Image, numbers: Sequence[float]) -> Image.Image:
    """VGG (section 3.1, S = 256): a random 224x224 part of the picture scaled to a short side of 256."""
    scaled = scale_short_side(image, 256)
    left, top = (int(number * (side - 223)) for side, number in zip(scaled.size, numbers, strict=False))
    return scaled.crop((left, top, left + 224, top + 224))


def random_resized_crop(image: Image.Image, numbers: Sequence[float]) -> Image.Image:
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


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())


TRANSFORMS = {
    # The mean colour stands for the mean image; both papers feed pixels of 0..255 less their mean.
    "alexnet": PhotoTransform((127.30, 119.72, 104.91), (1, 1, 1), crop_from_center_square, color_noise=0.1),
    # The mean colour of Caffe's mean image, whose file is not shipped.
    "caffe": PhotoTransform((122.679, 116.669, 104.007), (1, 1, 1), crop_from_warped, size=227, scale=warp),
    "vgg": PhotoTransform((123.68, 116.779, 103.939), (1, 1, 1), crop_anywhere, color_noise=0.1),
    "torchvision": PhotoTransform(
        (0.485 * 255, 0.456 * 255, 0.406 * 255), (0.229 * 255, 0.224 * 255, 0.225 * 255), random_resized_crop, 41
    ),
}
