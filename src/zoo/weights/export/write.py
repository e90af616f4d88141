"""Writes trained networks as files for other programs, each checked against the network before it is there."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import nn

from zoo.errors import InputError
from zoo.files import drafts, end_of_links, given_output, is_device, replace
from zoo.models.network import Network
from zoo.weights.cards import NAME
from zoo.weights.export import graphs
from zoo.weights.export.checks import Agreement, check, check_images
from zoo.weights.export.convnetjs import check_exportable, to_convnetjs
from zoo.weights.export.folder import Checked, Images, write_hub, write_pair
from zoo.weights.export.formats import FORMATS
from zoo.weights.export.metadata import metadata_of
from zoo.weights.export.page import bits_for, check_page, rounded, to_page
from zoo.weights.export.page_file import PageNetwork, check_preparing
from zoo.weights.sources.convnetjs import from_convnetjs
from zoo.weights.trained import Weights

GRAPHS: dict[str, tuple[Callable[..., bytes], Callable[[bytes], graphs.Run]]] = {
    "onnx": (graphs.to_onnx, graphs.run_onnx),
    "torch-export": (graphs.to_program, graphs.run_program),
    # Their page has no place for metadata.
    "convnetjs": (
        lambda module, network, metadata: to_convnetjs(network),
        lambda content: from_convnetjs(json.loads(content)).eval(),
    ),
}


@dataclass(frozen=True)
class Exported:
    """What was written: the path, its bytes, and how it agrees with the network.

    ``rounding`` where its weights are stored in fewer ``bits`` than 32.
    """

    path: Path
    num_bytes: int
    num_real: int
    num_random: int
    agreement: Agreement
    rounding: Agreement | None
    bits: int


def export(weights: Weights, form: str, output: Path | None = None, half: bool = False) -> Exported:
    """Writes ``weights`` as ``form`` to ``output``, by default a name in the working folder.

    The form is read back and must give the network's logits on real and on random images; until it has, nothing is at
    ``output``. ``half`` stores the weights in 16 bits: then the form must give the logits of the rounded network, and
    ``rounding`` says what the rounding itself costs. Raises InputError where the network has no such form, the check
    fails, or nothing can be written there.
    """
    path = end_of_links(output or Path(file_name(weights) + FORMATS[form].ending))
    _check_place(path, form)
    network = weights.network().eval()
    if form == "convnetjs":
        check_exportable(network, half)
    elif form == "page":
        check_page(weights, half)
    elif form in GRAPHS:
        graphs.check_graph(network, form)
    images = check_images(weights)
    write = {"hub": write_hub, "safetensors": write_pair, "page": _write_page}.get(form) or partial(_write_graph, form)
    num_bytes, (agreement, rounding) = write(weights, network, path, half, images)
    real, noise = images
    bits = bits_for(network) if form == "page" else 16 if half else 32
    return Exported(path, num_bytes, len(real), len(noise), agreement, rounding, bits)


def file_name(weights: Weights) -> str:
    """Letters, digits and hyphens: of a name, ``lenet5-mnist``; of a path, the network's own name and its data's."""
    network = weights.bare_network()
    if NAME.fullmatch(weights.name):
        return weights.name.replace("/", "-")
    return f"{network.name}-{network.variant}-{weights.data.class_name.lower()}"


def _check_place(path: Path, form: str) -> None:
    given_output(path)
    if is_device(path):
        raise InputError(f"{path} is a device or a pipe, which no export replaces: give another --output.")
    if path.is_dir() and (form != "hub" or any(path.iterdir())):
        raise InputError(f"{path} is a folder{' with files in it' if form == 'hub' else ''}: give another --output.")
    if form == "hub" and path.is_file():
        raise InputError(f"{path} is a file, but --format hub writes a folder: give another --output.")
    if form == "safetensors" and path.suffix != ".safetensors":
        raise InputError(f"{path} does not end in .safetensors, which tells the file from its card: give such a name.")
    if form == "safetensors" and (card := path.with_suffix(".json")).exists() and not card.is_file():
        raise InputError(f"{card}, the card's place, is taken by what is no file: give another --output.")
    if path.suffix != FORMATS[form].ending and path.suffix in {each.ending for each in FORMATS.values() if each.ending}:
        raise InputError(f"{path} ends as another format does, not as {form}: give --output another ending.")


def _write_graph(
    form: str, weights: Weights, network: Network, path: Path, half: bool, images: Images
) -> tuple[int, Checked]:
    module: nn.Module = graphs.StoredInHalf(network).eval() if half else network
    write, read = GRAPHS[form]
    content = write(module, network, metadata_of(weights, network, half))
    found = check(network, module, read(content), images, f"{weights.name} as {form}")
    _put(content, path)
    return len(content), found


def _write_page(weights: Weights, network: Network, path: Path, half: bool, images: Images) -> tuple[int, Checked]:
    content = to_page(weights)
    read = PageNetwork(content)
    check_preparing(read, weights)
    found = check(network, rounded(weights.network().eval()), read, images, f"{weights.name} as page")
    _put(content, path)
    return len(content), found


def _put(content: bytes, path: Path) -> None:
    with drafts(path) as folder:
        (folder / path.name).write_bytes(content)
        replace(folder / path.name, path)
