"""Learning rules and rate schedules that the papers used and torch lacks; torch's own fit beside them."""

from zoo.optim.error_correction import LearningHistory, learn, mistake_bound
from zoo.optim.schedules import Cosine, Drops, Passes, Schedule
from zoo.optim.sdlm import SDLM
from zoo.optim.sgd import MomentumSGD
from zoo.optim.torch_schedules import AnySchedule, ReduceLROnPlateau

__all__ = [
    "SDLM",
    "AnySchedule",
    "Cosine",
    "Drops",
    "LearningHistory",
    "MomentumSGD",
    "Passes",
    "ReduceLROnPlateau",
    "Schedule",
    "learn",
    "mistake_bound",
]
