"""``filters``: the kernels of the first convolution, as figure 3 of AlexNet's paper shows them."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.figures import style
from zoo.figures.subject import line_of
from zoo.figures.tiles import columns_for, show, signed_colours
from zoo.layers import SCells
from zoo.models.network import Network
from zoo.weights.find import find
from zoo.weights.trained import Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def filter_images(network: Network) -> tuple[str, Tensor, int]:
    """The first convolution, its kernels float32 (maps, C, H, W), and how many towers share them: 1 or 2.

    Raises InputError for a network that does not begin with one.
    """
    for name, layer in network.named_children():
        if isinstance(layer, nn.Conv2d):
            towers = max(part.groups for part in network.children() if isinstance(part, nn.Conv2d))
            return name, layer.weight.detach().cpu().float(), towers
        if isinstance(layer, SCells):
            return name, layer.a.detach().cpu().float(), 1
        if layer.state_dict():
            break
    raise InputError(
        f"{network.name} {network.variant} does not begin with a convolution: templates shows the weights of units that"
        " read all pixels."
    )


@style.styled
def filters(weights: "str | Path | Weights") -> "Figure":
    """The kernels of the first convolution; where a network has two towers, those of each apart.

    Of a kernel for colours middle grey is 0 and full colour its own largest weight; kernels for grey images are red
    above 0 and blue below, all on one scale. Raises InputError for a network without a convolution at its beginning.
    """
    found = find(weights)
    name, kernels, towers = filter_images(found.network())
    number, channels = kernels.shape[:2]
    columns = max(n for n in range(1, 13) if number // towers % n == 0)
    if columns < 4:
        columns = columns_for(number // towers, 12)
    rows = -(-number // towers // columns)
    figure = style.new(7.0, 1.3 + towers * (0.25 + 6.0 * rows / columns))
    axes = figure.subplots(towers, 1, squeeze=False)[:, 0]
    limit = float(kernels.abs().max())
    for tower, (place, part) in enumerate(zip(axes, torch.tensor_split(kernels, towers), strict=True)):
        if channels == 3:
            show(place, signed_colours(part), columns)
        else:
            # Where there are neither one nor three channels, their mean.
            image = show(place, part.mean(dim=1).numpy(), columns, cmap=style.SIGNED, limit=limit)
        if towers > 1:
            first = tower * len(part)
            place.set_title(f"tower {tower + 1}: kernels {first} to {first + len(part) - 1}")
    if channels != 3:
        figure.colorbar(image, ax=list(axes), label="weight, per unit of input", shrink=0.8, aspect=30)
    scale = "; grey is 0, full colour each kernel's largest weight" if channels == 3 else ""
    apart = ", half in each of two towers" if towers > 1 else ""
    return style.describe(
        figure,
        f"{found.name}: the filters of {name}",
        f"{line_of(found)}\nlayer {name}, n = {number} kernels of {'x'.join(map(str, kernels.shape[1:]))} weights"
        f"{apart}{scale}",
        f"The {number} kernels of {name}, the first convolution of {found.name}{apart}.",
    )
