"""The CIFAR-10 demo of ConvNetJS (Karpathy, github.com/karpathy/convnetjs, demo/cifar10.html)."""

from torch import nn

from zoo.models.network import Network, channels_option, check_sizes, check_variant


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
