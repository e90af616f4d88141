"""Learning rules and rate schedules that the papers used and torch lacks."""

from zoo.optim.error_correction import Course, learn, mistake_bound
from zoo.optim.schedules import Cosine, Drops, Passes, Schedule

__all__ = ["Cosine", "Course", "Drops", "Passes", "Schedule", "learn", "mistake_bound"]
