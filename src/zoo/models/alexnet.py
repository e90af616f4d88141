"""AlexNet (Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks", 2012)."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.layers import ResponseNorm, UnscaledDropout
from zoo.layers.towers import Halved, InEach, OnFirst, whole
from zoo.models.network import Network, channels_option, check_sizes, check_variant
from zoo.models.unfilled import Unfilled, pass_over
from zoo.options import ChangesNoNumber

Variant = Literal["paper", "torchvision", "cifar", "one_gpu", "joined", "caffe", "caffenet", "bearpaw"]
Source = Literal["paper", "code"]

VARIANTS = get_args(Variant)
# Those that the options ``order``, ``alpha`` and ``init`` are for.
OF_2012 = ("paper", "cifar", "one_gpu", "joined")
# Those whose groups and normalisation stay inside a tower.
OF_TWO_TOWERS = ("paper", "cifar")

# What follows one another in each of the five blocks of layers before fc6.
_PLAIN, _LAST = "conv relu", "conv relu pool"
ORDERS = {
    "paper": ("conv relu norm pool", "conv relu norm pool", _PLAIN, _PLAIN, _LAST),
    "code": ("conv norm pool relu", "conv relu norm pool", _PLAIN, _PLAIN, "conv pool relu"),
    "caffenet": ("conv relu pool norm", "conv relu pool norm", _PLAIN, _PLAIN, _LAST),
    "torchvision": (_LAST, _LAST, _PLAIN, _PLAIN, _LAST),
}
WIDTHS = {"one_gpu": (48, 128, 192, 192, 256), "torchvision": (64, 192, 384, 256, 256)}
WIDTHS["bearpaw"] = WIDTHS["torchvision"]


class AlexNet(Network):
    """AlexNet: images (N, 3, S, S), pixels of 0..255 less their mean, to logits (N, num_classes) (section 3.5).

    S is 224 and there are 1000 classes unless given; 227 for ``caffe`` and ``caffenet``, 32 and 10 for ``cifar`` and
    ``bearpaw``.

    ``paper``: two groups where two GPUs worked apart, response normalisation inside each, 60,965,224 parameters.
    ``one_gpu``: the one column of section 3.2 with half the kernels in conv1 to conv4. ``joined``: the paper's form
    without groups, as it is often built. ``caffe``: BVLC's bvlc_alexnet; ``caffenet``: BVLC's reference CaffeNet, which
    pools before it normalises. ``torchvision``: the net of "One weird trick" (Krizhevsky 2014) without normalisation.
    ``cifar``: the paper's form with a 5x5 first layer of stride 1 and 1,024 units in fc6 and fc7, for 32x32 images.
    ``bearpaw``: the net of bearpaw/pytorch-classification for 32x32, torchvision's convolutions with 2x2 pooling and
    one fully connected layer, 2,472,266 parameters.

    Where the paper and the 2012 code (layers-145) differ, three options choose, "paper" or "code": ``order`` (code:
    block 1 is conv-norm-pool-ReLU, block 5 conv-pool-ReLU), ``alpha`` of the normalisation (code: the printed 1e-4
    divided by the five maps) and ``init`` (code: a spread of 0.03 in conv3 to conv5).

    ``towers`` "split" is for training ``paper`` and ``cifar`` on two GPUs as in 2012 (section 3.2, figure 2): each has
    half of the maps and units, with the weights for them, and they communicate at conv3, fc6 and fc7 alone. ``place``
    says on which. Logits, gradients and state are those of one device, but for the rounding of sums.

    Deviations and guesses of two towers: fc8 lies whole on the first GPU, and so does dropout, so that it leaves out
    the units that it leaves out on one; how the 2012 code divided fc8 is not in the paper.

    Deviations and guesses of ``paper``: 224 pixels do not fit 11x11 at stride 4, so three zero columns and rows are
    added at the right and the bottom, as the 2012 code reads them; the code's cnorm2 layer (normalisation inside each
    map), absent from the paper, is absent here under "code" too. ``one_gpu``: the 2012 code kept conv5 and fc6 at full
    size (layers-145-half), and so does this. ``caffe`` and ``caffenet``: pooling rounds down where Caffe rounds up,
    which is the same at 227. ``joined`` and ``cifar`` are no published networks.

    Deviations and guesses of the first weights: none, but biases of 1 give the logits a spread of 0.85 between
    classes that no image has caused, so that the first loss is above ln(classes): 2.43 on the ten classes of
    Imagenette, where ln 10 is 2.30. At the paper's rate of 0.01 and batches of 128 it rises to 3.0, the mean of
    steps 10 to 19, and is 2.26 in steps 50 to 59. ``caffe``, with biases of 0.1, goes in batches of 32 from 2.32,
    the mean of the first ten steps, to 2.24 in steps 50 to 99.
    """

    name = "alexnet"

    def __init__(
        self,
        variant: Variant = "paper",
        num_classes: int | None = None,
        input_size: int | None = None,
        order: Source = "paper",
        alpha: Source = "paper",
        init: Source = "paper",
        in_channels: int = 3,
        towers: ChangesNoNumber[Literal["together", "split"]] = "together",
    ) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: the paper's form, or one that others gave it
            num_classes: how many classes there are logits for; unless given 1000, or 10 in the form cifar
            input_size: pixels a side of the image; unless given the form's own, 224, 227 or 32
            order: whether the layers of blocks 1 and 5 follow one another as in the paper or as in the 2012 code
            alpha: whether the normalisation's alpha is the paper's or that of the 2012 code
            init: whether the first weights are the paper's or those of the 2012 code
            in_channels: channels of an image: 1 is grey, 3 is colour
            towers: split for training on two GPUs of one process, as in 2012; the numbers are those of one
        """
        check_variant(variant, VARIANTS)
        check_sizes(num_classes=num_classes, input_size=input_size, in_channels=in_channels)
        choices = {"order": order, "alpha": alpha, "init": init}
        _check_choices(variant, choices)
        if towers not in ("together", "split"):
            raise ValueError(f"no towers {towers!r}; there is together, split")
        if towers == "split" and variant not in OF_TWO_TOWERS:
            raise ValueError(f"towers 'split' is for the variants {', '.join(OF_TWO_TOWERS)}, not for {variant}")
        usual_size = {"cifar": 32, "bearpaw": 32, "caffe": 227, "caffenet": 227}.get(variant, 224)
        size = usual_size if input_size is None else input_size
        num_classes = (10 if variant in ("cifar", "bearpaw") else 1000) if num_classes is None else num_classes
        units = 1024 if variant == "cifar" else 4096
        # In these two forms the layers keep the first weights that torch gives them.
        as_torch_has_them = variant in ("torchvision", "bearpaw")
        with nullcontext() if as_torch_has_them else Unfilled():
            features = _features(variant, order, alpha, in_channels)
            head = _head(256 * _side_of_maps(features, size, variant) ** 2, units, num_classes, variant)
        options = {"num_classes": num_classes, "input_size": size} | (choices if variant in OF_2012 else {})
        super().__init__(features | head, variant, (in_channels, size, size), options | channels_option(in_channels))
        if not as_torch_has_them:
            pass_over(self.children())
            _initialize(self, variant, init)
        # Where its parts lie is no part of what it is, so that ``options`` does not have it.
        self.towers = towers
        if towers == "split":
            for name, layer in list(self.named_children()):
                setattr(self, name, _in_towers(name, layer))

    def place(self, first: torch.device, second: torch.device) -> None:
        """Of split towers, where the second goes whenever the network is moved to ``first``."""
        for layer in self.children():
            if isinstance(layer, Halved):
                layer.place(first, second)

    def features(self, images: Tensor, layer: str) -> Tensor:
        """As of any network; split towers are joined."""
        found: Any = super().features(images, layer)
        return found if isinstance(found, Tensor) else whole(found, found[0].device)

    def compile(self, *args: Any, **options: Any) -> None:
        """As torch has it; raises InputError for split towers, as a compiled program is one device's."""
        if self.towers == "split":
            raise InputError("--compile is for one device: leave it out, or model.towers.")
        super().compile(*args, **options)


def _in_towers(name: str, layer: nn.Module) -> nn.Module:
    """A layer as it is where the two towers of figure 2 are apart."""
    if name in ("pad", "fc8"):
        return layer
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        return Halved(layer)
    if isinstance(layer, nn.Dropout):
        return OnFirst(layer)
    if isinstance(layer, ResponseNorm):
        return InEach(ResponseNorm(layer.size, layer.alpha, layer.beta, layer.k, layer.groups // 2))
    return InEach(layer)


def _check_choices(variant: str, choices: Mapping[str, str]) -> None:
    for option, value in choices.items():
        if value not in ("paper", "code"):
            raise ValueError(f"no {option} {value!r}; there is paper, code")
        if value != "paper" and variant not in OF_2012:
            raise ValueError(f"{option} {value!r} is for the variants {', '.join(OF_2012)}, not for {variant}")


def _side_of_maps(features: Mapping[str, nn.Module], size: int, variant: str) -> int:
    """Pixels a side of the last maps. Raises ValueError where images of this size leave none."""
    side = size
    for layer in features.values():
        if isinstance(layer, nn.ZeroPad2d):
            side += 3
        elif isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            side = _side_after(side, layer)
    if side < 1:
        raise ValueError(f"AlexNet's {variant} form does not fit images of {size}x{size}: they are too small")
    return side


def _side_after(side: int, layer: nn.Conv2d | nn.MaxPool2d) -> int:
    kernel, stride, padding = (
        v if isinstance(v, int) else v[0] for v in (layer.kernel_size, layer.stride, layer.padding)
    )
    return (side - int(kernel) + 2 * int(padding)) // int(stride) + 1


def _features(variant: str, order: str, alpha: str, in_channels: int) -> dict[str, nn.Module]:
    """All layers before fc6."""
    layers: dict[str, nn.Module] = (
        {"pad": nn.ZeroPad2d((0, 3, 0, 3))} if variant in ("paper", "one_gpu", "joined") else {}
    )
    theirs = {"caffe": "paper", "caffenet": "caffenet", "torchvision": "torchvision", "bearpaw": "torchvision"}
    blocks = ORDERS[theirs.get(variant, order)]
    for number, (conv, block) in enumerate(zip(_convolutions(variant, in_channels), blocks, strict=True), start=1):
        for kind in block.split():
            if kind == "conv":
                layers[f"conv{number}"] = conv
            elif kind == "relu":
                layers[f"relu{number}"] = nn.ReLU(inplace=True)
            elif kind == "pool":
                layers[f"pool{number}"] = nn.MaxPool2d(2 if variant == "bearpaw" else 3, stride=2)
            else:
                layers[f"norm{number}"] = _norm(variant, alpha)
    return layers


def _convolutions(variant: str, in_channels: int) -> list[nn.Conv2d]:
    """conv1 to conv5."""
    widths = WIDTHS.get(variant, (96, 256, 384, 384, 256))
    groups = 1 if variant in ("one_gpu", "joined", "torchvision", "bearpaw") else 2
    if variant == "cifar":
        first = nn.Conv2d(in_channels, widths[0], 5, padding=2)
    else:
        padding = {"torchvision": 2, "bearpaw": 5}.get(variant, 0)
        first = nn.Conv2d(in_channels, widths[0], 11, stride=4, padding=padding)
    return [
        first,
        nn.Conv2d(widths[0], widths[1], 5, padding=2, groups=groups),
        # The one layer that reads both GPUs' maps.
        nn.Conv2d(widths[1], widths[2], 3, padding=1),
        nn.Conv2d(widths[2], widths[3], 3, padding=1, groups=groups),
        nn.Conv2d(widths[3], widths[4], 3, padding=1, groups=groups),
    ]


def _norm(variant: str, alpha: str) -> ResponseNorm:
    """Section 3.3. Caffe has k = 1 and lets the windows run over all maps; its alpha is divided as in the 2012 code."""
    if variant in ("caffe", "caffenet"):
        return ResponseNorm(5, alpha=1e-4 / 5, beta=0.75, k=1)
    groups = 2 if variant in ("paper", "cifar") else 1
    return ResponseNorm(5, alpha=1e-4 if alpha == "paper" else 1e-4 / 5, beta=0.75, k=2, groups=groups)


def _head(in_features: int, units: int, num_classes: int, variant: str) -> dict[str, nn.Module]:
    """fc6 to fc8; dropout stands before fc6 and fc7 in torchvision's net, after them elsewhere (section 4.2)."""
    if variant == "bearpaw":
        return {"flatten": nn.Flatten(), "fc8": nn.Linear(in_features, num_classes)}
    dropout = UnscaledDropout if variant in OF_2012 else nn.Dropout
    fc6: dict[str, nn.Module] = {"fc6": nn.Linear(in_features, units), "relu6": nn.ReLU(inplace=True)}
    fc7: dict[str, nn.Module] = {"fc7": nn.Linear(units, units), "relu7": nn.ReLU(inplace=True)}
    drop6: dict[str, nn.Module] = {"drop6": dropout(0.5)}
    drop7: dict[str, nn.Module] = {"drop7": dropout(0.5)}
    order = drop6 | fc6 | drop7 | fc7 if variant == "torchvision" else fc6 | drop6 | fc7 | drop7
    return {"flatten": nn.Flatten()} | order | {"fc8": nn.Linear(units, num_classes)}


def _initialize(network: nn.Module, variant: str, init: str) -> None:
    """Weights N(0, 0.01^2); biases 1 in conv2, conv4, conv5, fc6 and fc7, else 0 (section 5).

    The 2012 code spreads conv3 to conv5 by 0.03. Caffe's two spread fc6 and fc7 by 0.005, and bvlc_alexnet, whose loss
    stayed flat with biases of 1, has 0.1 for them.
    """
    stds = dict.fromkeys(("conv3", "conv4", "conv5"), 0.03) if init == "code" else {}
    if variant in ("caffe", "caffenet"):
        stds = dict.fromkeys(("fc6", "fc7"), 0.005)
    bias = 0.1 if variant == "caffe" else 1.0
    for name, layer in network.named_children():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            assert layer.bias is not None
            nn.init.normal_(layer.weight, std=stds.get(name, 0.01))
            nn.init.constant_(layer.bias, bias if name in ("conv2", "conv4", "conv5", "fc6", "fc7") else 0.0)
