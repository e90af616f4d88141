"""Learning rules and rate schedules that the papers used and torch lacks."""

from zoo.optim.error_correction import Course, learn, mistake_bound
from zoo.optim.schedules import Cosine, Drops, Passes, Schedule
from zoo.optim.sdlm import SDLM
from zoo.optim.sgd import MomentumSGD

__all__ = [
    "SDLM",
    "Cosine",
    "Course",
    "Drops",
    "MomentumSGD",
    "Passes",
    "Schedule",
    "learn",
    "mistake_bound",
]
