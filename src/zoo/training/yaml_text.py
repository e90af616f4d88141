"""YAML in the words of a command line, as jsonargparse reads them."""

from typing import Any

import yaml
from jsonargparse import get_loader, set_loader

from zoo.yaml_text import load

#: The parser's mode in which values are read by ``read``.
MODE = "zoo"
#: The model that trains somebody's own network, and its options; all others are the network's.
OWN_MODEL = "zoo.models.OwnModel"
OF_OWN_MODEL = ("network", "optimizer", "schedule", "label_smoothing", "cutmix", "freeze", "lr_scale")
#: The classes of such networks, as the user named them, in this process.
own_networks: set[str] = set()
# torch's class cannot be told what to watch; ours is the same with a monitor.
_CLASSES: dict[str, str] = {"torch.optim.lr_scheduler.ReduceLROnPlateau": "zoo.optim.ReduceLROnPlateau"}


def read(text: str) -> Any:
    """A value of the command line, or a file's text, as jsonargparse reads YAML. Raises yaml.YAMLError as ``load``."""
    value = with_own_model(load(text, get_loader("yaml")))
    # To YAML "#x" is a comment and nothing else; to whoever typed it, a name.
    return text if value is None and text.strip().startswith("#") else _classes(value)


def with_own_model(value: Any) -> Any:
    """A config whose ``model`` is somebody's own network, with the model that trains it around the network."""
    model = value.get("model") if isinstance(value, dict) else None
    if not isinstance(model, dict) or model.get("class_path") not in own_networks:
        return value
    options = model.get("init_args") or {}
    ours = {key: option for key, option in options.items() if key in OF_OWN_MODEL}
    network = {"class_path": model["class_path"], "init_args": {k: v for k, v in options.items() if k not in ours}}
    return value | {"model": {"class_path": OWN_MODEL, "init_args": {"network": network} | ours}}


def known_class(word: str) -> str:
    """A word of the command line, ``PATH`` or ``--model.schedule=PATH``, with the class that the path stands for."""
    option, sign, path = word.rpartition("=")
    return f"{option}{sign}{_CLASSES.get(path, path)}"


def _classes(value: Any) -> Any:
    """Names of classes in place of those that they stand for."""
    if isinstance(value, dict):
        return {key: _classes(content) for key, content in value.items()}
    if isinstance(value, list):
        return [_classes(content) for content in value]
    return _CLASSES.get(value, value) if isinstance(value, str) else value


set_loader(MODE, read, exceptions=(yaml.YAMLError,))
