"""YAML in the words of a command line, as jsonargparse reads them."""

from typing import Any

import yaml
from jsonargparse import get_loader, set_loader

from zoo.yaml_text import load

#: The parser's mode in which values are read by ``read``.
MODE = "zoo"


def read(text: str) -> Any:
    """A value of the command line, or a file's text, as jsonargparse reads YAML. Raises yaml.YAMLError as ``load``."""
    value = load(text, get_loader("yaml"))
    # To YAML "#x" is a comment and nothing else; to whoever typed it, a name.
    return text if value is None and text.strip().startswith("#") else value


set_loader(MODE, read, exceptions=(yaml.YAMLError,))
