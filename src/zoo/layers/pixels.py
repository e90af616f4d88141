"""Distances between images of whole pixels, exact: integers far beyond float32's are summed in parts that it holds."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.errors import InputError

# float32 holds every whole number up to 2^24, in whatever order terms are added.
EXACT = 2**24
COLUMNS = EXACT // 255**2
BLOCK = 4
# Further than any distance: an image would need 10^16 pixels.
FAR = torch.iinfo(torch.int64).max
# Examples of each class whose distance is taken before any is ruled out.
FIRST = 8


def whole_pixels(images: Tensor) -> Tensor:
    """Images as uint8; raises InputError where a value is no whole number from 0 to 255."""
    if images.dtype == torch.uint8:
        return images
    pixels = images.to(torch.uint8)
    if not images.is_meta and not torch.equal(pixels.to(images.dtype), images):
        raise InputError("This network compares pixels from 0 to 255 as they are: set data.transform to raw.")
    return pixels


def squared_distances(x: Tensor, examples: Tensor) -> Tensor:
    """Sums of squared differences: uint8 (N, D) and (M, D) to int64 (N, M)."""
    a, b = x.float(), examples.float()
    norms = [rows.square().sum(dim=1, dtype=torch.int64) for rows in (a, b)]
    total = norms[0][:, None] + norms[1]
    for ours, theirs in zip(a.split(COLUMNS, dim=1), b.split(COLUMNS, dim=1), strict=True):
        total.sub_((ours @ theirs.T).long(), alpha=2)
    return total


def block_sums(images: Tensor) -> Tensor:
    """The sum of each 4x4 block of pixels: uint8 (N, C, H, W) to (N, C * (H / 4) * (W / 4)), what is left over unread.

    Two images differ by at least as much as their sums do.
    """
    side = min(BLOCK, *images.shape[2:])
    return F.avg_pool2d(images.to(_holding(images)), side, divisor_override=1).flatten(1)


def manhattan(images: Tensor, examples: Tensor, sums: Tensor, per_class: list[int], k: int) -> Tensor:
    """Sums of absolute differences: uint8 (N, C, H, W) and (M, C, H, W) to int64 (N, M).

    ``examples`` are ordered by class, ``per_class`` of them in each; ``sums`` are their block sums. An example whose
    sums alone differ too much to be among the ``k`` nearest, or the nearest of its class, is FAR instead: most are,
    which is what makes the exact search of CIFAR-10 take minutes.
    """
    found = torch.full((len(images), len(examples)), FAR, dtype=torch.int64, device=images.device)
    if images.is_meta:
        return found
    bounds = torch.cdist(block_sums(images), sums, p=1)
    for image, bound, row in zip(images, bounds, found, strict=True):
        starts = [part.topk(min(max(FIRST, k), len(part)), largest=False).indices for part in bound.split(per_class)]
        offsets = [sum(per_class[:c]) for c in range(len(per_class))]
        _measure(row, image, examples, torch.cat([s + offset for s, offset in zip(starts, offsets, strict=True)]))
        kth = row.topk(k, largest=False).values.amax()
        limits = [part.amin().clamp(min=kth).expand(len(part)) for part in row.split(per_class) if len(part)]
        _measure(row, image, examples, ((bound <= torch.cat(limits)) & (row == FAR)).nonzero().flatten())
    return found


def _measure(row: Tensor, image: Tensor, examples: Tensor, which: Tensor) -> None:
    dtype = _holding(image[None])
    theirs = examples.index_select(0, which).flatten(1).to(dtype)
    row[which] = torch.cdist(image.flatten()[None].to(dtype), theirs, p=1)[0].long()


def _holding(images: Tensor) -> torch.dtype:
    """The type whose whole numbers reach as far as the distance of two such images."""
    return torch.float32 if math.prod(images.shape[1:]) * 255 <= EXACT else torch.float64
