"""Planar affine distortions of digits (LeCun et al. 1998, section III.A)."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Guesses, see ``affine``.
SHIFT = 1.25  # pixels, to each side and up and down
SCALE = 0.1  # the logarithm of the size
SQUEEZE = 0.1  # the logarithm of width over height, at equal area
SHEAR = 0.2  # columns a row
NUM_RANDOM = 5


def affine(images: Tensor, numbers: Tensor) -> Tensor:
    """Shifts, scales, squeezes and shears each image by its own uniform ``numbers`` (N, 5), bilinearly, on zeros.

    uint8 (N, C, H, W) to the same; each kind is uniform between its size to one side and to the other.

    Deviations and guesses: the paper names the four kinds and gives no sizes; these were found on held-out images.
    """
    dx, dy, scale, squeeze, shear = (2 * numbers - 1).unbind(dim=1)
    width, height = images.shape[3], images.shape[2]
    # grid_sample asks where in the source each pixel of the result comes from, on -1..1 from edge to edge.
    across, down = torch.exp(SCALE * scale + SQUEEZE * squeeze), torch.exp(SCALE * scale - SQUEEZE * squeeze)
    zero = torch.zeros_like(dx)
    rows = [
        torch.stack([across, SHEAR * shear * height / width, SHIFT * dx * 2 / width], dim=1),
        torch.stack([zero, down, SHIFT * dy * 2 / height], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return F.grid_sample(images.float(), grid, align_corners=False).round().to(torch.uint8)
