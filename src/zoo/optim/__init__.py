"""Learning rules and rate schedules that the papers used and torch lacks."""

from zoo.optim.schedules import Cosine, Drops, Passes, Schedule

__all__ = ["Cosine", "Drops", "Passes", "Schedule"]
