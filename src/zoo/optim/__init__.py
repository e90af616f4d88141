"""Learning rules and rate schedules that the papers used and torch lacks."""

from zoo.optim.schedules import Cosine, Drops, Passes, Schedule
from zoo.optim.sgd import MomentumSGD

__all__ = ["Cosine", "Drops", "MomentumSGD", "Passes", "Schedule"]
