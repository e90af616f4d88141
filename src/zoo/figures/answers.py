"""``top5``: images and the five classes that a network finds likeliest, as figure 4 (left) of AlexNet's paper."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.figures import style
from zoo.figures.examples import shown_to
from zoo.figures.features import probabilities
from zoo.figures.subject import line_of
from zoo.figures.tiles import as_colours
from zoo.weights.classify import leading
from zoo.weights.find import find
from zoo.weights.trained import Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COUNT, COLUMNS = 8, 4
# Of the class that is the image's, and of others.
RIGHT, OTHER = style.COLOURS[1], style.COLOURS[0]


@style.styled
def top5(
    weights: "str | Path | Weights", *, images: Sequence[str] | None = None, count: int = COUNT, seed: int = 0,
    root: str | None = None, download: bool = False,
) -> "Figure":  # fmt: skip
    """Images with their class, and bars for the probabilities of the five likeliest classes in percent.

    The bar of the image's own class is orange and its name bold; where it is not among the five, none is.
    """
    found = find(weights)
    network = found.network()
    shown = shown_to(found, images, count, seed, root, download)
    chances = probabilities(network, shown.inputs)
    # Softmax of its logarithm gives it back.
    answers = [leading(row.log(), found.class_names, 5) for row in chances]
    number = len(answers)
    columns = min(COLUMNS, number)
    rows = -(-number // columns)
    figure = style.new(max(4.5, 2.2 * columns), 1.0 + 3.1 * rows)
    axes = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[1.5, 1.0] * rows)
    for place in axes.flat:
        place.set_axis_off()
    pixels = as_colours(shown.pixels)
    for n, guesses in enumerate(answers):
        above, below = axes[2 * (n // columns) : 2 * (n // columns) + 2, n % columns]
        above.imshow(pixels[n])
        truth = None if shown.labels is None else int(shown.labels[n])
        if truth is not None:
            above.set_title(found.class_names[truth], fontweight="bold")
        below.set_axis_on()
        percents = [100 * guess.probability for guess in guesses]
        colours = [RIGHT if guess.index == truth else OTHER for guess in guesses]
        # Pale, so that the names on them can be read.
        below.barh(range(len(guesses)), percents, color=colours, height=0.8, alpha=0.5)
        for place, guess in enumerate(guesses):
            below.annotate(
                guess.name, (0, place), (3, 0), textcoords="offset points", va="center", fontsize=7.5,
                fontweight="bold" if guess.index == truth else "normal",
            )  # fmt: skip
        below.set(xlim=(0, 100), ylim=(4.6, -0.6), yticks=[], xticks=[0, 50, 100])
        below.set_xlabel("probability, %", fontsize=7.5)
        below.tick_params(labelsize=7)
    wrong = ""
    if shown.labels is not None:
        hits = [sum(g.index == int(t) for g in a[:1]) for a, t in zip(answers, shown.labels, strict=True)]
        within = sum(int(t) in [g.index for g in a] for a, t in zip(answers, shown.labels, strict=True))
        wrong = f"; the first class is right for {sum(hits)}, one of the five for {within}"
    return style.describe(
        figure,
        f"{found.name}: the five likeliest classes",
        f"{line_of(found)}\nn = {number} images ({shown.line}); orange and bold: the image's own class{wrong}",
        f"{number} images with the five likeliest classes of each by {found.name}{wrong}.",
    )
