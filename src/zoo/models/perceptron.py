"""The perceptron with Rosenblatt's error-correction rule (Rosenblatt 1960 and 1962; the 1958 paper has other rules)."""

from typing import Literal

from torch import nn

from zoo.layers import AUnits, Retina
from zoo.models.network import Network, check_sizes, check_variant
from zoo.options import Chance

Variant = Literal["paper", "mark1"]
RETINA = 20
DEFAULTS = {
    "paper": {"num_classes": 10, "in_channels": 3, "input_size": 32},
    "mark1": {
        "num_classes": 8,
        "in_channels": 1,
        "input_size": RETINA,
        "num_a_units": 512,
        "excitatory": 3,
        "inhibitory": 2,
        "threshold": 1,
        "wiring_seed": 0,
    },
}


class Perceptron(Network):
    """Threshold units ("R-units"), one a class, starting from zero; logits are their sums before the threshold.

    ``paper``: the R-units read all pixels and a constant 1. ``mark1``: the Mark I perceptron of 1960, a retina of
    20x20 photocells, 512 A-units with fixed random wiring and 8 R-units, 4,096 values between them and no constant.
    An option that is None has the variant's own value; the last five exist in ``mark1`` alone: the number of A-units,
    their ``excitatory`` and ``inhibitory`` origin points, the ``threshold`` of their sum, the seed of the wiring.

    Deviations and guesses: in ``paper``, pixels stand in for the 1958 A-units. Among several units that fire, or none,
    the class is the unit with the largest sum. In ``mark1``, 400 photocells, 512 A-units and 8 R-units are what
    secondary sources say; the machine had 8 R-units, so ten classes take two more than it had. Guesses: 3 excitatory
    and 2 inhibitory connections an A-unit, all to different photocells, its threshold of 1, reached or passed, and an
    R-unit's threshold fixed at 0. An image is averaged to grey and brought to 20x20 by averaging areas; a photocell
    is on where it is lighter than the middle between the darkest and the lightest.
    """

    name = "perceptron"

    def __init__(
        self,
        variant: Variant = "paper",
        num_classes: int | None = None,
        in_channels: int | None = None,
        input_size: int | None = None,
        num_a_units: int | None = None,
        excitatory: int | None = None,
        inhibitory: int | None = None,
        threshold: int | None = None,
        wiring_seed: Chance[int | None] = None,
    ) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: paper reads the pixels, mark1 the A-units of the Mark I
            num_classes: how many classes there are logits for; unless given 10, or 8 in mark1
            in_channels: channels of an image: 1 is grey, 3 is colour; unless given 3, or 1 in mark1
            input_size: pixels a side of the image; unless given 32, or 20 in mark1
            num_a_units: mark1: how many A-units there are, 512 unless given
            excitatory: mark1: photocells that speak for an A-unit, 3 unless given
            inhibitory: mark1: photocells that speak against it, 2 unless given
            threshold: mark1: the sum from which an A-unit is active, 1 unless given
            wiring_seed: mark1: seed of the random wiring, 0 unless given
        """
        check_variant(variant, tuple(DEFAULTS))
        check_sizes(num_classes=num_classes, in_channels=in_channels, input_size=input_size)
        given = {"num_classes": num_classes, "in_channels": in_channels, "input_size": input_size}
        wiring = {"num_a_units": num_a_units, "excitatory": excitatory, "inhibitory": inhibitory}
        options = _settled(variant, given | wiring | {"threshold": threshold, "wiring_seed": wiring_seed})
        channels, size = options["in_channels"], options["input_size"]
        before = _mark1(options) if variant == "mark1" else {"flatten": nn.Flatten()}
        width = options["num_a_units"] if variant == "mark1" else channels * size**2
        r_units = nn.Linear(width, options["num_classes"], bias=variant == "paper")
        for parameter in r_units.parameters():
            nn.init.zeros_(parameter)
        super().__init__(before | {"r_units": r_units}, variant, (channels, size, size), options)

    def takes(self, shape: tuple[int, ...]) -> bool:
        """The retina of ``mark1`` brings any image to its own size and to grey."""
        return super().takes(shape) or (self.variant == "mark1" and len(shape) == len(self.input_shape))


def _settled(variant: str, given: dict[str, int | None]) -> dict[str, int]:
    """The variant's options, as given or else its own; raises ValueError for one that it does not have."""
    own = DEFAULTS[variant]
    for name, value in given.items():
        if value is not None and name not in own:
            raise ValueError(f"the perceptron's variant {variant!r} has no A-units, so no {name}: 'mark1' has")
    return {name: value if (chosen := given[name]) is None else chosen for name, value in own.items()}


def _mark1(options: dict[str, int]) -> dict[str, nn.Module]:
    wiring = (options[name] for name in ("num_a_units", "excitatory", "inhibitory", "threshold", "wiring_seed"))
    return {"s_points": Retina(RETINA), "a_units": AUnits(RETINA**2, *wiring)}
