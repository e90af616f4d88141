"""Learning-rate schedules as pure functions of how far training has come."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass


class Schedule(ABC):
    """Gives the factor on the optimizer's learning rate; stateless, so that a resumed run continues exactly."""

    @abstractmethod
    def factor(self, epoch: float, num_epochs: float) -> float:
        """The factor at ``epoch`` (fractional, from 0) of a run of ``num_epochs``."""


@dataclass(frozen=True)
class Drops(Schedule):
    """Multiplies the rate by ``gamma`` at each of ``epochs``: the "divided by 10" of AlexNet and VGG."""

    epochs: tuple[int, ...]
    gamma: float = 0.1

    def factor(self, epoch: float, num_epochs: float) -> float:
        """gamma to the power of the number of drops so far."""
        return self.gamma ** sum(epoch >= drop for drop in self.epochs)


@dataclass(frozen=True)
class Passes(Schedule):
    """One rate an epoch, as factors; the last one stays: LeNet-5's table of global rates (1998, section III.B).

    The paper calls an epoch a pass.
    """

    factors: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.factors:
            raise ValueError("factors needs one rate at least, that of the first epoch")

    def factor(self, epoch: float, num_epochs: float) -> float:
        """The factor of the running epoch."""
        return self.factors[min(int(epoch), len(self.factors) - 1)]


@dataclass(frozen=True)
class Cosine(Schedule):
    """Rises linearly over ``warmup`` (a share of the run), then falls to 0 along half a cosine."""

    warmup: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1:
            raise ValueError(f"warmup is a share of the run from 0 to less than 1, not {self.warmup}")

    def factor(self, epoch: float, num_epochs: float) -> float:
        """A factor between 0 and 1."""
        progress = min(epoch / num_epochs, 1.0)
        if progress < self.warmup:
            return progress / self.warmup
        return 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))
