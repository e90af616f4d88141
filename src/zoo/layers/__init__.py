"""Layers that the papers invented and torch lacks."""

from zoo.layers.lenet import RBF, Negative, ScaledTanh, Subsampling, TableConv2d
from zoo.layers.neocognitron import CCells, SCells, TopCells
from zoo.layers.normalization import ResponseNorm
from zoo.layers.units import Maxout

__all__ = [
    "RBF",
    "CCells",
    "Maxout",
    "Negative",
    "ResponseNorm",
    "SCells",
    "ScaledTanh",
    "Subsampling",
    "TableConv2d",
    "TopCells",
]
