"""The data modules, loaded on first use: each works with ``zoo fit`` and with a plain Lightning Trainer."""

from importlib import import_module
from typing import Any

from zoo.catalog import DATA

_HOMES = {name: entry.module for name, entry in DATA.items()}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo.data' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
