"""``arithmetic``: how a filter slides over an image, and what the units of a network can see of it."""

from typing import TYPE_CHECKING, Any

import torch

from zoo.errors import InputError
from zoo.figures import style
from zoo.figures.receptive import Field, fields
from zoo.models import get_model
from zoo.models.network import Network
from zoo.weights.find import find
from zoo.weights.names import network_and_variant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The lecture's example: a 3x3 filter on a 7x7 image.
IMAGE, FILTER, STRIDES = 7, 3, (1, 2, 3)


def positions(side: int, size: int, stride: int) -> tuple[list[int], int]:
    """Where a filter of ``size`` begins on a ``side`` at this stride, and how many pixels are left over at the end."""
    return list(range(0, side - size + 1, stride)), (side - size) % stride


@style.styled
def arithmetic(name: str | None = None) -> "Figure":
    """A 3x3 filter on a 7x7 image at strides 1, 2 and 3, which does not fit; or the receptive fields of a network.

    ``name`` is that of a network, with its variant where it is not the first, or of weights. Raises InputError for
    another, and for a network without maps.
    """
    return _window() if name is None else _fields(name)


def _window() -> "Figure":
    figure = style.new(10.0, 4.6)
    for axes, stride in zip(figure.subplots(1, len(STRIDES)), STRIDES, strict=True):
        _slide(axes, stride)
    return style.describe(
        figure,
        f"A {FILTER}x{FILTER} filter on a {IMAGE}x{IMAGE} image",
        f"outputs a side = (N - F) / S + 1, with N = {IMAGE} pixels a side of the image, F = {FILTER} of the filter,"
        " stride S in pixels\nframes: where the filter stops in the first row, each a little lower than the one before",
        f"A {FILTER} by {FILTER} filter slides over a {IMAGE} by {IMAGE} image: at stride 1 it stops 5 times a row, at"
        " stride 2 3 times, and stride 3 does not fit.",
    )


def _slide(axes: "Axes", stride: int) -> None:
    from matplotlib.patches import Rectangle

    page = style.chosen()
    starts, rest = positions(IMAGE, FILTER, stride)
    for n in range(IMAGE + 1):
        axes.plot([n, n], [0, IMAGE], color=page.faint, linewidth=0.8)
        axes.plot([0, IMAGE], [n, n], color=page.faint, linewidth=0.8)
    for n, start in enumerate(starts):
        colour = style.COLOURS[n % len(style.COLOURS)]
        corner = (start + 0.06, 0.06 + 0.09 * n)
        frame: dict[str, Any] = {"width": FILTER - 0.12, "height": FILTER - 0.12, "edgecolor": colour, "linewidth": 2.2}
        axes.add_patch(Rectangle(corner, **frame, facecolor="none"))
        axes.add_patch(Rectangle(corner, **frame | {"linewidth": 0}, facecolor=colour, alpha=0.12))
        axes.text(start + FILTER / 2, -0.35, str(n + 1), ha="center", va="center", fontweight="bold")
    if rest:
        columns: dict[str, Any] = {"facecolor": "none", "edgecolor": page.muted, "hatch": "////", "linewidth": 0}
        axes.add_patch(Rectangle((IMAGE - rest, 0), rest, IMAGE, **columns))
        axes.add_patch(Rectangle((0, IMAGE - rest), IMAGE - rest, rest, **columns))
    exact = (IMAGE - FILTER) / stride + 1
    outputs = f"({IMAGE} - {FILTER}) / {stride} + 1 = {exact:.3g}"
    verdict = f"does not fit: {rest} column and row left over" if rest else f"output {len(starts)}x{len(starts)}"
    axes.set_title(f"stride {stride}\n{outputs}\n{verdict}", fontweight="bold" if rest else "normal")
    axes.set(xlim=(-0.1, IMAGE + 0.1), ylim=(IMAGE + 0.1, -0.8), aspect="equal")
    axes.set(
        xticks=[n + 0.5 for n in range(IMAGE)], xticklabels=range(1, IMAGE + 1), yticks=[], xlabel="pixels of a row"
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def network_of(name: str) -> Network:
    """The network that a name means, of weights or of a network, on the meta device."""
    if "/" in name:
        return find(name).bare_network()
    network, variant = network_and_variant(name)
    with torch.device("meta"):
        made: Network = get_model(network, variant=variant)
    return made


def _fields(name: str) -> "Figure":
    network = network_of(name)
    found = _windows(fields(network))
    if not found:
        raise InputError(f"{network.name} {network.variant} has no maps: each of its units sees the whole image.")
    side = network.input_shape[1]
    figure = style.new(10.0, 1.6 + max(3.2, 0.3 * (len(found) + 1)))
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.35])
    _nested(left, found, side)
    _bars(right, found, side)
    last = found[-1]
    return style.describe(
        figure,
        f"{name}: what one unit of each layer sees",
        f"{network.name}, {network.variant}; n = {len(found)} layers with windows, image of {side}x{side} pixels;"
        " step: pixels between neighbouring units' fields\nleft: the field of the unit in the middle of each layer;"
        " fully connected layers see the whole image",
        f"Receptive fields of {name}, from {found[0].size} pixels in {found[0].layer} to {last.size} in {last.layer}.",
    )


def _windows(found: list[Field]) -> list[Field]:
    """The layers that see more than those before them, or see it in larger steps."""
    before = [(1, 1), *((field.size, field.step) for field in found)]
    return [field for field, last in zip(found, before, strict=False) if (field.size, field.step) != last]


def _nested(axes: "Axes", found: list[Field], side: int) -> None:
    """The image, and on it the field of the middle unit of each layer, the largest first."""
    from matplotlib.patches import Rectangle

    page = style.chosen()
    axes.add_patch(Rectangle((0, 0), side, side, facecolor=page.faint, edgecolor=page.muted, alpha=0.5))
    for field, colour in reversed(list(zip(found, _shades(len(found)), strict=True))):
        begin, _ = field.of((field.places - 1) // 2)
        square: dict[str, Any] = {"width": field.size, "height": field.size, "edgecolor": colour, "linewidth": 1.6}
        axes.add_patch(Rectangle((begin, begin), **square, facecolor="none"))
    reach = [edge for field in found for edge in field.of((field.places - 1) // 2)]
    low, high = min(0, *reach), max(side, *reach)
    room = 0.03 * (high - low)
    axes.set(xlim=(low - room, high + room), ylim=(high + room, low - room), aspect="equal")
    axes.set(xlabel="pixels of the image", ylabel="pixels of the image")


def _bars(axes: "Axes", found: list[Field], side: int) -> None:
    page = style.chosen()
    axes.barh(range(len(found)), [field.size for field in found], color=_shades(len(found)), height=0.75)
    for place, field in enumerate(found):
        steps = f", step {field.step}" if field.step > 1 else ""
        axes.annotate(
            f"{field.size}x{field.size}{steps}", (field.size, place), (4, 0), textcoords="offset points", va="center",
            fontsize=8, bbox={"facecolor": page.paper, "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip
    axes.axvline(side, color=page.muted, linestyle="--", linewidth=1, zorder=0)
    axes.annotate(
        f"the image, {side}", (side, -0.75), (3, 0), textcoords="offset points", fontsize=8, color=page.muted,
        va="center",
    )  # fmt: skip
    axes.set_yticks(range(len(found)), [field.layer for field in found])
    axes.set(xlim=(0, 1.22 * max(side, *(field.size for field in found))), ylim=(len(found) - 0.4, -1.2))
    axes.set_xlabel("side of the receptive field, pixels")


def _shades(number: int) -> list[Any]:
    """Colours that grow lighter with depth, without those that the page swallows."""
    from matplotlib import colormaps

    low, high = (0.35, 0.95) if style.chosen() == style.THEMES["dark"] else (0.1, 0.8)
    return [colormaps["viridis"](low + (high - low) * n / max(1, number - 1)) for n in range(number)]
