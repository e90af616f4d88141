"""What networks make of images: numbers of the last hidden layer, of any layer, and probabilities."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from zoo.models.network import Network

# Numbers that go through a network at a time: those of 100 images of CIFAR-10.
_AT_A_TIME = 100 * 3 * 32 * 32


def batches(inputs: Tensor) -> Iterator[Tensor]:
    """Inputs (N, C, H, W) in parts that fit into the memory of small machines."""
    yield from inputs.split(max(1, _AT_A_TIME // inputs[0].numel()))


def steps_of(network: Network, inputs: Tensor) -> Iterator[tuple[str, nn.Module, Tensor]]:
    """Each layer with what it gives for inputs (N, C, H, W), in the order of the layers; nothing is overwritten."""
    x = inputs
    for name, layer in network.named_children():
        x = layer(x.clone() if getattr(layer, "inplace", False) else x)
        yield name, layer, x


@torch.no_grad()
def last_hidden(network: Network, inputs: Tensor) -> Tensor:
    """What the last layer with weights reads, float32 (N, D); where it reads pixels, as a linear one, what it gives."""
    network.eval()
    layers = [layer for layer in network.children() if layer.state_dict()]
    if len(layers) == 1:
        return torch.cat([network(part) for part in batches(inputs)])
    found = [
        network.forward_head(network.forward_features(part), pre_logits=True).flatten(1) for part in batches(inputs)
    ]
    return torch.cat(found)


@torch.no_grad()
def probabilities(network: Network, inputs: Tensor) -> Tensor:
    """The softmax of the logits, float32 (N, classes)."""
    network.eval()
    return torch.cat([network(part).softmax(dim=1) for part in batches(inputs)])
