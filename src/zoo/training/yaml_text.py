"""YAML in the words of a command line, as jsonargparse reads them."""

from typing import Any

import yaml
from jsonargparse import get_loader, set_loader

from zoo.yaml_text import load

#: The parser's mode in which values are read by ``read``.
MODE = "zoo"
# torch's class cannot be told what to watch; ours is the same with a monitor.
_CLASSES = {"torch.optim.lr_scheduler.ReduceLROnPlateau": "zoo.optim.ReduceLROnPlateau"}


def read(text: str) -> Any:
    """A value of the command line, or a file's text, as jsonargparse reads YAML. Raises yaml.YAMLError as ``load``."""
    value = load(text, get_loader("yaml"))
    # To YAML "#x" is a comment and nothing else; to whoever typed it, a name.
    return text if value is None and text.strip().startswith("#") else _classes(value)


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
