"""The network that found mirror symmetry by back-propagation (Rumelhart, Hinton and Williams, Nature 323, 1986)."""

from torch import nn

from zoo.layers import OneUnit
from zoo.models.network import Network, check_sizes, check_variant

#: Initial weights are uniform between minus and plus this (Figure 1).
REACH = 0.3


class SymmetryNetwork(Network):
    """Six inputs, two hidden units and one output unit, all logistic: 14 weights and 3 biases (Figure 1).

    (N, 1, 1, 6) to logits (N, 2), which are 0 and the output unit's net input, so that their softmax is 1 - y and y
    for an output of y. ``num_classes`` above two takes one output unit a class.

    Deviations and guesses: that the biases start from the distribution of the weights, -0.3 to 0.3, is a guess. The
    paper shows one run, solved after 1,425 sweeps. Of 1,000 random starts here 325 answer all 64 patterns rightly
    after 1,425 sweeps (median 825) and 524 after 3,000; of 200, 188 after 20,000. The others still call every pattern
    asymmetric, which is right 56 times in 64. Solutions have mirrored weights equal and opposite, to 0.1 % of the
    largest; in about three quarters of them the magnitudes are as 1:2:4, the paper's, in the others as 2:3:4, which
    serves as well: no sum or difference of these numbers is zero either.
    """

    name = "symmetry"

    def __init__(self, variant: str = "paper", num_classes: int = 2) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: the paper's form is the only one
            num_classes: how many classes there are logits for
        """
        check_variant(variant, ("paper",))
        check_sizes(num_classes=num_classes)
        if num_classes < 2:
            raise ValueError(f"two classes share one output unit: num_classes is 2 or more, not {num_classes}")
        layers: dict[str, nn.Module] = {
            "flatten": nn.Flatten(),
            "hidden": nn.Linear(6, 2),
            "hidden_logistic": nn.Sigmoid(),
            "output": nn.Linear(2, 1 if num_classes == 2 else num_classes),
        }
        if num_classes == 2:
            layers["logits"] = OneUnit()
        super().__init__(layers, variant, (1, 1, 6), {"num_classes": num_classes})
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -REACH, REACH)
