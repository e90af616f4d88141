"""Layers that the papers invented and torch lacks."""

from zoo.layers.lenet import RBF, Negative, ScaledTanh, Subsampling, TableConv2d
from zoo.layers.local import Local2d
from zoo.layers.normalization import ResponseNorm, SameMapNorm
from zoo.layers.units import Maxout, UnscaledDropout

__all__ = [
    "RBF",
    "Local2d",
    "Maxout",
    "Negative",
    "ResponseNorm",
    "SameMapNorm",
    "ScaledTanh",
    "Subsampling",
    "TableConv2d",
    "UnscaledDropout",
]
