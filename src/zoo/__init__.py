"""zoo: re-run the history of image recognition, from the perceptron to VGG.

The public names are loaded on first use, so that ``import zoo`` is light.
"""

from typing import Any

from zoo.imports import import_large

__version__ = "0.1.0"

_HOMES = {
    "InputError": "zoo.errors",
    "get_model": "zoo.weights.pretrained",
    "get_weights": "zoo.weights.find",
    "list_models": "zoo.weights.names",
    "list_weights": "zoo.weights.cards",
    "load": "zoo.weights.pretrained",
    "push_to_hub": "zoo.weights.export.hub",
}
_MODULES = ("data", "figures", "models", "weights")

__all__ = [
    "InputError", "__version__", "data", "figures", "get_model", "get_weights", "list_models", "list_weights", "load",
    "models", "push_to_hub", "weights",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_large(_HOMES[name]), name)
    if name in _MODULES:
        return import_large(f"zoo.{name}")
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
