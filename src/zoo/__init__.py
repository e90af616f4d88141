"""zoo: re-run the history of image recognition, from the perceptron to VGG.

The public names are loaded on first use, so that ``import zoo`` is light.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "InputError": "zoo.errors",
    "get_model": "zoo.models",
    "list_models": "zoo.catalog",
    "load": "zoo.weights",
}
_MODULES = ("data", "models", "weights")

__all__ = ["InputError", "__version__", "data", "get_model", "list_models", "load", "models", "weights"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _MODULES:
        return import_module(f"zoo.{name}")
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
