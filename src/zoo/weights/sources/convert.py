"""The names that other packages give to the same layers."""

from collections.abc import Mapping

import torch
from torch import Tensor

from zoo.errors import InputError
from zoo.models.vgg import DEPTHS
from zoo.weights.sources.state_dicts import STEPS

_ALEXNET = {
    "features.0": "conv1",
    "features.3": "conv2",
    "features.6": "conv3",
    "features.8": "conv4",
    "features.10": "conv5",
    "classifier.1": "fc6",
    "classifier.4": "fc7",
    "classifier.6": "fc8",
}
_VGG_CLASSIFIER = {"classifier.0": "fc6", "classifier.3": "fc7", "classifier.6": "fc8"}


def from_torchvision(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """torchvision's state dict of an AlexNet or a VGG under the papers' layer names.

    ``name`` is torchvision's: ``alexnet``, ``vgg11`` to ``vgg19`` or ``vgg11_bn`` to ``vgg19_bn``. The result fits
    ``get_model("alexnet", variant="torchvision")``, ``get_model("vgg16")`` or ``get_model("vgg16", variant="bn")``,
    and so on. Counts of steps, which files of PyTorch before 0.4.1 lack, are 0 there, as PyTorch has it.
    Raises InputError for another ``name`` or a key that torchvision's network does not have.
    """
    tables = {"alexnet": _ALEXNET}
    for depth, blocks in DEPTHS.items():
        tables[f"vgg{depth}"] = _vgg(blocks, batch_norm=False) | _VGG_CLASSIFIER
        tables[f"vgg{depth}_bn"] = _vgg(blocks, batch_norm=True) | _VGG_CLASSIFIER
    if name not in tables:
        raise InputError(f"No renaming for torchvision's {name!r}; there is {', '.join(tables)}.")
    renamed = {}
    for key, tensor in state.items():
        layer, _, parameter = key.rpartition(".")
        if layer not in tables[name]:
            raise InputError(f"{key!r} is not a weight of torchvision's {name}.")
        renamed[f"{tables[name][layer]}.{parameter}"] = tensor
    means = [key for key in renamed if key.endswith(".running_mean")]
    steps = {f"{key.removesuffix('running_mean')}{STEPS}": torch.tensor(0) for key in means}
    return steps | renamed


def _vgg(blocks: tuple[int, ...], batch_norm: bool) -> dict[str, str]:
    """torchvision counts every layer of ``features``: convolution, (normalisation,) ReLU, and a pooling a block."""
    names, index = {}, 0
    for block, depth in enumerate(blocks, start=1):
        for number in range(1, depth + 1):
            names[f"features.{index}"] = f"conv{block}_{number}"
            if batch_norm:
                names[f"features.{index + 1}"] = f"bn{block}_{number}"
            index += 3 if batch_norm else 2
        index += 1
    return names
