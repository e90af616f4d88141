"""What an option means for an experiment, said where it is declared: ``root: ChangesNoNumber[str] = "data"``."""

import inspect
import json
import sys
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, get_args

T = TypeVar("T")


@dataclass(frozen=True)
class Meaning:
    """Under which ``name`` a Record lists the options that have it, and the ``words`` that ``--data.help`` shows."""

    name: str
    words: str

    def __repr__(self) -> str:
        return self.words


_NO_NUMBER = Meaning("changes_no_number", "changes no number")
_CHANCE = Meaning("chance", "chance")
#: Where files lie, how many processes read them, what is kept on disk: the number is the same to the bit.
ChangesNoNumber = Annotated[T, _NO_NUMBER]
#: Seeds: the number is another one, by chance alone, of the same experiment.
Chance = Annotated[T, _CHANCE]


def declared(config: Any) -> dict[str, dict[str, Any]]:
    """For the Record: the default of every option, and which have a meaning, of each class that ``config`` names.

    ``{"zoo.data.MNIST": {"defaults": {...}, "changes_no_number": ["download", "root"], "chance": ["seed"]}, ...}``
    """
    if not isinstance(config, dict):
        return {}
    found = {path: options for content in config.values() for path, options in declared(content).items()}
    owner = loaded_class(config.get("class_path"))
    return found if owner is None else found | {config["class_path"]: _options_of(owner)}


def loaded_class(path: Any) -> Any:
    """The class, among those that are there already: a config may come with weights, and must not import anything."""
    module, _, name = path.rpartition(".") if isinstance(path, str) else ("", "", "")
    return getattr(sys.modules.get(module), name, None)


def _options_of(owner: Any) -> dict[str, Any]:
    parameters = inspect.signature(owner).parameters.values()
    defaults = {each.name: json.loads(json.dumps(each.default)) for each in parameters if _is_plain(each.default)}
    options: dict[str, Any] = {"defaults": defaults}
    for meaning in (_NO_NUMBER, _CHANCE):
        options[meaning.name] = sorted(each.name for each in parameters if meaning in get_args(each.annotation)[1:])
    return options


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it, as it cannot a function, or what stands for no default at all."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True
