"""Layers that the papers invented and torch lacks."""

from zoo.layers.lenet import RBF, Negative, ScaledTanh, Subsampling, TableConv2d
from zoo.layers.normalization import ResponseNorm
from zoo.layers.units import Maxout, UnscaledDropout

__all__ = ["RBF", "Maxout", "Negative", "ResponseNorm", "ScaledTanh", "Subsampling", "TableConv2d", "UnscaledDropout"]
