"""Receptive fields: which pixels a unit of each layer can see."""

from dataclasses import dataclass

import torch
from torch import nn

from zoo.layers import SameMapNorm
from zoo.models.network import Network
from zoo.models.summary import Row, summarize


@dataclass(frozen=True)
class Field:
    """The receptive field of the units of one layer, in pixels of the image.

    ``size`` is its side, ``step`` the distance between those of neighbouring units, ``start`` where that of the first
    unit begins, negative where it reaches into the padding. ``places`` are units a side. The part outside the image is
    counted in ``size``.
    """

    layer: str
    size: int
    step: int
    start: int
    places: int

    def of(self, place: int) -> tuple[int, int]:
        """The first pixel of the field of the unit at ``place``, and the first behind it."""
        begin = self.start + place * self.step
        return begin, begin + self.size


def fields(network: Network) -> list[Field]:
    """The fields of all layers that have maps, in the order of the layers; what follows them sees the whole image."""
    with torch.device("meta"):
        rows = summarize(network.anew())
    found, size, step, start = [], 1, 1, 0
    for row, layer in zip(rows, network.children(), strict=True):
        if len(row.output_shape) != 3:
            break
        kernel, stride, padding = _window(row, layer)
        start -= padding * step
        size += (kernel - 1) * step
        step *= stride
        found.append(Field(row.name, size, step, start, row.output_shape[1]))
    return found


def field_of(network: Network, layer: str) -> Field | None:
    """The field of one layer; None where its units see the whole image."""
    return next((field for field in fields(network) if field.layer == layer), None)


def _window(row: Row, layer: nn.Module) -> tuple[int, int, int]:
    """Kernel, stride, and the padding at the left and the top."""
    if isinstance(layer, SameMapNorm):
        return layer.size, 1, layer.size // 2
    # What pads at the right and the bottom alone moves nothing.
    return (row.kernel, row.stride or 1, row.padding or 0) if row.kernel is not None else (1, 1, 0)
