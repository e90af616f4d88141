"""Layers that the papers invented and torch lacks."""

from zoo.layers.hog import HOG
from zoo.layers.lenet import RBF, Negative, ScaledTanh, Subsampling, TableConv2d
from zoo.layers.neighbours import Neighbours, PixelNeighbours
from zoo.layers.normalization import ResponseNorm
from zoo.layers.projection import PrincipalComponents
from zoo.layers.units import Maxout

__all__ = [
    "HOG",
    "RBF",
    "Maxout",
    "Negative",
    "Neighbours",
    "PixelNeighbours",
    "PrincipalComponents",
    "ResponseNorm",
    "ScaledTanh",
    "Subsampling",
    "TableConv2d",
]
