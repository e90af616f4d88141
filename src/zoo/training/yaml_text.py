"""YAML as whoever wrote it meant it: what its reader would pass over without a word is refused."""

from typing import Any

import yaml
from jsonargparse import get_loader, set_loader

#: The parser's mode in which values are read by ``read``.
MODE = "zoo"
# Far more than any config has; aliases can make gigabytes of a few lines.
DEEPEST, LARGEST = 50, 100_000
# torch's class cannot be told what to watch; ours is the same with a monitor.
_CLASSES = {"torch.optim.lr_scheduler.ReduceLROnPlateau": "zoo.optim.ReduceLROnPlateau"}


def check(text: str) -> None:
    """Raises yaml.YAMLError, with its place, for a key given twice, an alias inside itself, and too much nesting."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError:
        raise yaml.YAMLError(f"it is nested more than {DEEPEST} levels deep") from None
    if root is not None:
        _size(root, (), {})


def _size(node: yaml.Node, around: tuple[yaml.Node, ...], known: dict[int, int]) -> int:
    """How many values there are in ``node``, those of aliases each time; ``around`` are the nodes that it is in."""
    if node in around:
        raise _error("an alias stands for what it is itself a part of", node)
    if len(around) > DEEPEST:
        raise _error(f"it is nested more than {DEEPEST} levels deep", node)
    if id(node) in known:
        return known[id(node)]
    content = node.value if isinstance(node, yaml.CollectionNode) else []
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        content = [part for pair in content for part in pair]
    size = 1 + sum(_size(part, (*around, node), known) for part in content)
    if size > LARGEST:
        raise _error(f"it has more than {LARGEST:,} values", node)
    known[id(node)] = size
    return size


def _check_keys(node: yaml.MappingNode) -> None:
    found = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in found:
                raise _error(f"the key {key.value!r} is given twice", key)
            found.add(key.value)


def _error(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def read(text: str) -> Any:
    """A value of the command line, or a file's text, as jsonargparse reads YAML, after ``check``."""
    check(text)
    value = get_loader("yaml")(text)
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
