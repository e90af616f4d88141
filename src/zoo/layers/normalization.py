"""Response normalisation, as it was before batch normalisation."""

import torch.nn.functional as F
from torch import Tensor, nn


class SameMapNorm(nn.Module):
    """Local response normalisation within each map ("rnorm" in cuda-convnet, 2011).

    b = a / (k + alpha * sum a'^2)^beta over the ``size`` x ``size`` pixels a' around a in its own map, clipped at the
    edges. ``alpha`` multiplies the sum: cuda-convnet's scale is ``size``^2 times that, and its k is 1.
    (N, C, H, W) to the same; raises ValueError where ``size`` is even, which has no pixel in its middle.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float) -> None:
        super().__init__()
        if size < 1 or size % 2 == 0:
            raise ValueError(f"a neighbourhood around a pixel has an odd side, not {size}")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        """Normalises; a pooling that divides by 1 is the sum over the neighbourhood."""
        total = nn.functional.avg_pool2d(x.square(), self.size, stride=1, padding=self.size // 2, divisor_override=1)
        return x * (self.k + self.alpha * total).pow(-self.beta)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class ResponseNorm(nn.Module):
    """Local response normalisation across neighbouring maps (Krizhevsky et al. 2012, section 3.3).

    b_i = a_i / (k + alpha * sum a_j^2)^beta over the ``size`` maps j around i, clipped at the borders of each of
    ``groups`` equal parts: in 2012 a window ended where its GPU's maps ended. ``alpha`` multiplies the sum, as the
    paper's formula has it; torch's LocalResponseNorm divides its own by ``size`` first. (N, C, H, W) to the same.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float, groups: int = 1) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k, self.groups = size, alpha, beta, k, groups

    def forward(self, x: Tensor) -> Tensor:
        """Normalises; a banded sum over shifted copies is exact, deterministic and faster than 3-D pooling."""
        n, maps, height, width = x.shape
        part = maps // self.groups
        squares = x.square().view(n, self.groups, part, height, width)
        half = self.size // 2
        padded = F.pad(squares, (0, 0, 0, 0, half, self.size - 1 - half))
        total = padded[:, :, :part]
        for shift in range(1, self.size):
            total = total + padded[:, :, shift : shift + part]
        return x * (self.k + self.alpha * total.reshape(x.shape)).pow(-self.beta)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}, groups={self.groups}"
