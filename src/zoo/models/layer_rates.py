"""Fine-tuning: which layers stay as they are, and which learn at a rate of their own."""

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

Groups = list[dict[str, Any]]


def chosen(
    layers: Mapping[str, nn.Module], freeze: str | Sequence[str] | None, lr_scale: Mapping[str, float] | None
) -> tuple[tuple[str, ...], dict[str, float]]:
    """Names of the layers to freeze, in the network's order, and the factors on the learning rates of others.

    ``freeze`` and ``lr_scale`` name layers or patterns of names. Raises ValueError for names that no layer has and
    factors that make no sense.
    """
    if not isinstance(lr_scale, Mapping | None):
        raise ValueError(f"lr_scale must be factors by layer, such as {{conv1: 0.1}}, not {lr_scale}.")
    names = freeze.split(",") if isinstance(freeze, str) else freeze or ()
    patterns = [name.strip() for name in names if name.strip()]
    frozen = {name for pattern in patterns for name in _matching(layers, pattern, "freeze")}
    rates: dict[str, float] = {}
    for pattern, factor in (lr_scale or {}).items():
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 <= factor < math.inf:
            raise ValueError(f"lr_scale for {pattern} must be a number of at least 0, not {factor}.")
        rates |= dict.fromkeys(_matching(layers, str(pattern), "lr_scale"), float(factor))
    return tuple(name for name in layers if name in frozen), rates


def _matching(layers: Mapping[str, nn.Module], pattern: str, option: str) -> list[str]:
    found = [name for name in layers if fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")]
    if not any(layers[name].state_dict() for name in found):
        having = ", ".join(name for name, layer in layers.items() if layer.state_dict())
        raise ValueError(f"{option} names {pattern!r}, but the layers with weights are {having}.")
    return found


def divided(groups: Groups, layers: Mapping[str, nn.Module], rates: Mapping[str, float]) -> Groups:
    """Without what is frozen, and the layers with a rate of their own in groups apart, after those of full rate."""
    scale = {p: factor for name, factor in rates.items() for p in layers[name].parameters()}
    parts = []
    for factor in sorted({1.0, *rates.values()}, key=lambda factor: (factor != 1, factor)):
        for group in groups:
            mine = [p for p in group["params"] if p.requires_grad and scale.get(p, 1.0) == factor]
            if mine:
                parts.append(group | {"params": mine, "rate": group.get("rate", 1.0) * factor})
    return parts
