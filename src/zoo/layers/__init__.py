"""Layers that the papers invented and torch lacks."""

from zoo.layers.hog import HOG
from zoo.layers.lenet import RBF, Negative, ScaledTanh, Subsampling, TableConv2d
from zoo.layers.local import Local2d
from zoo.layers.neighbours import Neighbours, PixelNeighbours
from zoo.layers.neocognitron import CCells, SCells, TopCells
from zoo.layers.normalization import ResponseNorm, SameMapNorm
from zoo.layers.perceptron import AUnits, Retina
from zoo.layers.projection import PrincipalComponents
from zoo.layers.units import Maxout, OneUnit, UnscaledDropout

__all__ = [
    "HOG",
    "RBF",
    "AUnits",
    "CCells",
    "Local2d",
    "Maxout",
    "Negative",
    "Neighbours",
    "OneUnit",
    "PixelNeighbours",
    "PrincipalComponents",
    "ResponseNorm",
    "Retina",
    "SCells",
    "SameMapNorm",
    "ScaledTanh",
    "Subsampling",
    "TableConv2d",
    "TopCells",
    "UnscaledDropout",
]
