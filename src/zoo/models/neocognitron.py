"""The neocognitron (Fukushima, "Neocognitron: a self-organizing neural network model", Biol. Cybernetics 36, 1980)."""

from zoo.layers import CCells, SCells, TopCells
from zoo.models.network import Network, check_sizes, check_variant

PLANES = 24


class Neocognitron(Network):
    """The simulated network: (N, 1, 16, 16), ink 1 on 0, to logits (N, num_classes); 24 cell-planes a layer.

    US1 24x16x16, UC1 24x10x10, US2 24x8x8, UC2 24x6x6, US3 24x2x2, UC3 24x1x1. An S-cell reads 5x5 places of all planes
    below, a C-cell 5x5 (UC3 2x2) of its own plane. 29,472 values are learnt: 29,400 excitatory a and 72 inhibitory b.
    ``top_cells`` turns the 24 cells of UC3 into logits once training has shown what each of them answers.

    Deviations and guesses: the sizes, r, q, alpha and the rule are the paper's, as secondary sources give them; guessed
    are the formulas of the cells; c, which falls by 0.95, 0.7 and 0.8 a cell in the three layers; d, 4 in the middle,
    which falls by 0.7; the initial a, at most 1e-3 in US1 and 1e-6 in US2 and US3: a line whose direction turns from
    plane to plane, in US2 and US3 times the nearness of the two planes' numbers; and the geometry, which only has to
    give the printed sizes: stride 1, a border of zeros of 2, 1 and 0 around the input of US1, US2 and US3 and of 1
    around that of UC2, while UC1 leaves out the outermost S-cells. The multiply-accumulates leave out the inhibitory
    cells. Logits are not in the paper: they name a top cell after what it answers, and are NaN where none answers.
    """

    name = "neocognitron"

    def __init__(self, variant: str = "paper", num_classes: int = 5) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: the paper's form is the only one
            num_classes: how many classes there are logits for
        """
        check_variant(variant, ("paper",))
        check_sizes(num_classes=num_classes)
        super().__init__(
            {
                "us1": SCells(1, PLANES, size=5, padding=2, r=4.0, decay=0.95, initial=1e-3),
                "uc1": CCells(size=5, padding=-1, alpha=0.5, decay=0.7, strength=4.0),
                "us2": SCells(PLANES, PLANES, size=5, padding=1, r=1.5, decay=0.7, initial=1e-6),
                "uc2": CCells(size=5, padding=1, alpha=0.5, decay=0.7, strength=4.0),
                "us3": SCells(PLANES, PLANES, size=5, padding=0, r=1.5, decay=0.8, initial=1e-6),
                "uc3": CCells(size=2, padding=0, alpha=0.5, decay=0.7, strength=4.0),
                "top_cells": TopCells(PLANES, num_classes),
            },
            variant,
            (1, 16, 16),
            {"num_classes": num_classes},
        )
