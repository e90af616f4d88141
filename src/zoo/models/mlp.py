"""The multilayer perceptron, with any widths and the six activations of the lecture."""

from collections.abc import Callable
from typing import Literal

from torch import nn

from zoo.layers import Maxout
from zoo.models.network import Network, check_sizes, check_variant

Activation = Literal["sigmoid", "tanh", "relu", "leaky_relu", "maxout", "elu"]
MAXOUT_PIECES = 2
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "maxout": lambda: Maxout(MAXOUT_PIECES),
    "elu": nn.ELU,
}


class MLP(Network):
    """Fully connected layers fc1, fc2, ... with ``hidden`` widths; (N, C, H, W) to (N, num_classes).

    Sigmoid is the logistic unit of Rumelhart, Hinton and Williams (1986). Maxout takes the larger of two linear
    functions a unit and so doubles the weights of its layer.

    Deviations and guesses: weights start from He's normal distribution for the ReLU family and Maxout, from
    Glorot's for sigmoid and tanh, biases from zero; 1986 gives no rule for image-sized layers. The default unit is
    the ReLU, as in today's lectures; 1986 has the logistic unit and the squared error, as the network "symmetry" does.
    """

    name = "mlp"

    def __init__(
        self,
        variant: str = "paper",
        num_classes: int = 10,
        in_channels: int = 3,
        input_size: int = 32,
        hidden: tuple[int, ...] = (100,),
        activation: Activation = "relu",
    ) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: the paper's form is the only one
            num_classes: how many classes there are logits for
            in_channels: channels of an image: 1 is grey, 3 is colour
            input_size: pixels a side of the image
            hidden: units of each hidden layer
            activation: what a hidden unit computes of its sum
        """
        check_variant(variant, ("paper",))
        check_sizes(num_classes=num_classes, in_channels=in_channels, input_size=input_size)
        for units in hidden:
            check_sizes(hidden=units)
        if activation not in ACTIVATIONS:
            raise ValueError(f"no activation {activation!r}; there is {', '.join(ACTIVATIONS)}")
        layers: dict[str, nn.Module] = {"flatten": nn.Flatten()}
        width = in_channels * input_size**2
        for number, units in enumerate(hidden, start=1):
            layers[f"fc{number}"] = nn.Linear(width, units * (MAXOUT_PIECES if activation == "maxout" else 1))
            layers[f"{activation}{number}"] = ACTIVATIONS[activation]()
            width = units
        layers[f"fc{len(hidden) + 1}"] = nn.Linear(width, num_classes)
        options = {
            "num_classes": num_classes,
            "in_channels": in_channels,
            "input_size": input_size,
            "hidden": tuple(hidden),
            "activation": activation,
        }
        super().__init__(layers, variant, (in_channels, input_size, input_size), options)
        self.apply(_glorot if activation in ("sigmoid", "tanh") else _he)


def _he(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(module.bias)


def _glorot(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_normal_(module.weight)
        nn.init.zeros_(module.bias)
