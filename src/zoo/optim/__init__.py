"""Learning rules and rate schedules that the papers used and torch lacks."""

from zoo.optim.error_correction import LearningHistory, learn, mistake_bound
from zoo.optim.schedules import Cosine, Drops, Passes, Schedule
from zoo.optim.sdlm import SDLM
from zoo.optim.sgd import MomentumSGD

__all__ = [
    "SDLM",
    "Cosine",
    "Drops",
    "LearningHistory",
    "MomentumSGD",
    "Passes",
    "Schedule",
    "learn",
    "mistake_bound",
]
