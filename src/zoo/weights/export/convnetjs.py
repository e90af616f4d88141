"""Trained weights as a snapshot of ConvNetJS: the JSON that the buttons of its CIFAR-10 page load."""

import json
from typing import Any

from torch import Tensor

from zoo.errors import InputError
from zoo.models.network import Network
from zoo.weights.sources.convnetjs import described, shape_of_filter


def check_exportable(network: Network, half: bool) -> None:
    """Raises InputError for networks other than the demo's, and for weights in 16 bits, which JSON does not have."""
    if network.name != "convnetjs":
        raise InputError(f"The ConvNetJS page can load only convnetjs, not {network.name}.")
    if half:
        raise InputError("--half does not apply to --format convnetjs, whose numbers are text: leave --half out.")


def to_convnetjs(network: Network) -> bytes:
    """The snapshot of a network ``convnetjs``, as Net.toJSON writes it: the page loads it, and so does Net.fromJSON.

    Weights are written as plain lists, which ConvNetJS reads as well as the objects that browsers make of its arrays.
    """
    layers = []
    for said, layer in described(network):
        if layer is not None:
            said["l1_decay_mul"], said["l2_decay_mul"] = 0, 1
            rows = _in_their_order(layer.weight.detach(), said)
            width, height = said.get("sx", 1), said.get("sy", 1)
            said["filters"] = [_volume(row, width, height) for row in rows]
            said["biases"] = _volume(layer.bias.detach(), 1, 1)
        layers.append(said)
    return json.dumps({"layers": layers}, allow_nan=False).encode()


def _in_their_order(weight: Tensor, said: dict[str, Any]) -> Tensor:
    """Weights (N, ...) of a layer as (N, rows times columns times depth)."""
    height, width, depth = shape_of_filter(said)
    said.pop("_reads", None)
    return weight.reshape(-1, depth, height, width).permute(0, 2, 3, 1).flatten(1)


def _volume(numbers: Tensor, width: int, height: int) -> dict[str, Any]:
    return {"sx": width, "sy": height, "depth": len(numbers) // (width * height), "w": numbers.tolist()}
