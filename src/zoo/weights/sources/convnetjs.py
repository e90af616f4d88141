"""Snapshots of ConvNetJS: the JSON that the buttons of its CIFAR-10 page save and load."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.files import given_path
from zoo.models import ConvNetJS
from zoo.models.network import Network
from zoo.weights.trained import DataUse, Weights, check_state

# The page's own snapshot has less than 1 MB; what is far larger is no snapshot, and would fill the memory.
_MOST_BYTES = 100_000_000
# What a layer does, as Net.toJSON writes it. Decay rates, which are there too, are for training only.
_SAID = ("layer_type", "sx", "sy", "stride", "pad", "in_depth", "num_inputs", "out_sx", "out_sy", "out_depth")


def from_convnetjs(snapshot: str | Path | Mapping[str, Any]) -> Network:
    """The demo's network with the weights of a snapshot: a path, or the parsed JSON; float32, in training mode.

    It takes what the page shows to it, pixels p / 255 - 0.5 (the transform "convnetjs" of ``zoo.data.CIFAR10``).
    ConvNetJS computes in float64, so that logits agree to float32's seven digits. Raises InputError for a file that is
    missing, cut short or no JSON, and for a snapshot of a network with other layers.
    """
    if isinstance(snapshot, Mapping):
        name, content = "The snapshot", snapshot
    else:
        name, content = str(snapshot), _read(given_path(snapshot))
    try:
        return _network(content)
    except _OtherNetError as error:
        raise InputError(f"{name} is not a snapshot of ConvNetJS's CIFAR-10 network: {error}.") from error


class ConvNetJSFile(Weights):
    """A snapshot by path, with the preprocessing of the page bound to it."""

    path: Path

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        self.data = DataUse("CIFAR10", "convnetjs", "single view")
        self._trained = from_convnetjs(path)
        count = self._trained.num_classes
        # Imported here, for it brings in Lightning.
        from zoo.data.cifar10 import CLASS_NAMES

        names = list(CLASS_NAMES)
        self.meta = {
            "name": self.name, "network": "convnetjs", "variant": "paper", "options": self._trained.options,
            "class_names": names if count == len(names) else [f"class {number}" for number in range(count)],
            "path": self.name, "licence": "as its authors say: see where it came from",
        }  # fmt: skip

    def state(self) -> dict[str, Tensor]:
        """The tensors under the zoo's names, float32."""
        return self._trained.state_dict()

    def verify(self) -> None:
        """Raises InputError unless the numbers are whole; a snapshot comes without a digest to compare."""
        check_state(self.state(), self.bare_network(), self.name)


def described(network: Network) -> Iterator[tuple[dict[str, Any], Any]]:
    """What Net.toJSON says of each layer of the demo's network, and where it has weights our layer."""
    depth, height, width = network.input_shape

    def out(kind: str, **more: Any) -> dict[str, Any]:
        return more | {"out_depth": depth, "out_sx": width, "out_sy": height, "layer_type": kind}

    yield out("input"), None
    for layer in network.children():
        if isinstance(layer, nn.Conv2d):
            depth, read, size = layer.out_channels, layer.in_channels, layer.kernel_size[0]
            # The demo's, which keeps the size of the maps.
            stride, pad = layer.stride[0], size // 2
            yield out("conv", sx=size, sy=size, stride=stride, in_depth=read, pad=pad), layer
        elif isinstance(layer, nn.ReLU):
            yield out("relu"), None
        elif isinstance(layer, nn.MaxPool2d):
            width, height = width // 2, height // 2
            yield out("pool", sx=2, sy=2, stride=2, in_depth=depth, pad=0), None
        elif isinstance(layer, nn.Linear):
            shape = (height, width, depth)
            depth, height, width = layer.out_features, 1, 1
            # The shape of what it reads is no key of theirs, but what the order of its weights follows from.
            yield out("fc", num_inputs=layer.in_features) | {"_reads": shape}, layer
    yield out("softmax", num_inputs=depth), None


def shape_of_filter(said: Mapping[str, Any]) -> tuple[int, int, int]:
    """(height, width, depth): their ``Vol`` runs through rows, then columns, then depth."""
    if said["layer_type"] == "conv":
        return said["sy"], said["sx"], said["in_depth"]
    height, width, depth = said["_reads"]
    return height, width, depth


class _OtherNetError(ValueError):
    """Says in a few words what is not as the demo's network has it."""


def _read(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{path} is larger than {_MOST_BYTES:,} bytes: that is not a snapshot of ConvNetJS.")
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a whole JSON file: get it again from where it came from.") from error


def _network(content: Any) -> Network:
    layers = content.get("layers") if isinstance(content, Mapping) else None
    if not isinstance(layers, list) or not all(isinstance(layer, Mapping) for layer in layers):
        raise _OtherNetError("it has no list of layers")
    if not layers:
        raise _OtherNetError("its list of layers is empty")
    # As many classes as there are rows of weights before the softmax. A list of anything else must not fill the memory.
    rows = layers[-2].get("filters") if len(layers) > 1 else None
    rows = rows if isinstance(rows, list) and all(isinstance(row, Mapping) and row.get("w") for row in rows) else []
    network = ConvNetJS(num_classes=len(rows) or 10)
    expected = list(described(network))
    kinds = [layer.get("layer_type") for layer in layers]
    wanted = [said["layer_type"] for said, _ in expected]
    if kinds != wanted:
        raise _OtherNetError(f"its layers are {', '.join(map(str, kinds))}, not {', '.join(wanted)}")
    for number, (theirs, (said, layer)) in enumerate(zip(layers, expected, strict=True)):
        where = f"layer {number} ({said['layer_type']})"
        for key in _SAID:
            # As the library itself fills in what old snapshots lack.
            value = theirs.get(key, 0 if key == "pad" else None)
            if key in said and value != said[key]:
                raise _OtherNetError(f"{where} has {key} {value}, not {said[key]}")
        if layer is not None:
            _fill(layer, theirs, said, where)
    return network


def _fill(layer: Any, theirs: Mapping[str, Any], said: Mapping[str, Any], where: str) -> None:
    filters = theirs.get("filters")
    if not isinstance(filters, list) or len(filters) != said["out_depth"]:
        raise _OtherNetError(f"{where} does not have {said['out_depth']} filters")
    height, width, depth = shape_of_filter(said)
    # A fully connected layer keeps its filters as vectors.
    sizes = (width, height, depth) if said["layer_type"] == "conv" else (1, 1, height * width * depth)
    rows = [_numbers(volume, sizes, f"{where}, filter {n}") for n, volume in enumerate(filters)]
    weights = np.stack(rows).reshape(-1, height, width, depth).transpose(0, 3, 1, 2)
    biases = _numbers(theirs.get("biases"), (1, 1, said["out_depth"]), f"{where}, biases")
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weights.astype(np.float32)).reshape(layer.weight.shape))
        layer.bias.copy_(torch.from_numpy(biases.astype(np.float32)))


def _numbers(volume: Any, sizes: tuple[int, int, int], where: str) -> np.ndarray:
    """The numbers of a ``Vol`` of the sizes (sx, sy, depth), float64."""
    if not isinstance(volume, Mapping):
        raise _OtherNetError(f"{where} is missing")
    found = tuple(volume.get(key) for key in ("sx", "sy", "depth"))
    if found != sizes:
        raise _OtherNetError(f"{where} has the sizes {found}, not {sizes}")
    values, count = volume.get("w"), sizes[0] * sizes[1] * sizes[2]
    if isinstance(values, Mapping):
        # JSON.stringify makes an object with the keys "0", "1", ... of a typed array.
        values = [values.get(str(place)) for place in range(len(values))]
    if not isinstance(values, list) or len(values) != count:
        raise _OtherNetError(f"{where} does not have {count} numbers")
    # Not bool, which Python takes for an int, and not null, which JSON has for NaN.
    if not all(type(value) in (int, float) and abs(value) < 1e38 for value in values):
        raise _OtherNetError(f"{where} contains a value that is not a finite number")
    return np.array(values, np.float64)
