"""Krizhevsky's networks for CIFAR-10, the examples that came with cuda-convnet (2011 and 2012)."""

from typing import Any, Literal, get_args

from torch import nn

from zoo.layers import Local2d, ResponseNorm, SameMapNorm
from zoo.models.network import Network, channels_option, check_sizes, check_variant

Variant = Literal["11pct", "13pct", "18pct", "26pct", "quick"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
# The layers of their form that these do without, by what their names begin with.
WITHOUT = {"13pct": ("rnorm",), "26pct": ("rnorm",), "quick": ("rnorm", "relu4")}

# "initW" of the layer definitions; biases start at 0.
SPREADS = {
    "11pct": {"conv1": 1e-4, "conv2": 0.01, "local3": 0.04, "local4": 0.04, "fc10": 0.01},
    "13pct": {"conv1": 1e-4, "conv2": 0.01, "local3": 0.04, "local4": 0.04, "fc10": 0.01},
    "18pct": {"conv1": 1e-4, "conv2": 0.01, "conv3": 0.01, "fc10": 0.01},
    "26pct": {"conv1": 1e-4, "conv2": 0.01, "conv3": 0.01, "fc64": 0.1, "fc10": 0.1},
    "quick": {"conv1": 1e-4, "conv2": 0.01, "conv3": 0.01, "fc64": 0.1, "fc10": 0.1},
}


class CudaConvnet(Network):
    """cuda-convnet's CIFAR-10 networks, named by their error: images (N, 3, S, S) to logits (N, num_classes).

    ``11pct``: layers-conv-local-11pct.cfg, two convolutions with response normalisation across nine maps, two local
    layers, S = 24, 2,112,970 parameters. ``13pct``: layers-conv-local-13pct.cfg, the same without normalisation and
    with half the maps in local3, S = 24, 1,116,490. ``18pct``: layers-18pct.cfg, three convolutions with normalisation
    within each map, S = 32, 89,578 (Caffe's cifar10_full is the same). ``26pct``: layers-80sec.cfg, three convolutions
    and a hidden layer, S = 32, 145,578. ``quick``: Caffe's cifar10_quick, which is 26pct without the ReLU behind the
    64 hidden units, 145,578. Section 3.3 of the AlexNet paper compares 13 % without and 11 % with normalisation. All
    expect pixels of 0..255 less the mean image. Raises ValueError for images too small for the pooling.

    Deviations and guesses: the normalisations divide cuda-convnet's scale by the size of the window (9 maps, or 3x3
    pixels) and add 1, as its layer.py and its kernels do. In 18pct and 26pct the ReLU of block 1 follows the pooling,
    as in the later layer files; before it, where the first ones had it, it gives the same numbers. Where pixels tie for
    a maximum, cuda-convnet hands the gradient to each and torch to one; ReLU stops it where the tie is at zero. Sizes
    other than 24 and 32 and other numbers of classes are an addition.
    """

    name = "cuda_convnet"

    def __init__(
        self,
        variant: Variant = "11pct",
        num_classes: int = 10,
        input_size: int | None = None,
        in_channels: int = 3,
    ) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: one of cuda-convnet's networks, by the error that it was published with
            num_classes: how many classes there are logits for
            input_size: pixels a side of the image; unless given 24 where there are local layers, else 32
            in_channels: channels of an image: 1 is grey, 3 is colour
        """
        check_variant(variant, VARIANTS)
        check_sizes(num_classes=num_classes, input_size=input_size, in_channels=in_channels)
        local = variant in ("11pct", "13pct")
        size = (24 if local else 32) if input_size is None else input_size
        side = _side_after(variant, size, pools=2 if local else 3)
        if local:
            layers = _local_form(side, num_classes, in_channels, maps=64 if variant == "11pct" else 32)
        else:
            layers = _convolutional_form(side, num_classes, in_channels, hidden=variant != "18pct")
        layers = {name: layer for name, layer in layers.items() if not name.startswith(WITHOUT.get(variant, ()))}
        options = {"num_classes": num_classes, "input_size": size} | channels_option(in_channels)
        super().__init__(layers, variant, (in_channels, size, size), options)
        for name, spread in SPREADS[variant].items():
            layer: Any = self.get_submodule(name)
            nn.init.normal_(layer.weight, std=spread)
            nn.init.zeros_(layer.bias)


def _side_after(variant: str, size: int, pools: int) -> int:
    """The side of the maps after ``pools`` poolings, each of which needs a whole window."""
    side = size
    for _ in range(pools):
        if side < 3:
            raise ValueError(f"cuda-convnet's {variant} form does not fit images of {size}x{size}: they are too small")
        side = (side - 2) // 2 + 1
    return side


def _conv(in_maps: int, maps: int) -> nn.Conv2d:
    return nn.Conv2d(in_maps, maps, 5, padding=2)


def _max_pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


def _avg_pool() -> nn.AvgPool2d:
    """A window that reaches past the edge is divided by the number of pixels inside."""
    return nn.AvgPool2d(3, stride=2, ceil_mode=True)


def _local_form(side: int, num_classes: int, in_channels: int, maps: int) -> dict[str, nn.Module]:
    """11pct; 13pct is the same without normalisation and with fewer ``maps`` in local3."""
    return {
        "conv1": _conv(in_channels, 64),
        "relu1": nn.ReLU(inplace=True),
        "pool1": _max_pool(),
        "rnorm1": ResponseNorm(9, alpha=0.001 / 9, beta=0.75, k=1),
        "conv2": _conv(64, 64),
        "relu2": nn.ReLU(inplace=True),
        "rnorm2": ResponseNorm(9, alpha=0.001 / 9, beta=0.75, k=1),
        "pool2": _max_pool(),
        "local3": Local2d(64, maps, 3, side, padding=1),
        "relu3": nn.ReLU(inplace=True),
        "local4": Local2d(maps, 32, 3, side, padding=1),
        "relu4": nn.ReLU(inplace=True),
        "flatten": nn.Flatten(),
        "fc10": nn.Linear(32 * side**2, num_classes),
    }


def _convolutional_form(side: int, num_classes: int, in_channels: int, hidden: bool) -> dict[str, nn.Module]:
    """18pct; 26pct and quick are the same without normalisation and with a ``hidden`` layer before the outputs."""
    features = 64 * side**2
    head: dict[str, nn.Module] = {"fc64": nn.Linear(features, 64), "relu4": nn.ReLU(inplace=True)} if hidden else {}
    return {
        "conv1": _conv(in_channels, 32),
        "pool1": _max_pool(),
        "relu1": nn.ReLU(inplace=True),
        "rnorm1": SameMapNorm(3, alpha=5e-5 / 9, beta=0.75, k=1),
        "conv2": _conv(32, 32),
        "relu2": nn.ReLU(inplace=True),
        "pool2": _avg_pool(),
        "rnorm2": SameMapNorm(3, alpha=5e-5 / 9, beta=0.75, k=1),
        "conv3": _conv(32, 64),
        "relu3": nn.ReLU(inplace=True),
        "pool3": _avg_pool(),
        "flatten": nn.Flatten(),
        **head,
        "fc10": nn.Linear(64 if hidden else features, num_classes),
    }
