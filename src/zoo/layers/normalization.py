"""Response normalisation, as it was before batch normalisation."""

from typing import Any

import torch
from torch import Tensor, nn


class SameMapNorm(nn.Module):
    """Local response normalisation within each map ("rnorm" in cuda-convnet, 2011).

    b = a / (k + alpha * sum a'^2)^beta over the ``size`` x ``size`` pixels a' around a in its own map, clipped at the
    edges. ``alpha`` multiplies the sum: cuda-convnet's scale is ``size``^2 times that, and its k is 1.
    (N, C, H, W) to the same; 16-bit numbers are squared and summed in 32 bits. Raises ValueError where ``size`` is
    even, which has no pixel in its middle.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float) -> None:
        super().__init__()
        if size < 1 or size % 2 == 0:
            raise ValueError(f"a neighbourhood around a pixel has an odd side, not {size}")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        """Normalises; a pooling that divides by 1 is the sum over the neighbourhood."""
        squares = x.float().square() if x.dtype in (torch.bfloat16, torch.float16) else x.square()
        total = nn.functional.avg_pool2d(squares, self.size, stride=1, padding=self.size // 2, divisor_override=1)
        return x * (self.k + self.alpha * total).pow(-self.beta).to(x.dtype)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class ResponseNorm(nn.Module):
    """Local response normalisation across neighbouring maps (Krizhevsky et al. 2012, section 3.3).

    b_i = a_i / (k + alpha * sum a_j^2)^beta over the ``size`` maps j around i, clipped at the borders of each of
    ``groups`` equal parts: in 2012 a window ended where its GPU's maps ended. ``alpha`` multiplies the sum, as the
    paper's formula has it; torch's LocalResponseNorm divides its own by ``size`` first. (N, C, H, W) to the same;
    16-bit numbers are squared and summed in 32 bits. Raises ValueError where the maps do not split into ``groups``.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float, groups: int = 1) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k, self.groups = size, alpha, beta, k, groups

    def forward(self, x: Tensor) -> Tensor:
        """Normalises; a banded sum over shifted copies is exact, deterministic and faster than 3-D pooling."""
        if x.shape[1] % self.groups:
            raise ValueError(f"{x.shape[1]} maps do not split into {self.groups} equal groups")
        y, _ = _CrossMapNorm.apply(x, self.size, self.alpha, self.beta, self.k, self.groups)
        return y

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}, groups={self.groups}"


class _CrossMapNorm(torch.autograd.Function):
    """y = x b^-beta with b = k + alpha * sum x^2; keeps x and b for the way back, where autograd would keep nine."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, size: int, alpha: float, beta: float, k: float, groups: int) -> tuple[Tensor, Tensor]:
        base = _base(x, size, alpha, k, groups)
        return _power(base, beta).mul_(x).to(x.dtype), base

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        x, *ctx.constants = inputs
        ctx.save_for_backward(x, output[1])
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, slope: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        if slope is None:
            return (None,) * 6
        (x, base), (size, alpha, beta, k, groups) = ctx.saved_tensors, ctx.constants
        before, after, factor = size - 1 - size // 2, size // 2, -2 * alpha * beta
        # dL/dx_j = g_j b_j^-beta - 2 alpha beta x_j sum_i g_i x_i b_i^(-beta-1), over the windows i that hold j.
        if torch.is_grad_enabled():
            # A second derivative is asked for: to it the saved sum would be a constant, and nothing may be overwritten.
            base = _base(x, size, alpha, k, groups)
            scaled = slope * base.pow(-beta)
            found = scaled + factor * x * _window_sums(scaled * x / base, before, after, groups)
        else:
            wide = x.to(base.dtype)
            scaled = _power(base, beta).mul_(slope)
            others = _window_sums((scaled * wide).div_(base), before, after, groups)
            found = scaled.addcmul_(others, wide, value=factor)
        return found.to(x.dtype), *(None,) * 5


def _base(x: Tensor, size: int, alpha: float, k: float, groups: int) -> Tensor:
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return _window_sums(wide.square(), size // 2, size - 1 - size // 2, groups).mul_(alpha).add_(k)


def _window_sums(x: Tensor, before: int, after: int, groups: int) -> Tensor:
    """Sums over the maps i - before .. i + after around each map i, within its group."""
    parts = x.unflatten(1, (groups, -1))
    total, last = parts.clone(), parts.shape[2] - 1
    for shift in range(1, min(before, last) + 1):
        total[:, :, shift:].add_(parts[:, :, :-shift])
    for shift in range(1, min(after, last) + 1):
        total[:, :, :-shift].add_(parts[:, :, shift:])
    return total.flatten(1, 2)


def _power(base: Tensor, beta: float) -> Tensor:
    """base^-beta; for the paper's 3/4 by roots, which cost a fraction of a power."""
    return base.sqrt().mul_(base).rsqrt_() if beta == 0.75 else base.pow(-beta)
