"""What stands before the trained weights of a perceptron: photocells, and units with fixed random wiring."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo import keyed


class Retina(nn.Module):
    """``side`` x ``side`` photocells that are on or off: images (N, C, H, W) of any scale to 0 and 1, (N, side**2).

    Channels are averaged to grey, other sizes brought to ``side`` by averaging areas. A cell is on where its grey
    value lies above the middle between the darkest and the lightest cell of its image, so that brightness and
    contrast, and with them the preprocessing, do not matter; on an image of one grey value all are off.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, images: Tensor) -> Tensor:
        """Grey, resized, thresholded."""
        grey = images.mean(dim=1, keepdim=True)
        if grey.shape[2:] != (self.side, self.side):
            grey = F.interpolate(grey, size=(self.side, self.side), mode="area")
        cells = grey.flatten(1)
        middle = (cells.amin(dim=1, keepdim=True) + cells.amax(dim=1, keepdim=True)) / 2
        return (cells > middle).to(cells.dtype)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return str(self.side)


class AUnits(nn.Module):
    """Association units (Rosenblatt 1958): each sums its own random points and fires at a threshold, all or nothing.

    (N, points) to 0 and 1, (N, units). A unit reads ``excitatory`` points with +1 and ``inhibitory`` others with -1
    and fires where the sum reaches ``threshold``. The wiring ``origins``, int64 (units, excitatory + inhibitory), is
    a pure function of ``seed``, is never trained, and is stored with the weights. Raises ValueError for more
    connections than points, and for a threshold that would be reached always or never.
    """

    origins: Tensor

    def __init__(self, points: int, units: int, excitatory: int, inhibitory: int, threshold: int, seed: int) -> None:
        super().__init__()
        if units < 1:
            raise ValueError(f"a perceptron has at least one A-unit, not {units}")
        if min(excitatory, inhibitory) < 0 or excitatory + inhibitory > points:
            raise ValueError(f"an A-unit cannot have {excitatory} + {inhibitory} origin points among {points}")
        if not -inhibitory < threshold <= excitatory:
            raise ValueError(
                f"a threshold of {threshold} never tells two images apart with {excitatory} excitatory and {inhibitory}"
                f" inhibitory connections: it lies from {1 - inhibitory} to {excitatory}"
            )
        self.threshold, self.seed = threshold, seed
        self.excitatory, self.inhibitory = excitatory, inhibitory
        # A unit's points are the first of its own random order of all points, so that no point comes twice.
        order = keyed.hashes(keyed.key(seed, "A-units"), torch.arange(units * points)).view(units, points)
        origins = order.argsort(dim=1, stable=True)[:, : excitatory + inhibitory]
        self.register_buffer("origins", origins.contiguous())

    def forward(self, points: Tensor) -> Tensor:
        """Points that are 0 and 1 have sums of whole numbers, so exact ones."""
        read = points[:, self.origins]
        sums = read[..., : self.excitatory].sum(dim=2) - read[..., self.excitatory :].sum(dim=2)
        return (sums >= self.threshold).to(points.dtype)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        wiring = f"excitatory={self.excitatory}, inhibitory={self.inhibitory}, threshold={self.threshold}"
        return f"{len(self.origins)}, {wiring}, seed={self.seed}"
