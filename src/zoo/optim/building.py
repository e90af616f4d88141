"""An optimizer from groups of parameters, each with its factor on the learning rate, or one sentence why not."""

import math
from collections.abc import Callable
from typing import Any

import torch

from zoo.errors import InputError


def built(
    optimizer_of: Callable[[Any], torch.optim.Optimizer], groups: list[dict[str, Any]]
) -> tuple[torch.optim.Optimizer, list[float]]:
    """The optimizer, and the factor (``rate``, 1 unless a group has it) by which each group's rate was multiplied.

    Raises InputError where the optimizer refuses one of its values, has one that is not finite, or takes gradients
    that no network here has.
    """
    optimizer = _accepted(optimizer_of, groups)
    if isinstance(optimizer, torch.optim.SparseAdam):
        raise InputError("SparseAdam takes sparse gradients, and no network here has any: take torch.optim.Adam.")
    for group in optimizer.param_groups:
        if odd := [name for name, value in group.items() if isinstance(value, float) and not math.isfinite(value)]:
            raise InputError(f"The optimizer's {odd[0]} is {group[odd[0]]}: change model.optimizer.")
    rates = [group.pop("rate", 1.0) for group in optimizer.param_groups]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] *= rate
    return optimizer, rates


def _accepted(
    optimizer_of: Callable[[Any], torch.optim.Optimizer], groups: list[dict[str, Any]]
) -> torch.optim.Optimizer:
    try:
        return optimizer_of(groups)
    except ValueError as error:
        # LBFGS takes all weights alike.
        alike = len(groups) > 1 and all(group.get("rate", 1.0) == 1 for group in groups)
        if "parameter groups" in str(error) and alike:
            return _accepted(optimizer_of, [{"params": [p for group in groups for p in group["params"]]}])
        raise InputError(f"The optimizer cannot be built ({error}): change model.optimizer.") from error
