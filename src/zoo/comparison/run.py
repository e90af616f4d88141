"""One run as ``zoo compare`` sees it, wherever it was kept."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from zoo.results.record import Record

STEP = "step"
# What loggers call the trainer's step.
_STEPS = (STEP, "trainer/global_step")
# Lists of steps are sorted, and these say nothing of a step's metrics.
_NO_METRICS = {*_STEPS, "_step", "_runtime", "_timestamp", "_wandb"}

Curve = dict[int, float]


@dataclass(frozen=True)
class Answers:
    """What a network said of test images, in the order of ``indices``: labels and first classes by name."""

    indices: list[int]
    labels: list[str]
    first: list[str]
    confidence: list[float]
    files: list[str] | None = None

    @property
    def right(self) -> list[bool]:
        """Whether the first class is the label."""
        return [label == first for label, first in zip(self.labels, self.first, strict=True)]


@dataclass(frozen=True)
class Run:
    """``where`` is what it was asked for by; ``curves`` are its metrics over the trainer's step.

    ``record`` is None of a run that was not measured, or that this package did not write; its ``config`` may then be
    anything that a W&B run can hold. ``measures`` are those of its weights by their card, of a run whose Record is
    older than they are.
    """

    name: str
    where: str
    config: dict[str, Any] = field(default_factory=dict)
    record: Record | None = None
    curves: dict[str, Curve] = field(default_factory=dict)
    answers: Answers | None = None
    measures: dict[str, Any] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, Any]:
        """Those of the Record, and what only the card has."""
        return self.measures | (self.record.metrics if self.record else {})

    def last(self, metric: str) -> float | None:
        """The last value of a metric; None where it was never logged."""
        curve = self.curves.get(metric)
        return curve[max(curve)] if curve else None


def curves_of(rows: Iterable[dict[str, Any]]) -> dict[str, Curve]:
    """Rows of a logger as curves: of each metric, each step once and in order, the later row's value where two have it.

    Where the step goes back, a run was killed and went on from a checkpoint: what was logged after that is void.
    """
    curves: dict[str, Curve] = {}
    at = -1
    for row in rows:
        step = _step_of(row)
        if step is None:
            continue
        if step < at:
            for curve in curves.values():
                for void in [old for old in curve if old > step]:
                    del curve[void]
        at = step
        for name, value in row.items():
            if name not in _NO_METRICS and isinstance(value, int | float) and not isinstance(value, bool):
                curves.setdefault(name, {})[step] = float(value)
    return {name: dict(sorted(curve.items())) for name, curve in sorted(curves.items()) if curve}


def _step_of(row: dict[str, Any]) -> int | None:
    for name in (*_STEPS, "_step"):
        if isinstance(value := row.get(name), int | float):
            return int(value)
    return None
