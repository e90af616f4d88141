"""Stochastic diagonal Levenberg-Marquardt, the learning rule of LeNet-5."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT


class SDLM(Optimizer):
    """Gradient descent with a rate of its own for every parameter: lr / (mu + h) (LeCun et al. 1998, Appendix C).

    h is the parameter's second derivative, kept at what ``set_curvatures`` last gave; the paper measures it on 500
    images before each epoch. ``lr`` is the paper's global eta for single images; on batches of B images a rate of B eta
    covers the same ground. Raises ValueError for a rate or a ``mu`` that is not positive.
    """

    def __init__(self, params: ParamsT, lr: float = 5e-4, mu: float = 0.02) -> None:
        if lr < 0 or mu <= 0:
            raise ValueError(f"SDLM needs a rate of at least 0 and a mu above 0, not {lr} and {mu}")
        super().__init__(params, {"lr": lr, "mu": mu})

    def set_curvatures(self, curvatures: Mapping[nn.Parameter, Tensor]) -> None:
        """Sets the second derivative of every parameter, in its shape."""
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["scale"] = 1 / (group["mu"] + curvatures[p])

    def rates(self) -> Tensor:
        """The effective rates of all parameters, lr / (mu + h), in one dimension."""
        groups = self.param_groups
        return torch.cat([group["lr"] * self.state[p]["scale"].flatten() for group in groups for p in group["params"]])

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step against the gradient. Raises RuntimeError before the first ``set_curvatures``."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            if not all("scale" in self.state[p] for p in moved):
                raise RuntimeError("SDLM steps only after set_curvatures has been called")
            if moved:
                steps = torch._foreach_mul([p.grad for p in moved], [self.state[p]["scale"] for p in moved])
                torch._foreach_add_(moved, steps, alpha=-group["lr"])
        return loss
