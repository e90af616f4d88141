"""``rbf``: the bitmaps behind LeNet-5's output units, figure 3 of its paper."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zoo.errors import InputError
from zoo.figures import style
from zoo.figures.examples import sample, seen
from zoo.figures.subject import line_of
from zoo.figures.tiles import show
from zoo.layers import RBF
from zoo.models.network import Network
from zoo.weights.find import find
from zoo.weights.trained import Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT, WIDTH = 12, 7


def bitmaps(network: Network) -> Tensor:
    """The codes of the output units as images, +1 and -1: float32 (classes, 12, 7).

    Raises InputError for a network without such units.
    """
    for layer in network.children():
        if isinstance(layer, RBF) and layer.codes.shape[1] == HEIGHT * WIDTH:
            return layer.codes.detach().reshape(-1, HEIGHT, WIDTH)
    raise InputError(
        f"{network.name} {network.variant} has no output units with bitmaps: lenet5 in its paper's form has."
    )


@style.styled
def rbf(weights: "str | Path | Weights", *, root: str | None = None, download: bool = False) -> "Figure":
    """The bitmap of each output unit, and below it the mean of what F6 gives for the test images of that class.

    The second row needs the data, in ``root``, and is left out where neither it nor ``download`` is given. Raises
    InputError for a network without such units.
    """
    found = find(weights)
    network = found.network().eval()
    codes = bitmaps(network)
    means, line = _means(found, network, root, download) if root is not None or download else (None, "")
    rows = 1 if means is None else 2
    figure = style.new(8.0, 1.3 + 1.75 * rows)
    axes = figure.subplots(rows, 1, squeeze=False)[:, 0]
    limit = 1.0 if means is None else max(1.0, float(means.abs().max()))
    image = show(axes[0], codes.numpy(), len(codes), found.class_names, size=8, cmap=style.SIGNED, limit=limit)
    axes[0].set_title("the codes: what each output unit waits for")
    if means is not None:
        distances = (means - codes).square().sum(dim=(1, 2))
        labels = [f"distance {distance:.1f}" for distance in distances.tolist()]
        show(axes[1], means.numpy(), len(codes), labels, size=6.5, cmap=style.SIGNED, limit=limit)
        axes[1].set_title("F6: its mean over the test images of the class, and the squared distance from the code")
    figure.colorbar(image, ax=list(axes), label="state of a unit of F6", shrink=0.8, aspect=25)
    caption = f"{line_of(found)}\nn = {len(codes)} output units of {WIDTH}x{HEIGHT} fixed weights, +1 and -1"
    return style.describe(
        figure,
        f"{found.name}: the bitmaps of the output units",
        caption + (f"; {line}" if line else ""),
        f"Digits drawn on {WIDTH} by {HEIGHT} bitmaps: the codes of the {len(codes)} output units of {found.name}.",
    )


@torch.no_grad()
def _means(weights: Weights, network: Network, root: str | None, download: bool) -> tuple[Tensor, str]:
    """What the output units read, averaged over the test images of each class: (classes, 12, 7)."""
    given = seen(weights, sample(weights, None, 0, root, download))
    assert given.labels is not None, "test images have labels"
    last = next(name for name, layer in network.named_children() if isinstance(layer, RBF))
    names = [name for name, _ in network.named_children()]
    read = torch.cat([network[: names.index(last)](part) for part in given.inputs.split(500)])
    means = torch.stack([read[given.labels == label].mean(dim=0) for label in range(network.num_classes)])
    return means.reshape(-1, HEIGHT, WIDTH), given.line
