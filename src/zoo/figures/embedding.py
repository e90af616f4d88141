"""``tsne``: images laid out so that those which a network finds alike lie side by side.

Van der Maaten and Hinton, "Visualizing data using t-SNE", 2008; of features as in Donahue et al., "DeCAF", 2013.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from zoo.errors import InputError
from zoo.figures import style
from zoo.figures.subjects import Description, described
from zoo.figures.tiles import as_colours
from zoo.weights.trained import Weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COUNT, PERPLEXITY, NEIGHBOURS = 1000, 30.0, 5
# Pixels of the canvas that images are put on, and how much of its side one of them takes.
CANVAS, SHARE = 1400, 1 / 36


def embed(features: Tensor, seed: int = 0) -> np.ndarray:
    """t-SNE of features (N, D), from the first two principal components: float32 (N, 2), in units without meaning."""
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    made: np.ndarray = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(features.numpy())
    return made


def knn_accuracy(points: np.ndarray, labels: np.ndarray, k: int = NEIGHBOURS) -> float:
    """Percent of points whose class most of their ``k`` nearest others have; of equal votes the smaller label wins."""
    distances = torch.cdist(torch.from_numpy(points).double(), torch.from_numpy(points).double()).fill_diagonal_(
        torch.inf
    )
    nearest = distances.topk(k, largest=False).indices
    votes = torch.from_numpy(labels)[nearest]
    counted = torch.nn.functional.one_hot(votes, int(labels.max()) + 1).sum(dim=1)
    return 100 * float((counted.argmax(dim=1) == torch.from_numpy(labels)).double().mean())


@style.styled
def tsne(
    *weights: "str | Path | Weights", count: int = COUNT, seed: int = 0, root: str | None = None, download: bool = False
) -> "Figure":
    """Test images by t-SNE of what the last hidden layer makes of them, framed in the colour of their class.

    Of several weights, and of ``pixels``, each has its panel. Below it stands how many of the images have the class of
    most of their five nearest in the picture.
    """
    if count < 3 * NEIGHBOURS:
        raise InputError(f"t-SNE shows neighbourhoods, so it needs at least {3 * NEIGHBOURS} images, not {count}.")
    given, found, classes = described(weights, count, seed, root, download)
    columns = min(2, len(found))
    rows = -(-len(found) // columns)
    figure = style.new(6.0 * columns, 1.1 + 6.0 * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    for place in axes.flat:
        place.set_axis_off()
    images, labels = as_colours(given.images), given.labels.numpy()
    scores = []
    for place, one in zip(axes.flat, found, strict=False):
        scores.append(_panel(place, one, images, labels, classes, seed))
    names = " and ".join(one.name for one in found)
    told = "; ".join(f"{one.name} {score:.1f} %" for one, score in zip(found, scores, strict=True))
    return style.describe(
        figure,
        f"{names}: {given.class_name}'s images by t-SNE",
        f"n = {len(labels):,} ({given.line}); last hidden layer, perplexity"
        f" {min(PERPLEXITY, (len(labels) - 1) / 3):.0f}; the axes of t-SNE have no units\n"
        f"images with the class of most of their {NEIGHBOURS} nearest in the picture: {told}",
        f"{len(labels)} images laid out by t-SNE of {names}; share with the class of their neighbours: {told}.",
    )


def _panel(
    axes: "Axes", one: Description, images: np.ndarray, labels: np.ndarray, classes: list[str], seed: int
) -> float:
    """Draws the images at their places; returns the percentage of those among their own class."""
    from matplotlib.colors import to_rgb

    points = embed(one.features, seed)
    low, high = points.min(axis=0), points.max(axis=0)
    # Between 0 and 1, leaving half an image at each edge; y grows upwards.
    unit = SHARE / 2 + (points - low) / (high - low).max() * (1 - SHARE)
    side = max(4, round(CANVAS * SHARE))
    canvas = np.zeros((CANVAS, CANVAS, 4), np.float32)
    colours = [to_rgb(style.CLASS_COLOURS[label % len(style.CLASS_COLOURS)]) for label in range(len(classes))]
    rows = np.linspace(0, images.shape[1] - 1, side - 4).round().astype(int)
    for (x, y), image, label in zip(unit, images, labels, strict=True):
        left = min(max(0, round(x * CANVAS - side / 2)), CANVAS - side)
        top = min(max(0, round((1 - y) * CANVAS - side / 2)), CANVAS - side)
        canvas[top : top + side, left : left + side] = (*colours[label], 1)
        canvas[top + 2 : top + side - 2, left + 2 : left + side - 2, :3] = image[rows][:, rows]
    axes.imshow(canvas, extent=(0, 1, 0, 1), interpolation="antialiased")
    page = style.chosen()
    for label in np.unique(labels):
        x, y = np.median(unit[labels == label], axis=0)
        box = {"facecolor": page.paper, "edgecolor": colours[label], "boxstyle": "round,pad=0.25", "linewidth": 1.8}
        axes.text(x, y, classes[label], ha="center", va="center", fontsize=11, fontweight="bold", bbox=box)
    score = knn_accuracy(points, labels)
    axes.set_title(f"{one.name}, {one.features.shape[1]:,} numbers an image: {score:.1f} % among their own class")
    return score
