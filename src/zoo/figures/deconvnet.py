"""``deconv``: the images that excite a unit most, and what in them does.

Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2013, section 2.1 and figure 2.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.figures import style
from zoo.figures.examples import Seen, sample, seen, seen_files
from zoo.figures.features import batches
from zoo.figures.receptive import Field, field_of
from zoo.figures.subject import line_of, units_of
from zoo.figures.tiles import as_colours, show, signed_colours
from zoo.layers import ResponseNorm, SameMapNorm
from zoo.models.network import Network
from zoo.weights.find import find
from zoo.weights.trained import Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Patches of each unit, as in the paper's figure 2, and units that are shown unless some are named.
PATCHES, UNITS = 9, 6
_POOL_OR_SCALE = (nn.MaxPool2d, nn.AvgPool2d, ResponseNorm, SameMapNorm, nn.Dropout)
# Images that are searched unless a number is given.
SEARCHED = 1000


def project(layers: nn.Sequential, images: Tensor, signal: Tensor) -> Tensor:
    """The signal (N, ...) at the end of a chain of layers, brought back to the pixels of images (N, C, H, W).

    Each layer is gone through backwards. Max-pooling puts each value where the maximum was: its switches are those of
    these images. A ReLU passes what is positive of the signal on its way back, whatever the image did there; this is
    what parts the result from the gradient, which passes it where the image was positive. A convolution is transposed,
    without its bias.

    Deviations and guesses: the paper has no other layers. Response normalisation passes the signal as it is. Whatever
    else there is, average pooling, batch normalisation, fully connected and local layers, squashing functions, passes
    it as the gradient: linear ones are transposed, others weigh it with their slope for the image.
    """
    inputs, x = [], images
    with torch.no_grad():
        for layer in layers:
            inputs.append(x)
            x = layer(x.clone() if getattr(layer, "inplace", False) else x)
    for layer, read in zip(reversed(list(layers)), reversed(inputs), strict=True):
        signal = _backwards(layer, read, signal)
    return signal


def _backwards(layer: nn.Module, read: Tensor, signal: Tensor) -> Tensor:
    if isinstance(layer, nn.ReLU):
        return signal.clamp(min=0)
    if isinstance(layer, ResponseNorm | SameMapNorm):
        return signal
    with torch.enable_grad():
        read = read.detach().requires_grad_()
        back: Tensor = torch.autograd.grad(layer(read), read, signal)[0]
    return back


@torch.no_grad()
def strongest(network: Network, layer: str, inputs: Tensor) -> Tensor:
    """The largest activation of each map of a layer, or each unit, in each image: float32 (N, maps)."""
    names = [name for name, _ in network.named_children()]
    outputs = map(network[: names.index(layer) + 1], batches(inputs))
    return torch.cat([maps.flatten(2).amax(dim=2) if maps.ndim == 4 else maps for maps in outputs])


def reconstruct(network: Network, layer: str, unit: int, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """What in each image excites a unit most, where it is most excited: float32 (N, C, H, W), and its place (N,).

    The signal that is brought back is the activation at that place of the map, and zero everywhere else. Places count
    along rows.
    """
    names = [name for name, _ in network.named_children()]
    layers = network[: names.index(layer) + 1]
    with torch.no_grad():
        maps = layers(inputs.clone())
    flat = maps[:, unit].flatten(1)
    places = flat.argmax(dim=1)
    signal = torch.zeros_like(maps)
    kept = torch.zeros_like(flat).scatter_(1, places[:, None], flat.gather(1, places[:, None]))
    signal[:, unit] = kept.view_as(maps[:, unit])
    return project(layers, inputs, signal), places


def default_layer(network: Network) -> str:
    """The last layer with maps of more than one place, after its activation and before what only pools or scales.

    Raises InputError for a network without convolutions.
    """
    found = None
    x = torch.empty(1, *network.input_shape, device="meta")
    for name, layer in network.anew(on="meta").eval().named_children():
        x = layer(x)
        if x.ndim != 4 or x.shape[2] * x.shape[3] == 1:
            break
        if not isinstance(layer, _POOL_OR_SCALE):
            found = name
    if found is None or not any(isinstance(layer, nn.Conv2d) for layer in network.children()):
        raise InputError(
            f"{network.name} {network.variant} has no convolutions: templates shows what its units look for."
        )
    return found


@style.styled
def deconv(
    weights: "str | Path | Weights", *, layer: str | None = None, units: Sequence[int] | None = None,
    images: Sequence[str] | None = None, count: int | None = None, seed: int = 0, root: str | None = None,
    download: bool = False,
) -> "Figure":  # fmt: skip
    """For each unit of a layer the nine images that excite it most, and what in them does, cut to what the unit sees.

    The layer is the last one with maps unless named; the units are the six with the largest activations. ``count`` test
    images are searched, or else ``images``. Rules: ``zoo.figures.deconvnet.project``.
    """
    found = find(weights)
    network = found.network().eval()
    name = layer or default_layer(network)
    if name not in dict(network.named_children()):
        known = ", ".join(known for known, _ in network.named_children())
        raise InputError(f"{found.name} has no layer {name!r}: there is {known}.")
    if images is not None:
        given = seen_files(found, images)
    else:
        given = seen(found, sample(found, count or SEARCHED, seed, root, download))
    activations = strongest(network, name, given.inputs)
    if units is None:
        chosen = sorted(activations.amax(dim=0).topk(min(UNITS, activations.shape[1])).indices.tolist())
    else:
        chosen = units_of(name, activations.shape[1], units, UNITS)
    field = field_of(network, name)
    columns = min(2, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = style.new(0.4 + 4.6 * columns, 1.1 + 2.55 * rows)
    axes = figure.subplots(rows, 2 * columns, squeeze=False)
    for place in axes.flat:
        place.set_axis_off()
    for n, unit in enumerate(chosen):
        pair = axes[n // columns, 2 * (n % columns) : 2 * (n % columns) + 2]
        _unit(pair, network, name, unit, activations[:, unit], given, field)
    sees = f"{field.size}x{field.size} pixels" if field else "the whole image"
    return style.describe(
        figure,
        f"{found.name}: what excites units of {name}",
        f"{line_of(found)}\nlayer {name}, {len(chosen)} of {activations.shape[1]} units, each sees {sees}; n ="
        f" {len(given.inputs):,} images searched ({given.line})\nleft: deconvnet (Zeiler and Fergus 2013), grey is 0;"
        " right: what the unit sees of the images that excite it most",
        f"For {len(chosen)} units of {name} in {found.name}, the images that excite them most and what in those does.",
    )


def _unit(
    axes: np.ndarray, network: Network, layer: str, unit: int, activations: Tensor, given: Seen, field: Field | None
) -> None:
    values, best = activations.topk(min(PATCHES, len(activations)))
    back, places = reconstruct(network, layer, unit, given.inputs[best])
    # Images of one channel are grey; their signal is, too.
    drawn = signed_colours(back.expand(-1, 3, -1, -1))
    shown = as_colours(given.pixels[best])
    side = field.places if field else 1
    for place, tiles in zip(axes, (drawn, shown), strict=True):
        cut = [_cut(tile, field, int(at), side) for tile, at in zip(tiles, places, strict=True)]
        show(place, np.stack(cut), 3)
    axes[0].set_title(f"unit {unit}", fontsize=8)
    axes[1].set_title(f"activation {float(values[0]):.3g} to {float(values[-1]):.3g}", fontsize=8)


def _cut(tile: np.ndarray, field: Field | None, place: int, side: int) -> np.ndarray:
    """What a unit sees of a tile (H, W, 3), as (size, size, 3), pale outside the image; or all of it."""
    height, width = tile.shape[:2]
    if field is None or field.size >= height:
        return tile
    from matplotlib.colors import to_rgb

    (top, bottom), (left, right) = field.of(place // side), field.of(place % side)
    cut = np.full((field.size, field.size, 3), to_rgb(style.chosen().faint), tile.dtype)
    rows, columns = slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))
    cut[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = tile[rows, columns]
    return cut
