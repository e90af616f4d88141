"""The CIFAR-10 demo of ConvNetJS (Karpathy, github.com/karpathy/convnetjs, demo/cifar10.html)."""

from typing import Any

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import nn

from zoo.evaluation.protocols import SIX_VIEWS
from zoo.models.classifier import Classifier
from zoo.models.network import Network, channels_option, check_sizes, check_variant
from zoo.models.options import takes_options_of
from zoo.optim import AnySchedule


class ConvNetJS(Network):
    """The demo's network: images (N, 3, 32, 32), pixels p / 255 - 0.5, to logits (N, num_classes).

    Three times a 5x5 convolution, ReLU and 2x2 max-pooling, then one fully connected layer: 22,466 parameters.
    Weights start from N(0, 1 / fan-in), biases at 0.1 where a ReLU follows and at 0 in the last layer.

    Deviations and guesses: float32 where the demo computes in JavaScript's float64. The snapshot behind the demo's
    button "load a pretrained network (achieves ~80% accuracy)" is not in its repository, so that its layers may have
    been others.
    """

    name = "convnetjs"

    def __init__(self, variant: str = "paper", num_classes: int = 10, in_channels: int = 3) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: the paper's form is the only one
            num_classes: how many classes there are logits for
            in_channels: channels of an image: 1 is grey, 3 is colour
        """
        check_variant(variant, ("paper",))
        check_sizes(num_classes=num_classes, in_channels=in_channels)
        layers: dict[str, nn.Module] = {}
        channels = in_channels
        for number, width in enumerate((16, 20, 20), start=1):
            layers[f"conv{number}"] = nn.Conv2d(channels, width, 5, padding=2)
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
            layers[f"pool{number}"] = nn.MaxPool2d(2)
            channels = width
        layers |= {"flatten": nn.Flatten(), "fc": nn.Linear(channels * 4 * 4, num_classes)}
        options = {"num_classes": num_classes} | channels_option(in_channels)
        super().__init__(layers, variant, (in_channels, 32, 32), options)
        self.apply(_initialize)


def _initialize(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        assert module.bias is not None
        nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
        nn.init.constant_(module.bias, 0.1 if isinstance(module, nn.Conv2d) else 0.0)


class ConvNetJSModel(Classifier):
    """The demo's network with cross-entropy and Adadelta (Zeiler 2012), tested on the mean over six views.

    The demo adds 1e-4 w to the sum of four gradients and then divides by four: against the mean gradient its weight
    decay is 2.5e-5, and none for biases. Its Adadelta has no rate, which is torch's with a rate of 1.

    Deviations and guesses: the demo draws images with replacement, from a thousand of them at first and a thousand
    more every 2,000 steps; here an epoch visits every image once. The demo validates on every tenth image, augmented,
    and its test figure is that of the last 200 images that it drew out of a thousand test images, with new views each
    time; here the held-out slice is stratified and seen as it is, all test images count once, and an image's views stay
    the same.
    """

    protocol = SIX_VIEWS

    @takes_options_of(ConvNetJS, without=("variant",))
    def __init__(
        self,
        *args: Any,
        optimizer: OptimizerCallable = lambda groups: torch.optim.Adadelta(
            groups, lr=1.0, rho=0.95, eps=1e-8, weight_decay=2.5e-5
        ),
        schedule: AnySchedule | None = None,
        **options: Any,
    ) -> None:
        super().__init__(ConvNetJS("paper", *args, **options), optimizer, schedule)
