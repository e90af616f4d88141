"""Trained networks: loading what this package wrote, and converting what others did."""

from zoo.weights.caffe import from_caffemodel
from zoo.weights.convert import from_torchvision
from zoo.weights.load import load

__all__ = ["from_caffemodel", "from_torchvision", "load"]
