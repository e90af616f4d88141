"""Krizhevsky's networks for CIFAR-10, the examples that came with cuda-convnet (2011 and 2012)."""

from typing import Any, Literal, get_args

from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.evaluation.protocols import NINE_CROPS, TEN_CROPS
from zoo.layers import Local2d, ResponseNorm, SameMapNorm
from zoo.models.classifier import Classifier
from zoo.models.network import Network, channels_option, check_sizes, check_variant
from zoo.models.options import takes_options_of
from zoo.optim import AnySchedule, MomentumSGD
from zoo.views import center

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

# "wc" of the layer parameters. cuda-convnet adds -wc * rate * w to the step of every batch, and the gradient is the
# mean over the batch: torch's weight_decay is the very same number. That of "quick" is Caffe's, one for all.
WEIGHT_DECAY = {
    "11pct": {"conv1": 0.0, "conv2": 0.0, "local3": 0.004, "local4": 0.004, "fc10": 0.01},
    "13pct": {"conv1": 0.0, "conv2": 0.0, "local3": 0.004, "local4": 0.004, "fc10": 0.004},
    "18pct": {"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc10": 1.0},
    "26pct": {"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc64": 0.03, "fc10": 0.03},
    "quick": dict.fromkeys(("conv1", "conv2", "conv3", "fc64", "fc10"), 0.004),
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


_PROTOCOLS = {"11pct": TEN_CROPS, "13pct": NINE_CROPS}


class CudaConvnetModel(Classifier):
    """cuda-convnet's networks with cross-entropy, one weight decay a layer, biases at twice the rate and undecayed.

    The local networks train on crops of 24x24 and look at the middle of the held-out images; they are tested on crops
    of the whole images: 13pct on nine, as the code of 2011 did, 11pct on ten, as it did from the day that brought
    11pct. ``weight_decay`` maps each layer with weights to its coefficient, cuda-convnet's "wc", and is the variant's
    published table unless given. Raises ValueError for a table of other layers, InputError in training where the
    optimiser comes with a weight decay of its own or the images have another size than the network takes.

    Deviations and guesses: batches are drawn anew every epoch and the last one of an epoch is short; cuda-convnet goes
    through five files of 10,000 images in a fixed order and has a short batch at the end of each. A drop lowers the
    rates of weights and biases alike, as the 18pct file says ("all learning rates"); the 11pct file names those of the
    weights ("epsW") only. Of ``quick`` Caffe decays the biases, too.

    Args:
        weight_decay: the coefficient of each layer with weights; unless given the variant's published table
    """

    bias_rate = 2.0

    @takes_options_of(CudaConvnet)
    def __init__(
        self,
        *args: Any,
        weight_decay: dict[str, float] | None = None,
        optimizer: OptimizerCallable = lambda groups: MomentumSGD(groups, lr=0.001, momentum=0.9),
        schedule: AnySchedule | None = None,
        **options: Any,
    ) -> None:
        super().__init__(CudaConvnet(*args, **options), optimizer, schedule)
        self.protocol = self.protocol_of(self.network.variant)
        published = WEIGHT_DECAY[self.network.variant]
        self.weight_decay = published if weight_decay is None else weight_decay
        if set(self.weight_decay) != set(published):
            raise ValueError(
                f"weight_decay is about the layers {', '.join(published)}, not {', '.join(self.weight_decay) or 'none'}"
            )

    @classmethod
    def protocol_of(cls, variant: str) -> str:
        """Nine or ten crops where the variant trains on crops."""
        return _PROTOCOLS.get(variant, Classifier.protocol)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, S, S) to logits; while not training, larger images too, of which the middle is taken."""
        side, size = images.shape[2], self.network.input_shape[1]
        if side < size or (self.training and side > size):
            raise InputError(
                f"{self.network.name} {self.network.variant} takes images of {size}x{size}, not of {side}x{side}:"
                f" choose another data.transform, or set model.input_size to {side}."
            )
        return self.network(center(images, size))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """One group a layer for its weights, then the biases of all layers."""
        layers = {name: self.network.get_submodule(name) for name in self.weight_decay}
        groups: list[dict[str, Any]] = [
            {"params": [layer.weight], "weight_decay": self.weight_decay[name]} for name, layer in layers.items()
        ]
        biases = [layer.bias for layer in layers.values()]
        return [*groups, {"params": biases, "weight_decay": 0.0, "rate": self.bias_rate}]

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser over these groups; its own weight decay would be overruled by theirs, so it must be 0."""
        configured: Any = super().configure_optimizers()
        optimizer = configured["optimizer"] if isinstance(configured, dict) else configured
        own = optimizer.defaults.get("weight_decay")
        if own:
            raise InputError(
                f"The optimizer's weight_decay is {own}, but {self.network.name} has one a layer:"
                " set it to 0 and change model.weight_decay."
            )
        return configured
