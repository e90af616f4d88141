"""LeNet-5 (LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998)."""

import math
from typing import Literal

from torch import nn

from zoo.layers import RBF, Negative, ScaledTanh, Subsampling, TableConv2d
from zoo.models.lenet5_codes import codes
from zoo.models.network import Network, check_sizes, check_variant

# Table I of the paper: the maps of S2 that each map of C3 reads.
C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip

Variant = Literal["paper", "linear", "modern", "caffe"]
# The sides of the images that each form takes, the usual one first.
SIZES: dict[str, tuple[int, ...]] = {"paper": (32,), "linear": (32,), "modern": (32, 28), "caffe": (28,)}


class LeNet5(Network):
    """LeNet-5 on 32x32 images: (N, C, 32, 32) to logits (N, num_classes). Section II.B.

    ``paper``: C3's connection table, trainable subsampling, 1.7159 tanh(2x/3), RBF outputs; 60,000 parameters with one
    channel. Logits are the negative distances, divided by ``distance_scale``. ``linear``: the same with a linear output
    layer, for any number of classes, 60,850. ``modern``: full C3, ReLU, max-pooling and a linear output, 61,706; with
    ``input_size`` 28, as MNIST's images come, 44,426. ``caffe``: the "lenet" of Caffe's MNIST example, 28x28, 431,080.

    Deviations and guesses of ``paper``: the 7x12 bitmaps behind the RBF units are drawn anew after Figure 3, and exist
    for ten classes; the coefficients of the subsampling layers start within +-2.4 / 4, by the rule for weights with
    the fan-in of a 2x2 neighbourhood, all biases at 0; where there are three channels, C1 reads all of them. A
    ``distance_scale`` other than 1 is not in the paper: distances over 84 units run to hundreds, and on hard images a
    network without it separates the classes while all its units stay on the straight part of their squash. The other
    three are no published LeNet-5.
    """

    name = "lenet5"

    def __init__(
        self,
        variant: Variant = "paper",
        num_classes: int = 10,
        in_channels: int = 1,
        input_size: int | None = None,
        distance_scale: float = 1.0,
    ) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: the paper's form, the same with a linear output layer, a modern one (ReLU, max-pooling) or Caffe's
            num_classes: how many classes there are logits for, at most ten in the paper's form
            in_channels: channels of an image: 1 is grey, 3 is colour
            input_size: pixels a side of the image; unless given 32, or 28 in the form caffe
            distance_scale: what the paper's form divides the distances of its output units by
        """
        check_variant(variant, tuple(SIZES))
        check_sizes(num_classes=num_classes, in_channels=in_channels)
        size = SIZES[variant][0] if input_size is None else input_size
        if size not in SIZES[variant]:
            raise ValueError(
                f"LeNet-5's {variant} form takes images of {SIZES[variant][0]} pixels a side, not of {size}"
            )
        if variant == "paper" and not 1 <= num_classes <= 10:
            raise ValueError(
                f"the paper form has output codes for ten classes, not {num_classes}; choose the variant linear"
            )
        if not 0 < distance_scale < math.inf:
            raise ValueError(f"distance_scale must be more than 0, not {distance_scale}")
        # Always built, for the random numbers that it draws: with a seed they lead to the weights of the Records.
        layers = _modern(in_channels, num_classes, size)
        if variant in ("paper", "linear"):
            layers = _body(in_channels) | _output(variant, num_classes, distance_scale)
        elif variant == "caffe":
            layers = _caffe(in_channels, num_classes)
        options = {
            "num_classes": num_classes,
            "in_channels": in_channels,
            "input_size": size,
            "distance_scale": distance_scale,
        }
        super().__init__(layers, variant, (in_channels, size, size), options)
        if variant in ("paper", "linear"):
            self.apply(_initialize)


def _body(in_channels: int) -> dict[str, nn.Module]:
    """C1 to F6 of the paper."""
    return {
        "c1": nn.Conv2d(in_channels, 6, 5),
        "c1_squash": ScaledTanh(),
        "s2": Subsampling(6),
        "s2_squash": ScaledTanh(),
        "c3": TableConv2d(C3_TABLE, in_maps=6, size=5),
        "c3_squash": ScaledTanh(),
        "s4": Subsampling(16),
        "s4_squash": ScaledTanh(),
        "c5": nn.Conv2d(16, 120, 5),
        "c5_squash": ScaledTanh(),
        "flatten": nn.Flatten(),
        "f6": nn.Linear(120, 84),
        "f6_squash": ScaledTanh(),
    }


def _output(variant: str, num_classes: int, distance_scale: float) -> dict[str, nn.Module]:
    if variant == "linear":
        return {"output": nn.Linear(84, num_classes)}
    return {"output": RBF(codes(num_classes)), "logits": Negative(distance_scale)}


def _modern(in_channels: int, num_classes: int, size: int) -> dict[str, nn.Module]:
    return {
        "c1": nn.Conv2d(in_channels, 6, 5),
        "c1_relu": nn.ReLU(),
        "s2": nn.MaxPool2d(2),
        "c3": nn.Conv2d(6, 16, 5),
        "c3_relu": nn.ReLU(),
        "s4": nn.MaxPool2d(2),
        # As large as the maps that it reads.
        "c5": nn.Conv2d(16, 120, size // 4 - 3),
        "c5_relu": nn.ReLU(),
        "flatten": nn.Flatten(),
        "f6": nn.Linear(120, 84),
        "f6_relu": nn.ReLU(),
        "output": nn.Linear(84, num_classes),
    }


def _caffe(in_channels: int, num_classes: int) -> dict[str, nn.Module]:
    """Layers under Caffe's own names: two convolutions without activation, pooled, then two fully connected."""
    return {
        "conv1": nn.Conv2d(in_channels, 20, 5),
        "pool1": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(20, 50, 5),
        "pool2": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        "ip1": nn.Linear(50 * 4 * 4, 500),
        "relu1": nn.ReLU(),
        "ip2": nn.Linear(500, num_classes),
    }


def _initialize(module: nn.Module) -> None:
    """Uniform within +-2.4 / fan-in of the unit (Appendix A); biases 0."""
    if isinstance(module, TableConv2d):
        kernels = iter(module.weight)
        for row in module.table:
            bound = 2.4 / (len(row) * module.kernel_size[0] ** 2)
            for _ in row:
                nn.init.uniform_(next(kernels).detach(), -bound, bound)
    elif isinstance(module, Subsampling):
        nn.init.uniform_(module.coefficient, -2.4 / 4, 2.4 / 4)
    elif isinstance(module, (nn.Conv2d, nn.Linear)):
        bound = 2.4 / module.weight[0].numel()
        nn.init.uniform_(module.weight, -bound, bound)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
