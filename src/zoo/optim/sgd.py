"""Gradient descent with momentum as AlexNet's paper writes it."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT


class MomentumSGD(Optimizer):
    """v = momentum * v - weight_decay * lr * w - lr * g; w = w + v (Krizhevsky et al. 2012, section 5).

    The learning rate is inside the velocity v, so that what was gathered at a high rate outlives a drop of it;
    torch.optim.SGD keeps the rate outside. At a constant rate the two are the same. Raises ValueError for a negative
    number or a momentum of 1 or more, NotImplementedError for sparse gradients.
    """

    def __init__(self, params: ParamsT, lr: float = 0.01, momentum: float = 0.9, weight_decay: float = 0.0) -> None:
        for name, value in {"learning rate": lr, "momentum": momentum, "weight decay": weight_decay}.items():
            if not 0 <= value < float("inf"):
                raise ValueError(f"the {name} is a number of at least 0, not {value}")
        if momentum >= 1:
            raise ValueError(f"the momentum is less than 1, not {momentum}: the velocity would never fade")
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step for every parameter that has a gradient; returns what ``closure``, called first, returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            for same in _alike(weights):
                self._step(same, group["lr"], group["momentum"], group["weight_decay"])
        return loss

    def _step(self, weights: list[Tensor], rate: float, momentum: float, decay: float) -> None:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        if any(gradient.is_sparse for gradient in gradients):
            raise NotImplementedError("MomentumSGD takes no sparse gradients")
        for weight in weights:
            if "velocity" not in self.state[weight]:
                self.state[weight]["velocity"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
        velocities = [self.state[weight]["velocity"] for weight in weights]
        torch._foreach_mul_(velocities, momentum)
        if decay:
            torch._foreach_add_(velocities, weights, alpha=-decay * rate)
        torch._foreach_add_(velocities, gradients, alpha=-rate)
        torch._foreach_add_(weights, velocities)


def _alike(weights: Iterable[Tensor]) -> list[list[Tensor]]:
    """Lists of one device and type each, so that a list is worked on at once."""
    lists: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for weight in weights:
        lists.setdefault((weight.device, weight.dtype), []).append(weight)
    return list(lists.values())
