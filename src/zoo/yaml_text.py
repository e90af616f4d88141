"""YAML as whoever wrote it meant it: what its reader would pass over without a word, or fail at in a way of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from zoo.errors import InputError
from zoo.files import read_text

# Far more than any config has; aliases can make gigabytes of a few lines.
DEEPEST, LARGEST = 50, 100_000
#: libyaml's loader, where there is one: ten times as fast as PyYAML's own, which says better what is wrong.
FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What libyaml raises of text that PyYAML may know how to read: names of files that are no UTF-8 are such.
_NOT_LIBYAMLS = (yaml.YAMLError, UnicodeEncodeError)


def read_file(path: Path) -> Any:
    """The content of a YAML file. Raises InputError, with line and column where they are known, where it has none."""
    try:
        return load(read_text(path))
    except yaml.reader.ReaderError as error:
        raise InputError(
            f"{path} is not valid YAML: it has the character {error.character!r} at position {error.position}."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split()).rstrip(".")
        raise InputError(f"{path}{where} is not valid YAML: {problem}.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): give a file.") from error


def read_own(text: str | bytes) -> Any:
    """The content of what the zoo itself has written."""
    try:
        return yaml.load(text, Loader=FAST)
    except _NOT_LIBYAMLS:
        return yaml.safe_load(text)


def load(text: str, loader: Callable[[str], Any] = yaml.safe_load) -> Any:
    """What ``loader`` makes of a text; raises yaml.YAMLError for whatever it cannot be made of, and as ``check``."""
    check(text)
    try:
        return loader(text)
    except yaml.YAMLError:
        raise
    except (ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
        # Of values that look like a date or a number, or say that they are, and are none.
        raise yaml.YAMLError(f"a value is not what it seems to be ({' '.join(str(error).split())})") from error


def check_depth(text: bytes | str) -> None:
    """Raises yaml.YAMLError for too much nesting, at which libyaml's loader would end the process."""
    depth = 0
    for event in yaml.parse(text, Loader=FAST):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.YAMLError(f"it is nested more than {DEEPEST} levels deep")


def check(text: str) -> None:
    """Raises yaml.YAMLError, with its place, for a key given twice, an alias inside itself, and too much nesting."""
    try:
        check_depth(text)
        _check_nodes(yaml.compose(text, Loader=FAST))
    except _NOT_LIBYAMLS:
        # PyYAML says what is wrong, and where.
        try:
            _check_nodes(yaml.compose(text, Loader=yaml.SafeLoader))
        except RecursionError:
            raise yaml.YAMLError(f"it is nested more than {DEEPEST} levels deep") from None


def _check_nodes(root: yaml.Node | None) -> None:
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
