"""Finds trained weights: shipped ones and torchvision's by name, run folders and files by path."""

from pathlib import Path

from zoo import trusted
from zoo.errors import InputError
from zoo.files import given_path
from zoo.weights.cards import HUB, check_there, is_card, shipped, shipped_card
from zoo.weights.trained import Weights


def find(name_or_path: "str | Path | Weights") -> Weights:
    """The weights that are meant: a shipped name, ``torchvision/...``, ``hf_hub:OWNER/NAME``, or a path.

    Shipped names are ``<network>[-<variant>]/<dataset>``, such as ``lenet5/mnist`` and ``vgg16-bn/cifar10``, and win
    over a folder of that name, which ``./lenet5/mnist`` means. Paths are run folders and ``.ckpt`` files that this
    package wrote, ``.safetensors`` files with their ``.json`` card beside them, cards that have a ``url`` instead of a
    file, ``.caffemodel`` files, and ``.json`` snapshots of ConvNetJS. Nothing is fetched here but from Hugging Face's
    hub. Raises InputError where there is nothing, or nothing that this package can read.
    """
    if isinstance(name_or_path, Weights):
        return name_or_path
    text = str(name_or_path)
    check_there(text)
    if text in shipped():
        return _of_card(shipped_card(text))
    if text.startswith("torchvision/"):
        from zoo.weights.sources.torchvision import TorchvisionWeights

        return TorchvisionWeights(text)
    if text.startswith(HUB):
        return _of_hub(text.removeprefix(HUB))
    return _of_path(given_path(name_or_path))


def get_weights(name: "str | Path | Weights", trust: str | None = None) -> Weights:
    """Trained weights: of a name such as ``lenet5/mnist``, a run folder, a file, or ``hf_hub:OWNER/NAME``.

    ``zoo.weights.find.find`` under the name that torchvision gives to it. ``trust`` is the module with the class of
    somebody's own network, which is imported: without it none is. Raises InputError where there are none.
    """
    if trust is not None:
        trusted.trust(trust)
    return find(name)


def _of_hub(repo_id: str) -> Weights:
    from zoo.models.hub import WEIGHTS, file_of

    weights = file_of(repo_id, WEIGHTS)
    # Beside one another in the cache, as they are in the repository.
    return _of_card(file_of(repo_id, weights.with_suffix(".json").name))


def _of_path(path: Path) -> Weights:
    if path.suffix == ".safetensors" or _is_of_card(path):
        return _of_card(path.with_suffix(".json"))
    if path.suffix == ".caffemodel":
        from zoo.weights.sources.caffe import CaffeFile

        return CaffeFile(path)
    if path.suffix == ".json" and path.is_file():
        from zoo.weights.sources.convnetjs import ConvNetJSFile

        return ConvNetJSFile(path)
    from zoo.weights.sources.run import RunWeights

    return RunWeights(path)


def _is_of_card(path: Path) -> bool:
    # A snapshot of ConvNetJS is JSON as well.
    return path.suffix == ".json" and (path.with_suffix(".safetensors").is_file() or is_card(path))


def _of_card(card: Path) -> Weights:
    from zoo.weights.sources.shipped import WeightsWithCard

    weights = card.with_suffix(".safetensors")
    if not (weights.is_file() or card.is_file()):
        raise InputError(f"There are no weights at {weights}.")
    if not card.is_file():
        raise InputError(
            f"{weights} has no card beside it: without {card.name} it is not known which network these numbers are of."
        )
    return WeightsWithCard(card)
