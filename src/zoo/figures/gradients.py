"""``saliency`` and ``grad-cam``: where in an image the answer of a network comes from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.errors import InputError
from zoo.figures import style
from zoo.figures.deconvnet import default_layer
from zoo.figures.examples import Seen, shown_to
from zoo.figures.features import probabilities
from zoo.figures.subject import line_of
from zoo.figures.tiles import as_colours
from zoo.models.network import Network
from zoo.weights.find import find
from zoo.weights.trained import Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COUNT = 8


def saliency_maps(network: Network, inputs: Tensor, classes: Tensor) -> Tensor:
    """|d logit / d pixel|, the largest over the channels (Simonyan, Vedaldi and Zisserman 2013): (N, H, W).

    ``classes`` (N,) says whose logit it is of each image.
    """
    read = inputs.detach().clone().requires_grad_()
    logits = network.eval()(read)
    slopes: Tensor = torch.autograd.grad(logits.gather(1, classes[:, None]).sum(), read)[0]
    return slopes.abs().amax(dim=1)


def grad_cam_maps(network: Network, inputs: Tensor, classes: Tensor, layer: str) -> Tensor:
    """Grad-CAM (Selvaraju et al. 2017, equations 1 and 2) at a layer with maps, before scaling up: (N, h, w).

    ReLU of the sum of the layer's maps, each weighted with the mean over its places of d logit / d map.
    """
    names = [name for name, _ in network.named_children()]
    place = names.index(layer) + 1
    with torch.no_grad():
        maps = network.eval()[:place](inputs.clone())
    maps = maps.detach().requires_grad_()
    # A copy: the layer after it may write over what it reads.
    logits = network[place:](maps.clone())
    slopes = torch.autograd.grad(logits.gather(1, classes[:, None]).sum(), maps)[0]
    return (slopes.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1).relu().detach()


@style.styled
def saliency(
    weights: "str | Path | Weights", *, images: Sequence[str] | None = None, count: int = COUNT, seed: int = 0,
    root: str | None = None, download: bool = False,
) -> "Figure":  # fmt: skip
    """Images, and how strongly each pixel would change the logit of the class that the network names.

    Each map runs from black, 0, to its own largest slope.
    """
    found = find(weights)
    network = found.network()
    shown = shown_to(found, images, count, seed, root, download)
    chances = probabilities(network, shown.inputs)
    maps = saliency_maps(network, shown.inputs, chances.argmax(dim=1))
    return _drawn(
        found, shown, chances, maps, f"{found.name}: which pixels the answer depends on",
        "below: |d logit of the named class / d input|, largest over channels, each from 0 (black) to its maximum",
        overlay=False,
    )  # fmt: skip


@style.styled
def grad_cam(
    weights: "str | Path | Weights", *, layer: str | None = None, images: Sequence[str] | None = None,
    count: int = COUNT, seed: int = 0, root: str | None = None, download: bool = False,
) -> "Figure":  # fmt: skip
    """Images, and where the maps of a layer speak for the class that the network names.

    The layer is the last one with maps unless named. Raises InputError for a network or a layer without maps.
    """
    found = find(weights)
    network = found.network().eval()
    name = layer or default_layer(network)
    if (
        name not in dict(network.named_children())
        or network[: _place(network, name)](torch.zeros(1, *network.input_shape)).ndim != 4
    ):
        raise InputError(f"{found.name} has no layer {name!r} with maps: zoo info {network.name} shows the layers.")
    shown = shown_to(found, images, count, seed, root, download)
    chances = probabilities(network, shown.inputs)
    maps = grad_cam_maps(network, shown.inputs, chances.argmax(dim=1), name)
    large = F.interpolate(maps[:, None], size=shown.pixels.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    return _drawn(
        found, shown, chances, large, f"{found.name}: where {name} speaks for the answer",
        f"below: Grad-CAM of layer {name} ({maps.shape[1]}x{maps.shape[2]} places, scaled up), each from 0 (dark) to"
        " its maximum (yellow)",
        overlay=True,
    )  # fmt: skip


def _place(network: Network, layer: str) -> int:
    return [name for name, _ in network.named_children()].index(layer) + 1


def _drawn(
    weights: Weights, shown: Seen, chances: Tensor, maps: Tensor, title: str, legend: str, *, overlay: bool
) -> "Figure":
    number = len(maps)
    columns = min(number, 8)
    rows = -(-number // columns)
    figure = style.new(max(4.5, 0.4 + 1.25 * columns), 1.0 + 2.95 * rows)
    axes = figure.subplots(2 * rows, columns, squeeze=False)
    for place in axes.flat:
        place.set_axis_off()
    pixels = as_colours(shown.pixels)
    for n in range(number):
        above, below = axes[2 * (n // columns) : 2 * (n // columns) + 2, n % columns]
        above.imshow(pixels[n])
        if shown.labels is not None:
            above.set_title(weights.class_names[int(shown.labels[n])], fontsize=8)
        map_ = maps[n] / maps[n].max().clamp(min=1e-30)
        if overlay:
            below.imshow(pixels[n].mean(axis=2), cmap="gray", vmin=0, vmax=1)
        below.imshow(map_.numpy(), cmap="inferno", vmin=0, vmax=1, alpha=0.6 if overlay else None)
        best = int(chances[n].argmax())
        right = shown.labels is None or best == int(shown.labels[n])
        below.set_title(
            f"{weights.class_names[best]} {100 * float(chances[n, best]):.0f} %", fontsize=8,
            fontweight="normal" if right else "bold",
        )  # fmt: skip
    wrong = "" if shown.labels is None else "; above the image its class, above the map the answer, bold where wrong"
    return style.describe(
        figure, title, f"{line_of(weights)}\nn = {number} images ({shown.line}){wrong}\n{legend}",
        f"{number} images with maps of where the answer of {weights.name} comes from.",
    )  # fmt: skip
