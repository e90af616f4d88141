"""The data modules, loaded on first use: each works with ``zoo fit`` and with a plain Lightning Trainer."""

from importlib import import_module
from typing import Any

_HOMES = {
    "CIFAR10": "zoo.data.cifar10",
    "Digits": "zoo.data.digits",
    "FiveDigits": "zoo.data.five_digits",
    "ImageNet": "zoo.data.imagenet",
    "MNIST": "zoo.data.mnist",
    "SmokeImageNet": "zoo.data.smoke",
    "StreamedImageNet": "zoo.data.stream.module",
    "Symmetry": "zoo.data.symmetry",
}

__all__ = ["CIFAR10", "MNIST", "Digits", "FiveDigits", "ImageNet", "SmokeImageNet", "StreamedImageNet", "Symmetry"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo.data' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
