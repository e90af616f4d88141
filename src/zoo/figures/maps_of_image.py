"""``feature-maps``: one image on its way through a network, layer by layer, as figure 2 of LeNet-5's paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from zoo.figures import style
from zoo.figures.examples import shown_to
from zoo.figures.features import steps_of
from zoo.figures.subject import line_of
from zoo.figures.tiles import as_colours, show
from zoo.models.network import Network
from zoo.models.summary import KINDS
from zoo.weights.find import find
from zoo.weights.trained import Weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Maps of a layer that fit side by side.
MOST = 20
# What belongs to the layer before it: activations have no kind of their own.
_NORMALISATIONS = ("response norm", "same-map norm", "batchnorm", "zero pad")


@dataclass(frozen=True)
class Stage:
    """A layer with what follows it and only changes its numbers; ``values`` are (C, h, w) or (units,)."""

    layer: str
    kind: str
    values: Tensor


@torch.no_grad()
def stages(network: Network, image: Tensor) -> list[Stage]:
    """The layers of a network with what they and their activations give for one input (C, H, W)."""
    found: list[Stage] = []
    for name, layer, x in steps_of(network.eval(), image[None]):
        kind = KINDS[type(layer)].word if type(layer) in KINDS else ""
        if kind and kind not in _NORMALISATIONS:
            found.append(Stage(name, kind, x[0]))
        elif found and not isinstance(layer, nn.Flatten):
            found[-1] = Stage(found[-1].layer, found[-1].kind, x[0])
    return found


@style.styled
def feature_maps(
    weights: "str | Path | Weights", *, images: Sequence[str] | None = None, seed: int = 0, root: str | None = None,
    download: bool = False,
) -> "Figure":  # fmt: skip
    """One image and what each layer makes of it, after its activation: the first 20 maps, or all units.

    The image is the first of ``images``, or a test image that ``seed`` chooses. Maps without negative numbers run from
    black, 0, to white, which 995 of 1,000 numbers of the layer do not pass; others from blue over white, 0, to red.
    """
    found = find(weights)
    network = found.network()
    shown = shown_to(found, images, 1, seed, root, download)
    rows = stages(network, shown.inputs[0])
    heights = [1.2] + [0.75 if stage.values.ndim == 3 else 0.42 for stage in rows]
    figure = style.new(10.0, 1.3 + 1.02 * sum(heights))
    axes = figure.subplots(len(rows) + 1, 1, height_ratios=heights, squeeze=False)[:, 0]
    show(axes[0], as_colours(shown.pixels[:1]), 1)
    axes[0].set_anchor("W")
    truth = f": {found.class_names[int(shown.labels[0])]}" if shown.labels is not None else ""
    side = " x ".join(map(str, shown.pixels.shape[2:]))
    axes[0].text(0.7, 0.0, f"input{truth}\n{shown.pixels.shape[1]} @ {side}", va="center", fontsize=8)
    for place, stage in zip(axes[1:], rows, strict=True):
        _row(place, stage)
    values = rows[-1].values
    best = int(values.argmax())
    answer = found.class_names[best]
    if len(values) <= 20:
        axes[-1].set_xticks(range(len(values)), found.class_names, fontsize=7)
        axes[-1].get_xticklabels()[best].set_fontweight("bold")
    axes[-1].set_xlabel(f"largest output: {answer}", fontsize=8)
    return style.describe(
        figure,
        f"{found.name}: one image, layer by layer",
        f"{line_of(found)}\nn = 1 image ({shown.line}); layers after activation and"
        f" normalisation, at most {MOST} of their maps",
        f"An image{truth} and the maps of each of {len(rows)} layers of {found.name}; it answers {answer}.",
    )


def _row(axes: "Axes", stage: Stage) -> None:
    low, high = float(stage.values.min()), float(stage.values.max())
    # A few bright places of one map would leave all others dark.
    white = float(stage.values.flatten().quantile(0.995)) or high or 1.0
    cmap, limit = ("gray", white) if low >= 0 else (style.SIGNED, max(-low, high))
    if stage.values.ndim == 3:
        number, height, width = stage.values.shape
        maps = stage.values[:MOST].numpy()
        show(axes, maps, MOST, cmap=cmap, limit=limit)
        # Room for as many as there can be, so that the tiles of all rows are as large.
        axes.set_xlim(-0.54, 1.08 * MOST - 0.54)
        size = f"{number} @ {height}x{width}" + (f", {MOST} shown" if number > MOST else "")
    else:
        number = len(stage.values)
        axes.imshow(
            stage.values[None].numpy(), cmap=cmap, vmin=0 if cmap == "gray" else -limit, vmax=limit, aspect="auto"
        )
        for edge in range(1, number):
            axes.axvline(edge - 0.5, color=style.chosen().paper, linewidth=0.8)
        axes.set(xticks=[], yticks=[])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        size = f"{number} units"
    axes.set_anchor("W")
    clipped = f", white from {limit:.3g}" if cmap == "gray" and limit < high else ""
    text = f"{stage.layer}  ({stage.kind}, {size}, {low:.3g} to {high:.3g}{clipped})"
    axes.set_title(text, loc="left", fontsize=7.5, pad=2)
