"""A network layer by layer: geometry, parameters, multiply-accumulates, and where a filter does not fit its input."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zoo.layers import (
    HOG,
    RBF,
    Maxout,
    Neighbours,
    PixelNeighbours,
    PrincipalComponents,
    ResponseNorm,
    Subsampling,
    TableConv2d,
)
from zoo.models.network import Network

# Layers with a word of their own. What is not here and has no parameters works number by number (an activation,
# dropout, flatten): it is a Row under its class's name, and a table can leave it out.
KINDS: dict[type[nn.Module], str] = {
    nn.Conv2d: "conv",
    TableConv2d: "table conv",
    nn.MaxPool2d: "max-pool",
    nn.AvgPool2d: "avg-pool",
    Subsampling: "subsampling",
    nn.ZeroPad2d: "zero pad",
    ResponseNorm: "response norm",
    nn.BatchNorm2d: "batchnorm",
    nn.Linear: "linear",
    Maxout: "maxout",
    RBF: "RBF",
    HOG: "HOG",
    PrincipalComponents: "projection",
    Neighbours: "neighbours",
    PixelNeighbours: "neighbours",
}


@dataclass(frozen=True)
class Row:
    """One layer. Filters are square: ``kernel`` F, ``stride`` S and ``padding`` P are one side each, in pixels.

    Shapes are those of one image, (C, H, W) or (features,). The padding of a convolution or pooling lies on all four
    sides, that of a "zero pad" only at the right and the bottom. ``macs`` are multiply-accumulates an image, biases
    not counted; the multiplications of a "subsampling" are in its own row but not in a network's total.
    """

    name: str
    kind: str
    groups: int
    kernel: int | None
    stride: int | None
    padding: int | None
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int
    macs: int

    @property
    def elementwise(self) -> bool:
        """Whether this is an activation, dropout, flatten or the like: nothing to count and no geometry."""
        return self.kind not in KINDS.values() and not self.parameters


def summarize(network: Network) -> list[Row]:
    """One Row a layer, in the order the data move; raises TypeError for a layer it has no counting rule for.

    The network runs once, on an image of ``network.input_shape``: build it under ``torch.device("meta")``, and
    nothing is stored or computed.
    """
    rows = []
    device = next((p.device for p in network.parameters()), None)
    x = torch.empty(1, *network.input_shape, device=device)
    with torch.no_grad():
        for name, layer in network.named_children():
            shape = tuple(x.shape[1:])
            x = layer(x)
            rows.append(_row(name, layer, shape, x))
    return rows


def total_macs(rows: list[Row]) -> tuple[int, int]:
    """The multiply-accumulates of convolutions, fully connected layers and RBF units; those of subsampling, apart."""
    apart = sum(row.macs for row in rows if row.kind == KINDS[Subsampling])
    return sum(row.macs for row in rows) - apart, apart


def _row(name: str, layer: nn.Module, input_shape: tuple[int, ...], output: Tensor) -> Row:
    kernel, stride, padding = _geometry(layer)
    return Row(
        name=name,
        kind=KINDS.get(type(layer), type(layer).__name__),
        groups=getattr(layer, "groups", 1) if isinstance(layer, nn.Conv2d) else 1,
        kernel=kernel,
        stride=stride,
        padding=padding,
        input_shape=input_shape,
        output_shape=tuple(output.shape[1:]),
        parameters=sum(p.numel() for p in layer.parameters()),
        macs=_macs(layer, output),
    )


def _geometry(layer: nn.Module) -> tuple[int | None, int | None, int | None]:
    """Kernel, stride and padding, or None where the layer has no such thing."""
    if isinstance(layer, Subsampling):
        return 2, 2, 0
    if isinstance(layer, (nn.Conv2d, TableConv2d, nn.MaxPool2d, nn.AvgPool2d)):
        return _side(layer.kernel_size), _side(layer.stride), _side(layer.padding)
    if isinstance(layer, nn.ZeroPad2d):
        left, right, top, bottom = layer.padding
        if left or top or right != bottom:
            raise TypeError(f"no sentence for a zero pad of {layer.padding}: only for one at the right and the bottom")
        return None, None, right
    return None, None, None


def _side(value: Any) -> int:
    sides = {value} if isinstance(value, int) else set(value)
    if len(sides) != 1 or not all(isinstance(side, int) for side in sides):
        raise TypeError(f"filters are square here, not {value}")
    return int(sides.pop())


def _macs(layer: nn.Module, output: Tensor) -> int:
    """Each weight of a convolution is used once an output position, each of a fully connected layer once."""
    if isinstance(layer, (nn.Conv2d, TableConv2d)):
        return layer.weight.numel() * output.shape[2] * output.shape[3]
    if isinstance(layer, nn.Linear):
        return layer.weight.numel()
    if isinstance(layer, RBF):
        return layer.codes.numel()
    if isinstance(layer, (Neighbours, PrincipalComponents)):
        return sum(p.numel() for p in layer.parameters() if p.ndim > 1)
    if isinstance(layer, Subsampling):
        return output.numel()
    if any(p.ndim > 1 for p in layer.parameters()):
        raise TypeError(f"no rule for the multiply-accumulates of {type(layer).__name__}")
    return 0


def misfits(rows: list[Row]) -> list[str]:
    """One sentence for each filter with a remainder in (N - F + 2P) / S, and what becomes of it."""
    sentences, zeros = [], 0
    for row in rows:
        if row.kernel is not None:
            sentences.append(_misfit(row, zeros))
        zeros = row.padding or 0 if row.kind == KINDS[nn.ZeroPad2d] else 0
    return [sentence for sentence in sentences if sentence]


def _misfit(row: Row, zeros: int) -> str:
    """The sentence, or "". ``zeros`` columns and rows were added at the right and bottom just before the layer."""
    side, size, step, padding = row.input_shape[1] - zeros, row.kernel or 1, row.stride or 1, row.padding or 0
    span = side - size + 2 * padding
    rest = (span + zeros) % step
    if not rest and not span % step:
        return ""
    fit = "does not fit" if span % step else "fits"
    text = f"{row.name}: {size}x{size} at stride {step} {fit} {side} evenly:"
    text += f" ({side} - {size} + 2*{padding})/{step} + 1 = {_decimal(span / step + 1)}"
    if zeros:
        text += f"; {_lines(zeros, 'zero ')} at the right and bottom make it {side + zeros}:"
        text += f" {_decimal((span + zeros) / step + 1)}"
    out = row.output_shape[1]
    if out > (span + zeros) // step + 1:
        text += f", rounded up to {out}; the last filters reach past the edge by {step - rest}"
    elif rest:
        text += f", rounded down to {out}; {_unread(rest, zeros + padding)} are not read"
    return f"{text}."


def _unread(rest: int, zeros: int) -> str:
    """The last ``rest`` columns and rows, where the last ``zeros`` of all are no pixels but zeros."""
    if rest <= zeros:
        return f"the last {_lines(rest, 'zero ')}"
    if zeros:
        return f"the zeros at the right and bottom and the last {_lines(rest - zeros)} before them"
    return f"the last {_lines(rest)}"


def _lines(number: int, what: str = "") -> str:
    return f"{what}column and row" if number == 1 else f"{number} {what}columns and rows"


def _decimal(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
