"""Locally connected layers: convolutions that share no weights between places."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Local2d(nn.Module):
    """A convolution of stride 1 with its own filters and biases at every place ("local" in cuda-convnet, 2011).

    (N, in_channels, S, S) to (N, out_channels, T, T) where T = S - kernel_size + 2 * padding + 1, with S the
    ``input_size`` and zeros as padding. ``weight[y, x]`` of shape (out_channels, in_channels, kernel_size, kernel_size)
    and ``bias[:, y, x]`` belong to the place (y, x) of the output. Raises ValueError where no place is left, or for
    images of another size.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, input_size: int, padding: int = 0):
        super().__init__()
        side = input_size - kernel_size + 2 * padding + 1
        if side < 1:
            raise ValueError(f"a local {kernel_size}x{kernel_size} layer does not fit a {input_size}x{input_size} map")
        self.in_channels, self.out_channels, self.input_size = in_channels, out_channels, input_size
        self.kernel_size, self.stride, self.padding = kernel_size, 1, padding
        self.weight = nn.Parameter(torch.empty(side, side, out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(out_channels, side, side))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights and biases uniform within 1/sqrt(fan-in), as torch's convolutions start."""
        bound = (self.in_channels * self.kernel_size**2) ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """One matrix product a place, all places at once: every weight is used once an image."""
        if x.shape[2] != self.input_size or x.shape[3] != self.input_size:
            raise ValueError(f"a local layer made for {self.input_size}x{self.input_size} maps got {tuple(x.shape)}")
        side, size = self.weight.shape[0], self.kernel_size
        # Images last: the copies into patches are contiguous, twice as fast as F.unfold with its gradient on a CPU.
        padded = F.pad(x.permute(2, 3, 1, 0), (0, 0, 0, 0, *[self.padding] * 4))
        shifted = [padded[i : i + side, j : j + side] for i in range(size) for j in range(size)]
        patches = torch.stack(shifted, dim=3).flatten(2, 3).flatten(0, 1)
        sums = torch.bmm(self.weight.flatten(3).flatten(0, 1), patches)
        return sums.permute(2, 1, 0).reshape(x.shape[0], *self.bias.shape) + self.bias

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        side = self.weight.shape[0]
        shape = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, padding={self.padding}"
        return f"{shape}, places={side}x{side}"
