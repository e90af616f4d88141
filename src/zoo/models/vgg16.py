"""VGG-16 (Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014)."""

from typing import Literal

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import nn

from zoo.models.classifier import Classifier
from zoo.models.network import Network, check_variant
from zoo.optim import Schedule

# Configuration D of Table 1: channels of the 3x3 convolutions of each block; a 2x2 max-pooling ends a block.
BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))

Variant = Literal["paper", "bn"]
Head = Literal["paper", "linear"]


class VGG16(Network):
    """VGG-16, configuration D: images (N, 3, S, S) to logits (N, num_classes), S a multiple of 32. Section 2.

    ``paper``: 138,357,544 parameters at 224; ``bn``: batch normalisation after every convolution, 138,365,992.
    ``head`` "paper" is fc6, fc7, fc8; "linear" is fc8 alone, the usual head for the 512 features of a 32x32 image.

    Deviations and guesses: weights start from Glorot's uniform distribution, which the paper names as the later way,
    instead of a trained net A; dropout rescales while training instead of halving at test time. Batch normalisation
    and the linear head are later than the paper.
    """

    name = "vgg16"

    def __init__(
        self, variant: Variant = "paper", num_classes: int = 1000, input_size: int = 224, head: Head = "paper"
    ) -> None:
        check_variant(variant, ("paper", "bn"))
        if head not in ("paper", "linear"):
            raise ValueError(f"no head {head!r}; there is paper, linear")
        if input_size < 32 or input_size % 32:
            raise ValueError(f"VGG-16's five poolings need an input size that is a multiple of 32, not {input_size}")
        layers = _features(batch_norm=variant == "bn")
        in_features = 512 * (input_size // 32) ** 2
        layers |= {"flatten": nn.Flatten()}
        if head == "paper":
            layers |= {
                "fc6": nn.Linear(in_features, 4096),
                "relu6": nn.ReLU(inplace=True),
                "drop6": nn.Dropout(0.5),
                "fc7": nn.Linear(4096, 4096),
                "relu7": nn.ReLU(inplace=True),
                "drop7": nn.Dropout(0.5),
            }
        layers |= {"fc8": nn.Linear(4096 if head == "paper" else in_features, num_classes)}
        options = {"num_classes": num_classes, "input_size": input_size, "head": head}
        super().__init__(layers, variant, (3, input_size, input_size), options)
        self.apply(_glorot)


def _features(batch_norm: bool) -> dict[str, nn.Module]:
    layers: dict[str, nn.Module] = {}
    channels = 3
    for block, widths in enumerate(BLOCKS, start=1):
        for number, width in enumerate(widths, start=1):
            layers[f"conv{block}_{number}"] = nn.Conv2d(channels, width, 3, padding=1)
            if batch_norm:
                layers[f"bn{block}_{number}"] = nn.BatchNorm2d(width)
            layers[f"relu{block}_{number}"] = nn.ReLU(inplace=True)
            channels = width
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    return layers


def _glorot(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class VGG16Model(Classifier):
    """VGG-16 with cross-entropy.

    Deviations and guesses: weight decay leaves biases and batch normalisation alone; the paper does not say.
    """

    def __init__(
        self,
        variant: Variant = "paper",
        num_classes: int = 1000,
        input_size: int = 224,
        head: Head = "paper",
        optimizer: OptimizerCallable = lambda groups: torch.optim.SGD(groups, lr=0.01, momentum=0.9, weight_decay=5e-4),
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(VGG16(variant, num_classes, input_size, head), optimizer, schedule)
