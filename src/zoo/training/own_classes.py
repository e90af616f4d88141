"""Classes of the user's own on the command line: found from the working folder, and networks wrapped as a model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from zoo import trusted, yaml_text
from zoo.errors import InputError
from zoo.models.classifier import Classifier
from zoo.training.yaml_text import OF_OWN_MODEL, OWN_MODEL, own_networks


def import_typed(words: list[str], values_of: Callable[[list[str], str], list[str]]) -> str | None:
    """Imports the classes that the user typed, or that a config names which the user typed; the model's, if it is own.

    Raises InputError where a class of the data or the model is not there, or cannot be imported.
    """
    model = None
    for name in values_of(words, "--config") + values_of(words, "-c"):
        content = yaml_text.read_file(Path(name))
        for path in _class_paths(content):
            # The parser has words of its own for what it does not find.
            if _is_own(path) and trusted.is_here(path):
                trusted.import_named(path)
        described = content.get("model") if isinstance(content, dict) else None
        if isinstance(described, dict) and isinstance(described.get("class_path"), str):
            model = described["class_path"]
    for option in ("--data", "--model", "--model.optimizer", "--model.schedule", "--trainer.callbacks"):
        for path in values_of(words, option):
            if not _is_own(path):
                model = path if option == "--model" else model
            elif option in ("--data", "--model"):
                trusted.import_named(path)
                model = path if option == "--model" else model
            elif trusted.is_here(path):
                trusted.import_named(path)
    return model


def around_own_network(words: list[str], model: str | None, lent: Path | None = None) -> list[str]:
    """``words`` in which the options of somebody's own network are those of the network within ``OwnModel``.

    ``model`` is the class that was typed; where none was, that of the ``lent`` config. Raises InputError where it is no
    network.
    """
    if "--model.help" in words[:-1] and _is_own(asked := words[words.index("--model.help") + 1]):
        trusted.import_named(asked)
        return ["--model", OWN_MODEL, "--model.network.help", asked]
    if model is None and lent is not None:
        described: Any = yaml_text.read_file(lent).get("model")
        model = described.get("class_path") if isinstance(described, dict) else None
    if model == OWN_MODEL:
        return _inner(words, None)
    if model is None or not _is_own(model):
        return words
    kind = trusted.import_named(model)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise InputError(f"{model} is no network: --model takes the class of an nn.Module or LightningModule.")
    if issubclass(kind, Classifier):
        return words
    own_networks.add(model)
    return _inner(words, model)


def _inner(words: list[str], model: str | None) -> list[str]:
    """The words with ``--model.hidden 3`` as ``--model.network.hidden 3``, and the class itself as the network's."""
    found: list[str] = []
    for position, word in enumerate(words):
        option, sign, value = word.partition("=")
        if option == "--model" and model is not None and (value if sign else words[position + 1]) == model:
            found += [option + sign + OWN_MODEL] if sign else [option]
            if sign:
                found.append(f"--model.network={model}")
        elif position and words[position - 1] == "--model" and word == model:
            found += [OWN_MODEL, "--model.network", model]
        elif option.startswith("--model.") and option.split(".")[1] not in (*OF_OWN_MODEL, "help", "init_args"):
            found.append("--model.network." + word.removeprefix("--model."))
        else:
            found.append(word)
    return found


def _is_own(path: str) -> bool:
    return "." in path and path.partition(".")[0] not in ("zoo", "torch", "lightning")


def _class_paths(value: Any) -> list[str]:
    if isinstance(value, list):
        return [path for each in value for path in _class_paths(each)]
    if not isinstance(value, dict):
        return []
    own = [value["class_path"]] if isinstance(value.get("class_path"), str) else []
    return own + [path for each in value.values() for path in _class_paths(each)]
