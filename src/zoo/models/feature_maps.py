"""A network cut down to its maps: one a level of resolution, for detection and segmentation, as in timm."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.models.network import Network
from zoo.models.summary import Row, summarize


@dataclass(frozen=True)
class FeatureInfo:
    """Of each map that comes out: its channels, the step between its places in pixels, the layer that makes it."""

    rows: tuple[tuple[int, int, str], ...]
    out_indices: tuple[int, ...]

    def channels(self) -> list[int]:
        """The number of maps."""
        return [channels for channels, _, _ in self.rows]

    def reduction(self) -> list[int]:
        """How many pixels of the image lie between neighbouring places: the product of the strides."""
        return [reduction for _, reduction, _ in self.rows]

    def module_name(self) -> list[str]:
        """The layers, as the network names them."""
        return [name for _, _, name in self.rows]


class FeatureMaps(nn.Sequential):
    """Images (N, C, H, W) to a list of maps (N, channels, h, w); the layers are those of the network, none is copied.

    ``feature_info`` says what each of them is.
    """

    feature_info: FeatureInfo

    def forward(self, images: Tensor) -> list[Tensor]:
        """The maps, the finest first."""
        wanted, x, found = set(self.feature_info.module_name()), images, []
        for name, layer in self.named_children():
            x = layer(x)
            if name in wanted:
                found.append(x)
        return found


def feature_maps(network: Network, out_indices: Sequence[int] | None = None) -> FeatureMaps:
    """``network`` without its head, giving the last maps of each level of resolution, before the next stride.

    ``out_indices`` chooses levels, all unless given; negative ones count from the end. Raises InputError for a network
    without maps, and for a level that it does not have.
    """
    if not network.is_chain or any("." in name for name, _ in network.named_modules()):
        raise InputError(
            f"{network.name} has blocks or branches, and features_only is for chains of layers: use"
            " network.features(images, layer), or torchvision's create_feature_extractor."
        )
    levels = _levels(network)
    if not levels:
        raise InputError(f"{network.name} has no convolutions, so no maps: leave out features_only.")
    indices = range(len(levels)) if out_indices is None else out_indices
    for index in indices:
        if not -len(levels) <= index < len(levels):
            raise InputError(
                f"{network.name} {network.variant} has {len(levels)} levels of maps, 0 to {len(levels) - 1}, but"
                f" out_indices has {index}."
            )
    chosen = sorted({index % len(levels) for index in indices})
    made = FeatureMaps()
    made.feature_info = FeatureInfo(tuple(levels[index] for index in chosen), tuple(chosen))
    last = made.feature_info.rows[-1][2]
    for name, layer in network.named_children():
        made.add_module(name, layer)
        if name == last:
            break
    return made.train(network.training)


def _levels(network: Network) -> list[tuple[int, int, str]]:
    """Channels, reduction and layer of the last maps at each reduction."""
    with torch.device("meta"):
        rows = summarize(network.anew())
    found: dict[int, tuple[int, int, str]] = {}
    reduction, begun = 1, False
    for row in rows:
        # Fully connected layers are behind a flatten; what only pads the image is no level of its own.
        if len(row.output_shape) != 3:
            break
        begun = begun or row.parameters > 0
        reduction *= row.stride or 1
        if begun:
            found[reduction] = (row.output_shape[0], reduction, row.name)
    return list(found.values()) if _has_filters(rows) else []


def _has_filters(rows: list[Row]) -> bool:
    return any(row.kernel is not None and row.parameters for row in rows)
