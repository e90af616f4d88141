"""Trained weights as safetensors: with the zoo's card beside them, or in a folder as Hugging Face has them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor, nn

from zoo import __version__
from zoo.catalog import NETWORKS
from zoo.errors import InputError
from zoo.files import drafts, replace
from zoo.models.network import Network
from zoo.weights.cards import check_card
from zoo.weights.export.checks import Agreement, check
from zoo.weights.export.graphs import StoredInHalf, halved
from zoo.weights.export.metadata import metadata_of
from zoo.weights.export.model_card import model_card
from zoo.weights.export.ship import card_of
from zoo.weights.sources.run import RunWeights
from zoo.weights.sources.shipped import WeightsWithCard
from zoo.weights.tensors import MEAN_IMAGE, PREPROCESSING, read_tensors
from zoo.weights.trained import Weights, mean_image_in

Images = tuple[Tensor, Tensor]
Checked = tuple[Agreement, Agreement | None]


def write_pair(weights: Weights, network: Network, path: Path, half: bool, images: Images) -> tuple[int, Checked]:
    """``path`` and its card beside it; returns the bytes of ``path``.

    Raises InputError for weights of which no Record says where they are from.
    """
    card = _card(weights)
    if network.is_own:
        raise InputError(
            f"{network.name} is not a network of the zoo, whose cards are for its own: use --format hub, onnx or"
            " torch-export."
        )
    if card is None:
        raise InputError(
            f"{weights.name} has no Record, without which zoo writes no card: measure a run first with zoo test,"
            " or use --format hub, whose folder needs no card."
        )
    with drafts(path) as folder:
        draft = folder / path.name
        _write(weights, draft, card, half)
        found = _checked(weights, network, draft, half, images)
        # The weights first: where only they are replaced, the old card refuses them.
        replace(draft, path)
        replace(draft.with_suffix(".json"), path.with_suffix(".json"))
    return path.stat().st_size, found


def write_hub(weights: Weights, network: Network, path: Path, half: bool, images: Images) -> tuple[int, Checked]:
    """A folder with README.md, config.json, model.safetensors and, where there is a Record, model.json, its card.

    Returns the bytes of all.
    """
    card, metadata = _card(weights), metadata_of(weights, network, half)
    readme = model_card(weights, network, metadata, card["name"] if card else path.name, card)
    config = json.dumps(_config(weights, network, metadata), indent=2, ensure_ascii=False)
    with drafts(path) as folder:
        draft = folder / path.name
        draft.mkdir()
        _write(weights, draft / "model.safetensors", card, half)
        found = _checked(weights, network, draft / "model.safetensors", half, images)
        (draft / "config.json").write_text(config + "\n", encoding="utf-8")
        (draft / "README.md").write_text(readme, encoding="utf-8")
        replace(draft, path)
    return sum(file.stat().st_size for file in path.iterdir()), found


def _card(weights: Weights) -> dict[str, Any] | None:
    """The card of these weights, a measured run's made anew; None where nothing has been measured here."""
    if isinstance(weights, WeightsWithCard):
        return weights.meta
    if not isinstance(weights, RunWeights) or weights.record is None or weights.record.own:
        return None
    weights.verify()
    record = weights.record
    default = NETWORKS[record.network].variants[0]
    stem = record.network if record.variant == default else f"{record.network}-{record.variant}"
    return card_of(weights, f"{stem}/{record.dataset['name']}")


def _write(weights: Weights, file: Path, card: dict[str, Any] | None, half: bool) -> None:
    tensors = {key: (halved(value) if half else value).contiguous() for key, value in weights.state().items()}
    image = mean_image_in(weights.steps())
    if image is not None:
        tensors[MEAN_IMAGE] = image.contiguous()
    # One entry of metadata only: of several the order in the file, and so its digest, would change from call to call.
    content = safetensors.torch.save(tensors, metadata={"format": "pt"})
    file.write_bytes(content)
    if card is None:
        return
    kinds = {str(value.dtype).removeprefix("torch.") for value in tensors.values() if value.is_floating_point()}
    dtype = next(iter(kinds - {"float32"}), "float32")
    # Scores are those of one very file; with rounded weights they have to be counted again.
    same = dtype == card.get("dtype")
    scores, measures = (card["scores"], card.get("measures")) if same else (None, None)
    about = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "dtype": dtype,
        "scores": scores,
        "measures": measures,
    }
    # What was fetched may come from elsewhere than this file, which lies beside its card.
    card = {key: value for key, value in card.items() if key != "url"} | about
    check_card(card, str(file))
    text = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False)
    file.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


def _checked(weights: Weights, network: Network, file: Path, half: bool, images: Images) -> Checked:
    """Reads the file back, through its card where it has one, into a network of its own."""
    module: nn.Module = StoredInHalf(network).eval() if half else network
    if file.with_suffix(".json").is_file():
        found = WeightsWithCard(file.with_suffix(".json")).network()
    else:
        found = weights.bare_network("cpu")
        read = read_tensors(file)
        found.load_state_dict({key: value for key, value in read.items() if not key.startswith(PREPROCESSING)})
    return check(network, module, found.eval(), images, f"{weights.name} as safetensors")


def _config(weights: Weights, network: Network, metadata: dict[str, str]) -> dict[str, Any]:
    names = weights.class_names
    return {
        "model_type": "zoo",
        "architectures": [type(network).__name__],
        "network": network.name,
        "variant": network.variant,
        "options": network.options,
        "input_shape": list(network.input_shape),
        "preprocessing": json.loads(metadata["preprocessing"]),
        "num_labels": network.num_classes,
        "id2label": {str(index): name for index, name in enumerate(names)},
        "label2id": {name: index for index, name in enumerate(names)},
        "zoo_version": __version__,
    }
