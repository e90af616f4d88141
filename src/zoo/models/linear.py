"""The linear softmax classifier: logits = W x + b on raw pixels, cross-entropy, L2 on W."""

from torch import nn

from zoo.models.network import Network, check_sizes, check_variant


class Linear(Network):
    """One linear layer on all pixels, starting from zero.

    Deviations and guesses: none to speak of; the form is as old as logistic regression and no single paper defines it.
    """

    name = "linear"

    def __init__(
        self, variant: str = "paper", num_classes: int = 10, in_channels: int = 3, input_size: int = 32
    ) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: the paper's form is the only one
            num_classes: how many classes there are logits for
            in_channels: channels of an image: 1 is grey, 3 is colour
            input_size: pixels a side of the image
        """
        check_variant(variant, ("paper",))
        check_sizes(num_classes=num_classes, in_channels=in_channels, input_size=input_size)
        fc = nn.Linear(in_channels * input_size**2, num_classes)
        nn.init.zeros_(fc.weight)
        nn.init.zeros_(fc.bias)
        super().__init__(
            {"flatten": nn.Flatten(), "fc": fc},
            variant,
            (in_channels, input_size, input_size),
            {"num_classes": num_classes, "in_channels": in_channels, "input_size": input_size},
        )
