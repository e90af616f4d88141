"""Data sets and their preprocessing by name, as one types them. Imports no torch until a class is needed."""

import difflib
import inspect

from zoo.catalog import DATA
from zoo.errors import InputError


def dataset_named(name: str) -> str:
    """The data set's name as ``zoo list data`` spells it; raises InputError where there is none."""
    names = {known.lower(): known for known in DATA}
    if name.lower() in names:
        return names[name.lower()]
    near = difflib.get_close_matches(name.lower(), names, 1)
    hint = f"did you mean {names[near[0]]}?" if near else "zoo list data shows what there is."
    raise InputError(f"There is no data set {name!r}: {hint}")


def check_transform(name: str, transform: str) -> None:
    """Raises InputError, naming those that there are, for a preprocessing that a data set does not have."""
    import zoo.data

    known = inspect.signature(getattr(zoo.data, name)).parameters.get("transform")
    choices = getattr(known and known.annotation, "__args__", ())
    if transform not in choices:
        raise InputError(f"{name} has no transform {transform!r}: {', '.join(choices) or 'it has no choice'}.")
