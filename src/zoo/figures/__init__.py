"""Pictures of trained networks and of what was measured: functions that return a matplotlib Figure.

``zoo.figures.templates("linear/cifar10").savefig("t.png")``; ``save`` writes the same picture to the same bytes, and
``theme("dark")`` is for dark pages.
"""

from typing import Any

from zoo.figures.kinds import KINDS, function_of
from zoo.imports import import_large

_HOMES = {function_of(name): f"zoo.figures.{kind.home}" for name, kind in KINDS.items()}
_HOMES |= dict.fromkeys(("save", "theme"), "zoo.figures.style")

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo.figures' has no attribute {name!r}")
    return getattr(import_large(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
