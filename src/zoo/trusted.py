"""Code that is neither the zoo's nor an installed package's: whose the user has named, and nobody else's.

A checkpoint and the config of a run may be a stranger's. They can name a class and never have it imported: only what
the user typed, or imported in Python, is looked up.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.errors import InputError

_NAMED: set[str] = set()


def trust(name: str) -> None:
    """Imports the module, or that of the class, which the user named, from the working folder where it lies there.

    From now on checkpoints may use its classes. Raises InputError where there is none, or its code fails.
    """
    import_named(name, stays=False)
    _NAMED.add(name)


def import_named(name: str, stays: bool = True) -> Any:
    """The module or class that ``name`` means, from the working folder where it is nowhere else.

    Where it ``stays``, what it imports later is found there as well, after all that is installed. Raises InputError
    where there is none, or its code fails.
    """
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise InputError(f"{name!r} is no name of a module or class, such as mymodels.MyNetwork.")
    with _working_folder(parts[0], stays):
        found = _imported(parts[0], name)
        for number, part in enumerate(parts[1:], start=2):
            known = hasattr(found, part)
            found = getattr(found, part) if known else _imported(".".join(parts[:number]), name)
    return found


def is_here(name: str) -> bool:
    """Whether the module lies in the working folder and nowhere else."""
    top = name.partition(".")[0]
    if not top.isidentifier() or top in sys.modules or find_spec(top) is not None:
        return False
    return Path(f"{top}.py").is_file() or Path(top).is_dir()


def class_named(path: str, base: type, origin: str) -> Any:
    """The class, a subclass of ``base``, that a file names: one that the user trusts. Imports nothing.

    Raises InputError where the user has not named it, and says how to.
    """
    module = path.rpartition(".")[0]
    if not any(f"{path}.".startswith(f"{name}.") for name in _NAMED):
        raise InputError(
            f"{origin} holds a network of the class {path}, which is not the zoo's: read that code, then add --trust"
            f" {module}, in Python trust={module!r}, if you trust it."
        )
    found = import_named(path)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise InputError(f"{origin} names {path}, which is no class of a {base.__name__}.")
    return found


def _imported(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            where = ": it is neither installed nor in the working folder" if "." not in module else ""
            raise InputError(f"There is no {module}{where}.") from error
        raise InputError(f"{module} cannot be imported: {error}.") from error
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{module} cannot be imported: {type(error).__name__}: {reason}.") from error


@contextmanager
def _working_folder(top: str, stays: bool) -> Iterator[None]:
    """Where ``top`` is found nowhere else, the working folder is the last place to look."""
    here = str(Path.cwd())
    if top in sys.modules or here in sys.path or find_spec(top) is not None:
        yield
        return
    if not (Path(f"{top}.py").is_file() or Path(top).is_dir()):
        yield
        return
    sys.path.append(here)
    try:
        yield
    finally:
        if not (stays and top in sys.modules):
            sys.path.remove(here)
