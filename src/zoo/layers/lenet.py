"""What LeNet-5 is made of (LeCun, Bottou, Bengio and Haffner 1998, section II.B and Appendix A)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ScaledTanh(nn.Module):
    """1.7159 tanh(2x/3): the squashing function of LeNet-5, f(1) = 1 and f(-1) = -1 (LeCun et al. 1998, App. A)."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        return 1.7159 * torch.tanh(x * (2 / 3))


class Subsampling(nn.Module):
    """Sum over 2x2 neighbours times one coefficient plus one bias a map (LeCun et al. 1998, section II.B, S2 and S4).

    (N, maps, H, W) to (N, maps, H/2, W/2); raises ValueError where H or W is odd.
    """

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.empty(maps))
        self.bias = nn.Parameter(torch.zeros(maps))

    def forward(self, x: Tensor) -> Tensor:
        """Sums, scales and shifts; the squashing function is a layer of its own."""
        n, maps, height, width = x.shape
        if height % 2 or width % 2:
            raise ValueError(f"2x2 subsampling does not fit a {height}x{width} map")
        total = x.reshape(n, maps, height // 2, 2, width // 2, 2).sum(dim=(3, 5))
        return total * self.coefficient[:, None, None] + self.bias[:, None, None]

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return str(len(self.coefficient))


class TableConv2d(nn.Module):
    """A convolution whose output maps each read only the input maps that a table names (C3 of LeNet-5, Table I).

    ``table[o]`` lists the input maps of output map o. Only the kernels that exist are parameters:
    ``weight`` has shape (kernels, size, size), in the order of the table.
    """

    out_index: Tensor
    in_index: Tensor

    def __init__(self, table: tuple[tuple[int, ...], ...], in_maps: int, size: int) -> None:
        super().__init__()
        self.table, self.in_channels, self.out_channels = table, in_maps, len(table)
        self.kernel_size, self.stride, self.padding = (size, size), (1, 1), (0, 0)
        pairs = [(o, i) for o, row in enumerate(table) for i in row]
        self.weight = nn.Parameter(torch.empty(len(pairs), size, size))
        self.bias = nn.Parameter(torch.zeros(len(table)))
        self.register_buffer("out_index", torch.tensor([o for o, _ in pairs]), persistent=False)
        self.register_buffer("in_index", torch.tensor([i for _, i in pairs]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_maps, H, W) to (N, len(table), H - size + 1, W - size + 1)."""
        # One dense convolution with zeros where there is no connection is faster than sixteen small ones.
        dense = self.weight.new_zeros(self.out_channels, self.in_channels, *self.kernel_size)
        return F.conv2d(x, dense.index_put((self.out_index, self.in_index), self.weight), self.bias)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return f"{self.in_channels}, {self.out_channels}, kernels={len(self.weight)}, kernel_size={self.kernel_size}"


class RBF(nn.Module):
    """Euclidean radial basis functions: squared distances to fixed codes (LeCun et al. 1998, equation 7).

    (N, features) to (N, classes); ``codes`` has shape (classes, features) and is not trained.
    """

    codes: Tensor

    def __init__(self, codes: Tensor) -> None:
        super().__init__()
        self.register_buffer("codes", codes)

    def forward(self, x: Tensor) -> Tensor:
        """Small is a good match: the class is the argmin. Logits are the negatives."""
        return (x[:, None, :] - self.codes).square().sum(dim=-1)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return "{1}, {0}".format(*self.codes.shape)


class Negative(nn.Module):
    """-x / scale: turns distances into logits."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        return -x / self.scale

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return f"scale={self.scale}"
