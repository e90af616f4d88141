"""What the neocognitron is made of (Fukushima 1980): S-cells, C-cells, and the names of the top cells."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def falling(size: int, decay: float) -> Tensor:
    """``decay`` to the power of the distance from the middle, in cells: float32 (size, size), 1 in the middle."""
    offsets = torch.arange(size) - (size - 1) / 2
    return decay ** torch.hypot(offsets[:, None], offsets[None, :])


def preferences(in_planes: int, planes: int, size: int) -> Tensor:
    """The weak orientation preference from which learning starts: float32 (planes, in_planes, size, size) in [0, 1].

    Plane k prefers a line through the middle, turned by 180 k / planes degrees, and input planes whose number, as a
    share of all, is near its own.
    """
    offsets = torch.arange(size) - (size - 1) / 2
    own = torch.arange(planes) / planes
    angle = math.pi * own.view(-1, 1, 1)
    distance = offsets[:, None] * torch.cos(angle) - offsets[None, :] * torch.sin(angle)
    line = torch.exp(-distance.square() / 2)
    near = 1 - (torch.arange(in_planes) / in_planes - own[:, None]).abs()
    return line[:, None] * (near[:, :, None, None] if in_planes > 1 else 1)


class SCells(nn.Module):
    """A layer of S-cells: excitation over shunting inhibition (Fukushima 1980).

    u = r relu((1 + sum a u') / (1 + 2r / (1 + r) b v) - 1) with the inhibitory cell v = sqrt(sum c u'^2), the sums over
    all planes and ``size`` x ``size`` places of the layer below: (N, in_planes, H, W) to (N, planes, H', W'). ``a``
    (planes, in_planes, size, size) and ``b`` (planes,) are learnt; ``c`` (size, size) is fixed, falls from the middle
    by ``decay`` a cell, and sums to 1 over places and planes. A cell whose input is far from what it has learnt is
    silent: once a and b are large, where the weighted cosine of the two is below r / (1 + r).
    """

    c: Tensor

    def __init__(
        self, in_planes: int, planes: int, size: int, padding: int, r: float, decay: float, initial: float
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding, self.r = size, 1, padding, r
        self.a = nn.Parameter(initial * preferences(in_planes, planes, size))
        self.b = nn.Parameter(torch.zeros(planes))
        weights = falling(size, decay)
        self.register_buffer("c", weights / (in_planes * weights.sum()))

    def inhibition(self, u: Tensor) -> Tensor:
        """The cells v, one a place: (N, in_planes, H, W) to (N, 1, H', W')."""
        squares = u.square().sum(dim=1, keepdim=True)
        around = F.unfold(squares, self.kernel_size, padding=self.padding)
        height, width = (side - self.kernel_size + 2 * self.padding + 1 for side in u.shape[2:])
        return (around * self.c.view(1, -1, 1)).sum(dim=1).sqrt().view(-1, 1, height, width)

    def forward(self, u: Tensor) -> Tensor:
        """The cells' outputs, 0 or more."""
        excitation = 1 + F.conv2d(u, self.a, padding=self.padding)
        shunt = 1 + 2 * self.r / (1 + self.r) * self.b[:, None, None] * self.inhibition(u)
        return self.r * F.relu(excitation / shunt - 1)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        planes, in_planes, size, _ = self.a.shape
        return f"{in_planes}, {planes}, size={size}, padding={self.padding}, r={self.r}"


class CCells(nn.Module):
    """A layer of C-cells: each gathers the S-cells of its own plane, inhibited by the mean of all planes.

    u = psi((1 + sum d u') / (1 + v) - 1), where v is the mean of sum d u' over the planes and psi(x) =
    relu(x) / (alpha + relu(x)): (N, planes, H, W) to (N, planes, H', W') within [0, 1) (Fukushima 1980).
    ``d`` (size, size) is fixed: ``strength`` in the middle, falling by ``decay`` a cell. A negative ``padding`` leaves
    out the outermost S-cells.
    """

    d: Tensor

    def __init__(self, size: int, padding: int, alpha: float, decay: float, strength: float) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding, self.alpha = size, 1, padding, alpha
        self.register_buffer("d", strength * falling(size, decay))

    def forward(self, u: Tensor) -> Tensor:
        """The cells' outputs: all planes share ``d``, so each is an image of its own to the convolution."""
        padded = F.pad(u, (self.padding,) * 4)
        gathered = F.conv2d(padded.flatten(0, 1)[:, None], self.d[None, None])
        excitation = gathered.view(*u.shape[:2], *gathered.shape[2:])
        x = F.relu((1 + excitation) / (1 + excitation.mean(dim=1, keepdim=True)) - 1)
        return x / (self.alpha + x)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return f"size={self.kernel_size}, padding={self.padding}, alpha={self.alpha}"


class TopCells(nn.Module):
    """Names the cells of the last layer, which no teacher has named: (N, planes, 1, 1) to logits (N, num_classes).

    ``answered`` (planes, num_classes) holds each cell's outputs to each class, summed over the presentations of
    training; a cell has the name of the class where its sum is largest, or none. The logit of a class is the largest
    output among the cells of its name. All logits are NaN where no named cell answers: then no class is right.
    """

    answered: Tensor

    def __init__(self, planes: int, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("answered", torch.zeros(planes, num_classes))

    @property
    def names(self) -> Tensor:
        """The class of each cell, -1 for a cell that has none: int64 (planes,)."""
        most, name = self.answered.max(dim=1)
        return torch.where(most > 0, name, -1)

    def note(self, u: Tensor, labels: Tensor) -> None:
        """Adds outputs (N, planes, 1, 1) to what the cells have answered to ``labels`` (N,)."""
        self.answered += u.flatten(1).T @ F.one_hot(labels, self.answered.shape[1]).to(u.dtype)

    def forward(self, u: Tensor) -> Tensor:
        """The strongest answer for each class."""
        named = self.names[:, None] == torch.arange(self.answered.shape[1], device=u.device)
        logits = (u.flatten(1)[:, :, None] * named).amax(dim=1)
        return torch.where(logits.amax(dim=1, keepdim=True) > 0, logits, math.nan)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return "{}, {}".format(*self.answered.shape)
