"""The data modules, loaded on first use: each works with ``zoo fit`` and with a plain Lightning Trainer."""

from typing import Any

from zoo.catalog import DATA
from zoo.imports import import_large

_HOMES = {name: entry.module for name, entry in DATA.own.items()}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    # What installed packages add is looked for only when it is asked for.
    added = name not in _HOMES and not name.startswith("__") and name in DATA
    if name not in _HOMES and not added:
        raise AttributeError(f"module 'zoo.data' has no attribute {name!r}")
    return getattr(import_large(DATA[name].module), name)


def __dir__() -> list[str]:
    return __all__
