"""AlexNet (Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks", 2012)."""

from typing import Literal

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import nn

from zoo.layers import ResponseNorm
from zoo.models.classifier import Classifier
from zoo.models.network import Network, check_variant
from zoo.optim import Schedule

Variant = Literal["paper", "torchvision", "cifar"]


class AlexNet(Network):
    """AlexNet: images (N, 3, S, S) to logits (N, num_classes); 224 and 1000 unless given, for ``cifar`` 32 and 10.

    ``paper``: two groups where two GPUs worked apart, response normalisation inside each group, 60,965,224
    parameters; expects pixels of 0..255 less their mean (section 3.5, Figure 2). ``torchvision``: the one-column net
    of "One weird trick" (Krizhevsky 2014) without normalisation, 61,100,840. ``cifar``: the paper form with a 5x5
    first layer of stride 1 and 1,024 units in fc6 and fc7, for 32x32 images.

    Deviations and guesses of ``paper``: 224 pixels do not fit 11x11 at stride 4, so three zero columns and rows are
    added at the right and the bottom, as the 2012 code reads them; the normalisation follows the printed formula
    (alpha 1e-4 on the sum) while the 2012 code divides alpha by 5; the code's cnorm2 layer, absent from the paper, is
    absent here; where code and paper differ in the order of block 1 (conv-LRN-pool-ReLU) and in the spread of the first
    weights of conv3 to conv5 (0.03), this follows the paper; dropout rescales while training instead of halving at test
    time. ``cifar`` is no published network.
    """

    name = "alexnet"

    def __init__(
        self, variant: Variant = "paper", num_classes: int | None = None, input_size: int | None = None
    ) -> None:
        check_variant(variant, ("paper", "torchvision", "cifar"))
        usual_size, usual_classes = (32, 10) if variant == "cifar" else (224, 1000)
        size = usual_size if input_size is None else input_size
        num_classes = usual_classes if num_classes is None else num_classes
        features = {"paper": _paper, "torchvision": _torchvision, "cifar": _cifar}[variant]()
        side = size
        for layer in features.values():
            if isinstance(layer, nn.ZeroPad2d):
                side += 3
            elif isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
                side = _side_after(side, layer)
        if side < 1:
            raise ValueError(f"AlexNet's {variant} form does not fit images of {size}x{size}: they are too small")
        units = 1024 if variant == "cifar" else 4096
        head = _head(256 * side**2, units, num_classes, dropout_first=variant == "torchvision")
        options = {"num_classes": num_classes, "input_size": size}
        super().__init__(features | head, variant, (3, size, size), options)
        if variant != "torchvision":
            _initialize(self)


def _side_after(side: int, layer: nn.Conv2d | nn.MaxPool2d) -> int:
    kernel, stride, padding = (
        v if isinstance(v, int) else v[0] for v in (layer.kernel_size, layer.stride, layer.padding)
    )
    return (side - int(kernel) + 2 * int(padding)) // int(stride) + 1


def _paper() -> dict[str, nn.Module]:
    return {
        "pad": nn.ZeroPad2d((0, 3, 0, 3)),
        "conv1": nn.Conv2d(3, 96, 11, stride=4),
        "relu1": nn.ReLU(inplace=True),
        "norm1": ResponseNorm(5, alpha=1e-4, beta=0.75, k=2, groups=2),
        "pool1": nn.MaxPool2d(3, stride=2),
        **_middle(),
    }


def _cifar() -> dict[str, nn.Module]:
    layers = _paper() | {"conv1": nn.Conv2d(3, 96, 5, padding=2)}
    del layers["pad"]
    return layers


def _middle() -> dict[str, nn.Module]:
    """conv2 to pool5 of the paper form."""
    return {
        "conv2": nn.Conv2d(96, 256, 5, padding=2, groups=2),
        "relu2": nn.ReLU(inplace=True),
        "norm2": ResponseNorm(5, alpha=1e-4, beta=0.75, k=2, groups=2),
        "pool2": nn.MaxPool2d(3, stride=2),
        "conv3": nn.Conv2d(256, 384, 3, padding=1),
        "relu3": nn.ReLU(inplace=True),
        "conv4": nn.Conv2d(384, 384, 3, padding=1, groups=2),
        "relu4": nn.ReLU(inplace=True),
        "conv5": nn.Conv2d(384, 256, 3, padding=1, groups=2),
        "relu5": nn.ReLU(inplace=True),
        "pool5": nn.MaxPool2d(3, stride=2),
    }


def _torchvision() -> dict[str, nn.Module]:
    return {
        "conv1": nn.Conv2d(3, 64, 11, stride=4, padding=2),
        "relu1": nn.ReLU(inplace=True),
        "pool1": nn.MaxPool2d(3, stride=2),
        "conv2": nn.Conv2d(64, 192, 5, padding=2),
        "relu2": nn.ReLU(inplace=True),
        "pool2": nn.MaxPool2d(3, stride=2),
        "conv3": nn.Conv2d(192, 384, 3, padding=1),
        "relu3": nn.ReLU(inplace=True),
        "conv4": nn.Conv2d(384, 256, 3, padding=1),
        "relu4": nn.ReLU(inplace=True),
        "conv5": nn.Conv2d(256, 256, 3, padding=1),
        "relu5": nn.ReLU(inplace=True),
        "pool5": nn.MaxPool2d(3, stride=2),
    }


def _head(in_features: int, units: int, num_classes: int, dropout_first: bool) -> dict[str, nn.Module]:
    """fc6 to fc8; dropout stands before fc6 and fc7 in torchvision's net, after them in the paper's."""
    fc6: dict[str, nn.Module] = {"fc6": nn.Linear(in_features, units), "relu6": nn.ReLU(inplace=True)}
    fc7: dict[str, nn.Module] = {"fc7": nn.Linear(units, units), "relu7": nn.ReLU(inplace=True)}
    drop6: dict[str, nn.Module] = {"drop6": nn.Dropout(0.5)}
    drop7: dict[str, nn.Module] = {"drop7": nn.Dropout(0.5)}
    order = drop6 | fc6 | drop7 | fc7 if dropout_first else fc6 | drop6 | fc7 | drop7
    return {"flatten": nn.Flatten()} | order | {"fc8": nn.Linear(units, num_classes)}


def _initialize(network: nn.Module) -> None:
    """Weights N(0, 0.01^2); biases 1 in conv2, conv4, conv5, fc6 and fc7, else 0 (section 5)."""
    for name, layer in network.named_children():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            assert layer.bias is not None
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.constant_(layer.bias, 1.0 if name in ("conv2", "conv4", "conv5", "fc6", "fc7") else 0.0)


class AlexNetModel(Classifier):
    """AlexNet with cross-entropy.

    Deviations and guesses: the 2012 code gives biases twice the rate and no weight decay, which this follows though
    the paper states one rate for all; torch's SGD keeps the learning rate outside the momentum, which differs from the
    paper's rule only while the momentum of before a drop of the rate lasts.
    """

    bias_rate = 2.0

    def __init__(
        self,
        variant: Variant = "paper",
        num_classes: int | None = None,
        input_size: int | None = None,
        optimizer: OptimizerCallable = lambda groups: torch.optim.SGD(groups, lr=0.01, momentum=0.9, weight_decay=5e-4),
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(AlexNet(variant, num_classes, input_size), optimizer, schedule)
