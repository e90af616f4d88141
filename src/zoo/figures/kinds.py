"""The kinds of pictures as plain data: what each is of, which options it takes, where it is drawn. Imports no torch."""

from dataclasses import dataclass
from typing import Any

from zoo.errors import InputError, nearest


@dataclass(frozen=True)
class Kind:
    """One kind of picture.

    ``home`` is the module that draws it, in a function of the kind's own name; it is called otherwise, so that
    ``zoo.figures.templates`` is always the function. ``fewest`` and ``most`` say how many names it is given, None
    that there is no limit; ``names`` what they are names of. ``options`` are keys of ``OPTIONS``, which the function
    takes under the same names.
    """

    home: str
    about: str
    names: str = "WEIGHTS"
    fewest: int = 1
    most: int | None = 1
    options: tuple[str, ...] = ()


#: The options of all kinds, as argparse declares them; each kind takes some of them.
OPTIONS: dict[str, dict[str, Any]] = {
    "layer": {"metavar": "NAME", "help": "the layer, as zoo info names it"},
    "units": {"type": int, "nargs": "+", "metavar": "N", "help": "these units of the layer, counted from 0"},
}
#: How an option is typed where that is not its own name.
TYPED: dict[str, str] = {}

KINDS: dict[str, Kind] = {
    "templates": Kind(
        "unit_templates",
        "the weights of units that read pixels, each as an image: linear, perceptron, MLP",
        options=("layer", "units"),
    ),
}


def kind_named(name: str) -> Kind:
    """The kind of this name. Raises InputError, with the nearest, where there is none."""
    if name not in KINDS:
        raise InputError(f"There is no figure {name!r}: {nearest(name, KINDS)}")
    return KINDS[name]


def function_of(name: str) -> str:
    """The name of the function that draws a kind."""
    return name.replace("-", "_")


def typed(option: str) -> str:
    """An option as it is typed: ``--data.root``."""
    return f"--{TYPED.get(option, option)}"
