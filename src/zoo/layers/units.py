"""Units that are not a function of one number."""

import torch
from torch import Tensor, nn


class Maxout(nn.Module):
    """The largest of ``pieces`` linear functions a unit (Goodfellow et al. 2013): (N, pieces * units) to (N, units)."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """Takes the maximum over neighbouring groups of ``pieces`` numbers."""
        return x.unflatten(1, (-1, self.pieces)).amax(dim=2)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return str(self.pieces)


class UnscaledDropout(nn.Dropout):
    """Dropout as it was in 2012: units are left out with probability p, and at test time all are multiplied by 1 - p.

    torch's Dropout divides by 1 - p while training instead. What is expected is the same; but the same weights make
    sums 1 / (1 - p) times as large there, and the same step of theirs moves the sums that much further. (Krizhevsky et
    al. 2012, section 4.2.) Any shape to the same shape.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Leaves units out while training, scales all of them at test time."""
        if not self.training:
            return x * (1 - self.p)
        return x * torch.empty_like(x).bernoulli_(1 - self.p)


class OneUnit(nn.Module):
    """Two classes from one logistic unit y: net inputs z (N, 1) to logits (0, z) (N, 2), whose softmax is 1 - y, y."""

    def forward(self, x: Tensor) -> Tensor:
        """Puts a 0 before the net input."""
        return torch.cat([torch.zeros_like(x), x], dim=1)
