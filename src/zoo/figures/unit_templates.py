"""``templates``: the weights of units that read pixels, each as an image of what the unit looks for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.figures import style
from zoo.figures.subject import line_of, units_of
from zoo.figures.tiles import columns_for, show, signed_colours
from zoo.models.network import Network
from zoo.weights.find import find
from zoo.weights.trained import Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Units that are shown unless some are named.
MOST = 100


def template_images(network: Network, layer: str | None = None) -> tuple[str, Tensor]:
    """The layer that reads pixels, and its weights as images: float32 (units, C, H, W).

    Raises InputError for a network whose pixels are read by something else, and for another layer than that.
    """
    before = [name for name, module in network.named_children() if not isinstance(module, nn.Flatten)]
    name, first = before[0], network.get_submodule(before[0])
    pixels = torch.Size(network.input_shape).numel()
    if not isinstance(first, nn.Linear) or first.in_features != pixels:
        raise InputError(
            f"{network.name} {network.variant} has no units that read all pixels, as linear, perceptron and mlp have:"
            " filters shows the weights of a convolution."
        )
    if layer not in (None, name):
        raise InputError(f"The units of {network.name} {network.variant} that read pixels are {name}, not {layer}.")
    return name, first.weight.detach().cpu().float().reshape(-1, *network.input_shape)


@style.styled
def templates(
    weights: "str | Path | Weights", *, layer: str | None = None, units: Sequence[int] | None = None
) -> "Figure":
    """The weights of each unit that reads pixels as an image, without its bias.

    A grey unit is red where ink speaks for it and blue where ink speaks against it, all on one scale; of a colour unit
    middle grey is 0 and full colour its own largest weight. Where ``units`` are not named, the first 100. Raises
    InputError for a network without such units.
    """
    found = find(weights)
    network = found.network()
    name, images = template_images(network, layer)
    chosen = units_of(name, len(images), units, MOST)
    shown = images[chosen]
    classes = found.class_names if len(images) == len(found.class_names) else []
    labels = [classes[unit] if classes else str(unit) for unit in chosen]
    columns = min(5, len(chosen)) if classes else columns_for(len(chosen))
    rows = -(-len(chosen) // columns)
    width = 1.45 * columns + 1 if classes else 8.0
    figure = style.new(width, 0.9 + 1.17 * rows * (width - 1) / columns)
    axes = figure.add_subplot()
    grey = shown.shape[1] == 1
    size = 8.0 if classes else 5.5
    if grey:
        limit = float(shown.abs().max())
        image = show(axes, shown[:, 0].numpy(), columns, labels, size=size, cmap=style.SIGNED, limit=limit)
        figure.colorbar(image, ax=axes, label="weight, per unit of input", shrink=0.6, aspect=30)
    else:
        show(axes, signed_colours(shown), columns, labels, size=size)
    scale = "" if grey else "; grey is 0, full colour each unit's largest weight"
    part = "" if len(chosen) == len(images) else f" of {len(images):,}"
    what = "classes" if classes else f"units{part}"
    return style.describe(
        figure,
        f"{found.name}: the templates of {len(chosen)} {what}",
        f"{line_of(found)}\nlayer {name}, {len(chosen)}{part} units of {'x'.join(map(str, shown.shape[1:]))} weights"
        f"{scale}",
        f"Weights of {len(chosen)} {what} of {found.name}, layer {name}, each drawn as an image.",
    )
