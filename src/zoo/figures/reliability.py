"""``calibration``: whether a network is right as often as it is sure: the reliability diagram of its confidences."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.comparison.run import Run
from zoo.errors import InputError
from zoo.figures import style
from zoo.figures.measured import and_more, line_of, the_runs
from zoo.results.interval import error_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# As evaluation has them.
BINS = 15
_MARKERS = "os^Dvp"


@dataclass(frozen=True)
class Reliability:
    """Of each bin of confidences: images, how many were right, and the sum of their confidences."""

    images: np.ndarray
    right: np.ndarray
    confidence: np.ndarray

    @property
    def ece(self) -> float:
        """Expected calibration error, a fraction: Guo et al. 2017, equation 3."""
        return float(np.abs(self.right - self.confidence).sum() / self.images.sum())


def reliability(run: Run) -> Reliability:
    """From the run's Record, else from its predictions. Raises InputError where neither says it."""
    found = run.metrics.get("calibration")
    if found:
        images = np.array(found["images"])
        mean = np.array([value or 0.0 for value in found["mean_confidence"]])
        return Reliability(images, np.array(found["right"]), mean * images)
    if run.answers is None:
        raise InputError(
            f"{run.where} has neither predictions nor a Record that knows confidences: measure it again with zoo test."
        )
    confidence = np.array(run.answers.confidence)
    # An edge belongs to the bin below it.
    bins = np.digitize(confidence, np.arange(1, BINS) / BINS, right=True)
    right = np.bincount(bins, run.answers.right, BINS).astype(int)
    return Reliability(np.bincount(bins, minlength=BINS), right, np.bincount(bins, confidence, BINS))


@style.styled
def calibration(*names: "str | Path | Run") -> "Figure":
    """How often networks are right over how sure they are, and below how many images they are so sure of.

    On the diagonal a network is right as often as it says; below it, it is too sure.
    """
    runs = the_runs(names)
    figure = style.new(6.4, 6.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot(
        [0, 100], [0, 100], color=style.chosen().muted, linewidth=1, linestyle="--", zorder=1, label="as often as sure"
    )
    said = []
    for place, run in enumerate(runs):
        found = reliability(run)
        colour, marker = style.COLOURS[place % len(style.COLOURS)], _MARKERS[place % len(_MARKERS)]
        some = found.images > 0
        x = 100 * found.confidence[some] / found.images[some]
        y = 100 * found.right[some] / found.images[some]
        label = f"{run.name}, ECE {100 * found.ece:.1f} points"
        # A bin of a few images says little.
        ends = [error_interval(int(r), int(n)) for r, n in zip(found.right[some], found.images[some], strict=True)]
        bars = np.abs(np.array(ends).T - y)
        above.errorbar(
            x, y, yerr=bars, color=colour, marker=marker, markersize=5, linewidth=0.9, elinewidth=1.4, label=label
        )
        edges = 100 * np.arange(len(found.images) + 1) / len(found.images)
        shares = 100 * found.images / found.images.sum()
        below.stairs(shares, edges, color=colour, linewidth=1.5)
        said.append(f"{run.name} has an expected calibration error of {100 * found.ece:.1f} points")
    above.set(ylabel="right, % of the bin", xlim=(0, 101), ylim=(0, 101))
    above.legend(loc="best")
    below.set(xlabel="confidence, the probability of the first class, %", ylabel="images, %", ylim=(0, None))
    lines = "\n".join(line_of(run) for run in runs[:4]) + and_more(runs)
    return style.describe(
        figure,
        "How sure, and how often right",
        f"{lines}\n{BINS} bins of equal width, bars: 95 % intervals; ECE: expected calibration error",
        f"Reliability diagram: {'; '.join(said)}.",
    )
