"""VGG (Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014)."""

from collections.abc import Collection
from typing import Literal

from torch import nn

from zoo.layers import ResponseNorm
from zoo.models.network import Network, channels_option, check_sizes, check_variant
from zoo.models.unfilled import Unfilled, pass_over

# Table 1, configurations A, B, D and E: the convolutions of each of the five blocks; a 2x2 max-pooling ends a block.
DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)

# Section 3.1: the first four convolutions of net A, and the three fully connected layers.
FROM_NET_A = ("conv1_1", "conv2_1", "conv3_1", "conv3_2", "fc6", "fc7", "fc8")

Depth = Literal[11, 13, 16, 19]
Variant = Literal["paper", "bn", "lrn", "1x1"]
Head = Literal["paper", "linear", "512"]
Init = Literal["glorot", "paper"]


class VGG(Network):
    """What VGG-11, 13, 16 and 19 have in common: images (N, 3, S, S) to logits (N, num_classes), S a multiple of 32.

    ``paper``: 3x3 convolutions with ReLU (section 2); ``bn``: batch normalisation after every convolution. ``head``
    "paper" is fc6, fc7, fc8; "linear" is fc8 alone, the usual head for the 512 features of a 32x32 image; "512" has 512
    units in fc6 and fc7, as in chengyangfu/pytorch-vgg-cifar10. ``init`` "glorot" is the uniform distribution of Glorot
    and Bengio, "paper" N(0, 0.1^2); biases are 0 (section 3.1).

    Deviations and guesses: the paper starts the deeper nets from a trained net A (``zoo fit --init_from RUN``) and
    draws the other weights with "variance 1e-2"; it adds that Glorot's initialisation makes net A unnecessary, and this
    is the default here, the uniform form being a guess. Read literally, the variance multiplies the activations by
    0.1 sqrt(fan-in / 2) a layer, 1.7 to 4.8 in the convolutions and 11 in fc6: on Imagenette at 224 (16 images, seeds 0
    to 2) the first loss of VGG-11 is 1.9e8 to 3.2e8 and that of VGG-16 5.8e10 to 7.0e10, where chance is ln(1000) =
    6.91; Glorot's gives 7.5 to 8.3 and 6.8 to 6.9. Were a standard deviation of 1e-2 meant, the same layers would
    shrink the signal: the first loss is 6.91, but VGG-16's logits spread by 3e-6. Dropout rescales while training
    instead of halving at test time. Batch normalisation and the other heads are later than the paper.
    """

    depth: Depth
    variants: tuple[Variant, ...] = ("paper", "bn")

    def __init__(
        self,
        variant: Variant = "paper",
        num_classes: int = 1000,
        input_size: int = 224,
        head: Head = "paper",
        init: Init = "glorot",
        in_channels: int = 3,
    ) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: the paper's plain form, bn, lrn (depth 11) or 1x1 (depth 16)
            num_classes: how many classes there are logits for
            input_size: pixels a side of the image, a multiple of 32
            head: the fully connected layers: the paper's three, the last one alone (linear), or three with 512 units
            init: the first weights: Glorot's uniform distribution, or the paper's normal one
            in_channels: channels of an image: 1 is grey, 3 is colour
        """
        check_variant(variant, self.variants)
        check_sizes(num_classes=num_classes, in_channels=in_channels)
        for what, value, known in (("head", head, ("paper", "linear", "512")), ("init", init, ("glorot", "paper"))):
            if value not in known:
                raise ValueError(f"no {what} {value!r}; there is {', '.join(known)}")
        if input_size < 32 or input_size % 32:
            raise ValueError(f"VGG's five poolings need an input size that is a multiple of 32, not {input_size}")
        with Unfilled():
            layers = _features(DEPTHS[self.depth], variant, in_channels)
            layers |= _head(WIDTHS[-1] * (input_size // 32) ** 2, num_classes, head)
        pass_over(layers.values())
        options = {"num_classes": num_classes, "input_size": input_size, "head": head} | channels_option(in_channels)
        super().__init__(layers, variant, (in_channels, input_size, input_size), options)
        for layer in self.children():
            (_glorot if init == "glorot" else _normal)(layer)

    def start_from(self, trained: Network, layers: Collection[str] | None = None) -> list[str]:
        """As any network, but from a VGG of another depth only what section 3.1 copies from net A.

        Those are A's first four convolutions and the three fully connected layers. In a deeper net they can only
        become conv1_1, conv2_1 and conv3_1, by their shapes, and conv3_2 by its name: the paper does not say where
        the four go. Normalisations go with their convolution. What is not copied keeps its initial weights.
        """
        if layers is None and isinstance(trained, VGG) and trained.depth != self.depth:
            layers = (*FROM_NET_A, *(name.replace("conv", "bn") for name in FROM_NET_A))
        return super().start_from(trained, layers)


class VGG11(VGG):
    """VGG-11, configuration A: eight convolutions, 132,863,336 parameters at 224.

    ``lrn`` is A-LRN, with AlexNet's response normalisation after conv1_1.

    Deviations and guesses of ``lrn``: the normalisation stands after the ReLU and follows AlexNet's printed formula
    (alpha on the sum).
    """

    name, depth, variants = "vgg11", 11, ("paper", "bn", "lrn")


class VGG13(VGG):
    """VGG-13, configuration B: ten convolutions, 133,047,848 parameters at 224."""

    name, depth = "vgg13", 13


class VGG16(VGG):
    """VGG-16, configuration D: thirteen convolutions, 138,357,544 parameters at 224.

    ``1x1`` is configuration C, where conv3_3, conv4_3 and conv5_3 have 1x1 kernels: 133,638,952.
    """

    name, depth, variants = "vgg16", 16, ("paper", "bn", "1x1")


class VGG19(VGG):
    """VGG-19, configuration E: sixteen convolutions, 143,667,240 parameters at 224."""

    name, depth = "vgg19", 19


def _features(depths: tuple[int, ...], variant: Variant, in_channels: int) -> dict[str, nn.Module]:
    layers: dict[str, nn.Module] = {}
    channels = in_channels
    for block, (depth, width) in enumerate(zip(depths, WIDTHS, strict=True), start=1):
        for number in range(1, depth + 1):
            kernel = 1 if variant == "1x1" and number == 3 else 3
            layers[f"conv{block}_{number}"] = nn.Conv2d(channels, width, kernel, padding=kernel // 2)
            if variant == "bn":
                layers[f"bn{block}_{number}"] = nn.BatchNorm2d(width)
            layers[f"relu{block}_{number}"] = nn.ReLU(inplace=True)
            if variant == "lrn" and block == 1:
                layers["norm1"] = ResponseNorm(5, alpha=1e-4, beta=0.75, k=2)
            channels = width
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    return layers


def _head(in_features: int, num_classes: int, head: Head) -> dict[str, nn.Module]:
    if head == "linear":
        return {"flatten": nn.Flatten(), "fc8": nn.Linear(in_features, num_classes)}
    units = 4096 if head == "paper" else 512
    return {
        "flatten": nn.Flatten(),
        "fc6": nn.Linear(in_features, units),
        "relu6": nn.ReLU(inplace=True),
        "drop6": nn.Dropout(0.5),
        "fc7": nn.Linear(units, units),
        "relu7": nn.ReLU(inplace=True),
        "drop7": nn.Dropout(0.5),
        "fc8": nn.Linear(units, num_classes),
    }


def _glorot(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]


def _normal(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        # A standard deviation of 0.1: the paper prints the variance.
        nn.init.normal_(module.weight, std=0.1)
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]
