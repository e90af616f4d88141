"""Layers that the papers invented and torch lacks."""

from zoo.layers.lenet import RBF, Negative, ScaledTanh, Subsampling, TableConv2d
from zoo.layers.normalization import ResponseNorm
from zoo.layers.perceptron import AUnits, Retina
from zoo.layers.units import Maxout, OneUnit

__all__ = [
    "RBF", "AUnits", "Maxout", "Negative", "OneUnit", "ResponseNorm", "Retina", "ScaledTanh", "Subsampling",
    "TableConv2d",
]  # fmt: skip
