"""A network moved over a larger image: its fully connected layers as convolutions (VGG's paper, section 3.2)."""

from math import isqrt

import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.layers import Local2d
from zoo.models.network import Network


class FullyConvolutional(nn.Sequential):
    """Images (N, C, H, W) of at least ``smallest`` pixels a side to a map of class scores (N, num_classes, h, w).

    Raises InputError for a smaller image. The mean over h and w is what the paper calls the spatially averaged map.
    """

    smallest: tuple[int, int]

    def forward(self, images: Tensor) -> Tensor:
        """The map of class scores."""
        height, width = images.shape[-2:]
        if height < self.smallest[0] or width < self.smallest[1]:
            least = "{}x{}".format(*self.smallest)
            raise InputError(f"Images of {height}x{width} are too small for one class score: give at least {least}.")
        return super().forward(images)


def fully_convolutional(network: Network) -> FullyConvolutional:
    """``network`` with its fully connected layers as convolutions: the first as large as the map it reads, then 1x1.

    Layers, weights and names are the network's own, none is copied. At the network's input size the map is one
    pixel, its logits; each pixel is what the fully connected layers make of one window of the last pooling's map.
    It is not the logits of the image cut out there: at the borders of the cut the convolutions would meet zeros
    where they now meet the rest of the image. Raises ValueError for a network that is no chain of convolutions,
    then fully connected layers.
    """
    if not network.is_chain:
        raise ValueError(f"{network.name} has branches, and only a chain of layers can be moved over a larger image")
    layers: dict[str, nn.Module] = {}
    channels = flat = 0
    for name, layer in network.named_children():
        if isinstance(layer, nn.Flatten) and channels:
            flat = channels
        elif not flat:
            if isinstance(layer, Local2d):
                raise ValueError(f"{network.name}'s layer {name} cannot be moved over a larger image")
            channels = layer.out_channels if isinstance(layer, nn.Conv2d) else channels
            layers[name] = layer
        elif isinstance(layer, nn.Linear):
            layers[name] = _as_convolution(layer, channels)
            channels = layer.out_features
        elif isinstance(layer, (nn.ReLU, nn.Dropout)):
            layers[name] = layer
        else:
            raise ValueError(f"{network.name}'s layer {name} cannot be moved over a larger image")
    if not flat:
        raise ValueError(f"{network.name} has no convolutions before its fully connected layers")
    dense = FullyConvolutional()
    for name, layer in layers.items():
        dense.add_module(name, layer)
    dense.smallest = (network.input_shape[1], network.input_shape[2])
    return dense.train(network.training)


def _as_convolution(linear: nn.Linear, channels: int) -> nn.Conv2d:
    """The same weights read as (out_features, channels, k, k), the order in which nn.Flatten reads a map."""
    side = isqrt(linear.in_features // channels)
    with torch.device("meta"):
        convolution = nn.Conv2d(channels, linear.out_features, side)
    convolution.weight = nn.Parameter(linear.weight.detach().view(-1, channels, side, side))
    convolution.bias = linear.bias
    return convolution
