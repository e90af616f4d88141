"""CutMix: training images with a piece of another image in them, and the labels of both."""

import torch
from torch import Tensor


def cut_and_mixed(images: Tensor, labels: Tensor, probability: float) -> tuple[Tensor, Tensor, Tensor, float]:
    """Puts a rectangle of the next image of the batch into each one (Yun et al. 2019, section 3.2).

    With ``probability`` the images (N, C, H, W) are mixed, the rectangle at one place in all of them: its middle is any
    pixel, its area before it is cut at the edges a uniformly drawn share of the image. Returns the images, the labels
    (N,) of the larger part, those of the smaller part, and the larger part's share of the area, at least a half. The
    numbers come from torch's generator of the CPU, which is keyed by the step.
    """
    height, width = images.shape[2:]
    mixed, kept, row, column = torch.rand(4, device="cpu").tolist()
    if mixed >= probability:
        return images, labels, labels, 1.0
    side = (1 - kept) ** 0.5
    top, bottom = _span(row, side, height)
    left, right = _span(column, side, width)
    share = 1 - (bottom - top) * (right - left) / (height * width)
    images = images.clone()
    images[:, :, top:bottom, left:right] = images.roll(-1, 0)[:, :, top:bottom, left:right]
    if share >= 0.5:
        return images, labels, labels.roll(-1, 0), share
    return images, labels.roll(-1, 0), labels, 1 - share


def _span(middle: float, side: float, length: int) -> tuple[int, int]:
    """From where to where a piece of ``side`` times ``length`` pixels reaches, cut at the edges."""
    start, size = int(middle * length), int(side * length)
    return max(start - size // 2, 0), min(start - size // 2 + size, length)
