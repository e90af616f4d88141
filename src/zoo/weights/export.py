"""Writes trained networks as files for other programs, each checked against the network before it is there."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.models.network import Network
from zoo.weights import forms
from zoo.weights.checks import Agreement, check_images, compare
from zoo.weights.notes import notes_of
from zoo.weights.replacing import replacing
from zoo.weights.trained import Weights

ENDINGS = {"safetensors": ".safetensors", "onnx": ".onnx", "torch-export": ".pt2", "hub": ""}
_GRAPHS: dict[str, tuple[Callable[..., bytes], Callable[[bytes], forms.Run]]] = {
    "onnx": (forms.to_onnx, forms.run_onnx),
    "torch-export": (forms.to_program, forms.run_program),
}


@dataclass(frozen=True)
class Exported:
    """What was written: the path, its bytes, and how it agrees with the network; ``rounding`` where it is in half."""

    path: Path
    num_bytes: int
    num_real: int
    num_random: int
    agreement: Agreement
    rounding: Agreement | None


def export(weights: Weights, form: str, output: Path | None = None, half: bool = False) -> Exported:
    """Writes ``weights`` as ``form`` to ``output``, by default a name in the working folder.

    The form is read back and must give the network's logits on real and on random images; until it has, nothing is at
    ``output``. ``half`` stores the weights in 16 bits: then the form must give the logits of the rounded network, and
    ``rounding`` says what the rounding itself costs. Raises InputError where the network has no such form, the check
    fails, or nothing can be written there.
    """
    network = weights.network()
    path = output or Path(file_name(weights) + ENDINGS[form])
    images = check_images(weights)
    if form in _GRAPHS:
        return _as_graph(weights, network, form, path, half, images)
    from zoo.weights.folder import write_hub, write_pair

    write = write_hub if form == "hub" else write_pair
    return write(weights, network, path, half, images)


def file_name(weights: Weights) -> str:
    """Letters, digits and hyphens: of a name, ``lenet5-mnist``; of a path, the network's own name and its data's."""
    network = weights.bare_network()
    if weights.name.count("/") == 1 and not Path(weights.name).exists():
        return weights.name.replace("/", "-")
    return f"{network.name}-{network.variant}-{weights.data.class_name.lower()}"


def _as_graph(
    weights: Weights, network: Network, form: str, path: Path, half: bool, images: tuple[Tensor, Tensor]
) -> Exported:
    forms.check_graph(network, form)
    module: nn.Module = forms.StoredInHalf(network).eval() if half else network
    write, read = _GRAPHS[form]
    content = write(module, network, notes_of(weights, network, half))
    agreement, rounding = check(network, module, read(content), images, f"{weights.name} as {form}")
    with replacing(path) as partial:
        partial.write_bytes(content)
    return Exported(path, len(content), *map(len, images), agreement, rounding)


@torch.inference_mode()
def check(
    network: Network, module: nn.Module, form: forms.Run, images: tuple[Tensor, Tensor], what: str
) -> tuple[Agreement, Agreement | None]:
    """How ``form`` agrees with ``module`` and, where that is the network rounded, what the rounding costs.

    Raises InputError where ``form`` is not ``module``.
    """
    inputs = torch.cat(images)
    original, expected, found = network(inputs), module(inputs), form(inputs)
    # A batch of one, and with it another size than that of the export.
    found[:1] = form(inputs[:1])
    agreement = compare(expected, found)
    if not agreement.holds:
        raise InputError(
            f"{what} is not the network: its logits, of up to {agreement.scale:.3g}, differ by {agreement.largest:.3g},"
            f" and the leading classes are the same on {agreement.same_top} of {agreement.num_images} images only:"
            " nothing was written."
        )
    return agreement, compare(original, found) if module is not network else None
