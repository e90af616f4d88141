"""Trained networks: found by name or file, loaded without executing anything, converted where others made them."""

from typing import Any

from zoo.imports import import_large

_HOMES = {
    "Weights": "zoo.weights.trained",
    "from_caffemodel": "zoo.weights.sources.caffemodel",
    "from_convnetjs": "zoo.weights.sources.convnetjs",
    "from_state_dict": "zoo.weights.sources.pytorch",
    "from_torchvision": "zoo.weights.sources.convert",
    "get_weights": "zoo.weights.find",
    "list_weights": "zoo.weights.cards",
    "load": "zoo.weights.pretrained",
}

__all__ = [
    "Weights",
    "from_caffemodel",
    "from_convnetjs",
    "from_state_dict",
    "from_torchvision",
    "get_weights",
    "list_weights",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo.weights' has no attribute {name!r}")
    return getattr(import_large(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
