"""``mistakes``: the test images of which a network is surest and wrong."""

from dataclasses import dataclass
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
    return surest_of(best.values, best.indices != labels, most)


def surest_of(confidence: Tensor, wrong: Tensor, most: int) -> Tensor:
    """The same by the confidence (N,) of each image and whether it is wrong, (N,)."""
    places = wrong.nonzero()[:, 0]
    return places[torch.sort(confidence[places], descending=True, stable=True).indices[:most]]


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
    names = found.class_names
    labels = [names[int(label)] for label in given.labels[places]]
    taken = [names[int(best)] for best in chances[places].argmax(dim=1)]
    confidence = chances[places].amax(dim=1).tolist()
    shown = Mistakes(given.pixels[places], labels, taken, confidence, wrong, len(given.labels), given.line)
    return sheet(found.name, line_of(found), shown)


@dataclass(frozen=True)
class Mistakes:
    """The surest of ``wrong`` mistakes among ``searched`` images, which ``line`` names.

    ``pixels`` are uint8 (n, C, H, W); each has the name of its class, of the class that it was taken for, and the
    probability of that.
    """

    pixels: Tensor
    labels: list[str]
    taken: list[str]
    confidence: list[float]
    wrong: int
    searched: int
    line: str


@style.styled
def sheet(name: str, line: str, found: Mistakes) -> "Figure":
    """The images with their words below them; ``line`` names the network in the caption."""
    number = len(found.pixels)
    columns = min(5, max(number, 1))
    figure = style.new(8.2, 1.5 + 1.95 * -(-number // columns))
    axes = figure.add_subplot()
    labels = [
        f"{label}\ntaken for {taken}\n{100 * confidence:.1f} %"
        for label, taken, confidence in zip(found.labels, found.taken, found.confidence, strict=True)
    ]
    if number:
        show(axes, as_colours(found.pixels), columns, labels, size=7.5, room=0.42)
    else:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center")
    return style.describe(
        figure,
        f"{name}: the surest mistakes",
        f"{line}\nthe {number} surest of {found.wrong:,} mistakes; n = {found.searched:,} images searched"
        f" ({found.line})",
        f"The {number} test images of which {name} is surest and wrong: "
        + "; ".join(label.replace("\n", " ") for label in labels[:10]) + ".",
    )  # fmt: skip
