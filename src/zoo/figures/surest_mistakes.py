"""``mistakes``: the test images of which a network is surest and wrong."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zoo.figures import style
from zoo.figures.examples import Seen, sample, seen
from zoo.figures.features import probabilities
from zoo.figures.subject import line_of
from zoo.figures.tiles import as_colours, show
from zoo.weights.find import find
from zoo.weights.trained import Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Images that are searched unless a number is given, and mistakes that are shown.
SEARCHED, SHOWN = 2000, 20


def surest(chances: Tensor, labels: Tensor, most: int) -> Tensor:
    """The places (N,) of up to ``most`` wrong images, the surest first; ``chances`` are (N, classes).

    Equal confidences keep the order of the images.
    """
    best = chances.max(dim=1)
    wrong = (best.indices != labels).nonzero()[:, 0]
    order = torch.sort(best.values[wrong], descending=True, stable=True).indices[:most]
    return wrong[order]


@style.styled
def mistakes(
    weights: "str | Path | Weights", *, count: int = SEARCHED, seed: int = 0, root: str | None = None,
    download: bool = False,
) -> "Figure":  # fmt: skip
    """Up to twenty images that the network takes for another class with the greatest probability.

    Below each its class, what it was taken for, and how sure. ``count`` test images are searched.
    """
    found = find(weights)
    given: Seen = seen(found, sample(found, count, seed, root, download))
    assert given.labels is not None
    chances = probabilities(found.network(), given.inputs)
    places = surest(chances, given.labels, SHOWN)
    wrong = int((chances.argmax(dim=1) != given.labels).sum())
    number = len(places)
    columns = min(5, max(number, 1))
    figure = style.new(8.2, 1.5 + 1.95 * -(-number // columns))
    axes = figure.add_subplot()
    names = found.class_names
    labels = [
        f"{names[int(given.labels[n])]}\ntaken for {names[int(chances[n].argmax())]}\n{100 * chances[n].max():.1f} %"
        for n in places.tolist()
    ]
    if number:
        show(axes, as_colours(given.pixels[places]), columns, labels, size=7.5, room=0.42)
    else:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center")
    return style.describe(
        figure,
        f"{found.name}: the surest mistakes",
        f"{line_of(found)}\nthe {number} surest of {wrong:,} mistakes; n = {len(given.labels):,} images searched"
        f" ({given.line})",
        f"The {number} test images of which {found.name} is surest and wrong: "
        + "; ".join(label.replace("\n", " ") for label in labels[:10]) + ".",
    )  # fmt: skip
