"""Views of images: shifted, cropped and mirrored copies, for training and for testing alike.

All functions take batches of shape (N, C, H, W) of any type and keep their type.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Group(NamedTuple):
    """Images of a batch that have equal shapes: ``rows`` are their places in the batch, int64 (n,).

    ``images`` holds them at one or more scales, (n, C, H, W) by the shorter side; they may still be bytes.
    """

    rows: Tensor
    images: dict[int, Tensor]


def cropped_and_flipped(images: Tensor, numbers: Tensor, size: int) -> Tensor:
    """A ``size`` x ``size`` crop at any place within each image, every second one mirrored.

    ``numbers`` (N, 3) in [0, 1) choose row, column and mirroring of each image.
    """
    n, channels, height, width = images.shape
    rows = (numbers[:, 0] * (height - size + 1)).long()[:, None] + torch.arange(size, device=images.device)
    columns = (numbers[:, 1] * (width - size + 1)).long()
    planes = torch.arange(n * channels, device=images.device).view(n, channels, 1) * (height * width)
    starts = planes + (rows * width + columns[:, None])[:, None]
    # A row of a crop lies in one piece: copying whole rows is several times faster than gathering pixels.
    pieces = images.flatten().unfold(0, size, 1) if n else images.new_empty(0, size)
    crops = pieces.index_select(0, starts.flatten()).view(n, channels, size, size)
    # So is whole images; torch.where, or copying into the mirrored ones, is slower on bytes than the rest together.
    mirrored = torch.arange(n, device=images.device) + n * (numbers[:, 2] < 0.5)
    return torch.cat([crops, crops.flip(3)]).index_select(0, mirrored)


def shifted_and_flipped(images: Tensor, numbers: Tensor, reach: int = 4) -> Tensor:
    """Shifts each square image by up to ``reach`` pixels (zero fill) and mirrors every second one.

    With 4 that is the usual "pad 4, crop 32, flip" of CIFAR-10. ``numbers`` (N, 3) as for ``cropped_and_flipped``.
    """
    return cropped_and_flipped(F.pad(images, (reach, reach, reach, reach)), numbers, images.shape[3])


def shifted_flipped_and_cut_out(images: Tensor, numbers: Tensor, reach: int = 4, side: int = 12) -> Tensor:
    """As ``shifted_and_flipped``, then a square of ``side`` pixels is erased: cutout (DeVries and Taylor 2017).

    Its middle is any pixel, so that part of it may lie outside. ``numbers`` (N, 5): the last two choose the middle.
    """
    moved = shifted_and_flipped(images, numbers[:, :3], reach)
    height, width = images.shape[2:]
    rows = torch.arange(height, device=images.device) - (numbers[:, 3:4] * height).long() + side // 2
    columns = torch.arange(width, device=images.device) - (numbers[:, 4:5] * width).long() + side // 2
    erased = ((rows >= 0) & (rows < side))[:, None, :, None] & ((columns >= 0) & (columns < side))[:, None, None, :]
    return moved * ~erased


def crop(images: Tensor, top: int, left: int, size: int) -> Tensor:
    """The ``size`` x ``size`` crop whose upper left pixel is (top, left), of all images alike."""
    return images[:, :, top : top + size, left : left + size]


def center(images: Tensor, size: int) -> Tensor:
    """The crop in the middle, rounded as in torchvision; the images themselves where they have that size already."""
    return crop(images, round((images.shape[2] - size) / 2), round((images.shape[3] - size) / 2), size)
