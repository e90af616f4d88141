"""What an option means for an experiment, said where it is declared: ``root: ChangesNoNumber[str] = "data"``.

And how several classes have the same options without listing them again.
"""

import inspect
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter, Signature
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


def with_options_of(owner: type, **defaults: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorates an ``__init__`` that hands its ``**options`` on to ``owner``, which declares them.

    In the signature they stand before its own, with ``defaults`` of its own where these are given. A parameter of its
    own that ``owner`` has, too, only says where that option stands; type and default are the owner's. Options may be
    given by place or by name, and reach ``__init__`` by name, all of them.
    """

    def completed(init: Callable[..., None]) -> Callable[..., None]:
        _, *theirs = inspect.signature(owner.__init__).parameters.values()  # type: ignore[misc]
        itself, *own = inspect.signature(init).parameters.values()
        shared = {each.name: each.replace(default=defaults.get(each.name, each.default)) for each in theirs}
        named = [each for each in own if each.kind is not Parameter.VAR_KEYWORD]
        first = [option for name, option in shared.items() if name not in {each.name for each in named}]
        rest = [shared.get(each.name, each).replace(kind=Parameter.POSITIONAL_OR_KEYWORD) for each in named]
        signature = Signature([itself, *first, *rest], return_annotation=None)

        def __init__(*args: Any, **options: Any) -> None:  # noqa: N807
            bound = signature.bind(*args, **options)
            bound.apply_defaults()
            init(**bound.arguments)

        __init__.__doc__, __init__.__signature__ = init.__doc__, signature  # type: ignore[attr-defined]
        return __init__

    return completed


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
