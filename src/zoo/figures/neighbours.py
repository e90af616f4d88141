"""``retrieval``: the images that a network finds most like a given one, as figure 4 (right) of AlexNet's paper."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from zoo.errors import InputError
from zoo.figures import style
from zoo.figures.subjects import Description, described
from zoo.figures.tiles import as_colours, show
from zoo.weights.trained import Weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Images that are searched, those that are found for each, and those that are asked for.
COUNT, FOUND, ASKED = 2000, 6, 5


def nearest(features: Tensor, k: int) -> Tensor:
    """The ``k`` nearest other rows by Euclidean distance, the nearest first: features (N, D) to int64 (N, k).

    Of equal distances the smaller number comes first.
    """
    # Less their mean, and in double: differences of large squares would make noise of small distances.
    centred = (features - features.mean(dim=0)).double()
    found = []
    for start in range(0, len(centred), 500):
        distances = torch.cdist(centred[start : start + 500], centred)
        places = torch.arange(start, start + len(distances))
        distances[torch.arange(len(distances)), places] = torch.inf
        found.append(distances.argsort(dim=1, stable=True)[:, :k])
    return torch.cat(found)


def precision(features: Tensor, labels: Tensor, k: int = 10) -> float:
    """Percent of the ``k`` nearest others of each image that have its class, in the mean over all images."""
    return 100 * float((labels[nearest(features, k)] == labels[:, None]).double().mean())


@style.styled
def retrieval(
    *weights: "str | Path | Weights", count: int = COUNT, seed: int = 0, root: str | None = None, download: bool = False
) -> "Figure":
    """Five test images, and the six others of ``count`` that lie nearest by the last hidden layer.

    Of several weights, and of ``pixels``, each has its block. Above it stands how many of the ten nearest have the
    class of the image they were found for, in the mean over all ``count`` images.
    """
    if count <= 10:
        raise InputError(f"The ten nearest are looked for among at least eleven images, not {count}.")
    given, found, classes = described(weights, count, seed, root, download)
    asked = _of_different_classes(given.labels, ASKED)
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    figure = style.new(0.6 + 4.4 * columns, 1.1 + 3.9 * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    for place in axes.flat:
        place.set_axis_off()
    images = as_colours(given.images)
    scores = []
    for place, one in zip(axes.flat, found, strict=False):
        scores.append(precision(one.features, given.labels))
        _block(place, one, images, given.labels, asked, classes, scores[-1])
    names = " and ".join(one.name for one in found)
    told = "; ".join(f"{one.name} {score:.1f} %" for one, score in zip(found, scores, strict=True))
    return style.describe(
        figure,
        f"{given.class_name}'s images, and those most like them",
        f"n = {len(images):,} ({given.line}); left of the line the image, right the nearest by the last hidden layer,"
        " \N{NOT EQUAL TO} where the class is another\nhow many of the ten nearest have the class of the image, mean"
        f" over all images: {told}",
        f"Images and their nearest neighbours by {names}; of the ten nearest have the same class: {told}.",
    )


def _of_different_classes(labels: Tensor, number: int) -> list[int]:
    """The first image of each of the first classes that come."""
    firsts = {int(label): place for place, label in reversed(list(enumerate(labels)))}
    return sorted(firsts.values())[:number]


def _block(
    axes: "Axes",
    one: Description,
    images: np.ndarray,
    labels: Tensor,
    asked: list[int],
    classes: list[str],
    score: float,
) -> None:
    others = nearest(one.features, FOUND)[asked]
    order = torch.cat([torch.tensor(asked)[:, None], others], dim=1)
    differ = (labels[order] != labels[order[:, :1]]).flatten().tolist()
    names = [classes[label] for label in labels[order].flatten().tolist()]
    words = [f"\N{NOT EQUAL TO} {name}" if other else name for name, other in zip(names, differ, strict=True)]
    show(axes, images[order.flatten().numpy()], FOUND + 1, words, size=6, accent=differ)
    axes.axvline(0.54, color=style.chosen().muted, linewidth=1.2)
    axes.set_title(f"{one.name}: {score:.1f} %")
