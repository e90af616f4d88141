"""The 95 % interval of the difference between two measured errors; formulas in benchmarks/README.md."""

import math
from collections.abc import Sequence
from statistics import NormalDist, mean, variance

CONFIDENCE = 0.95


def difference_interval(
    errors: Sequence[float], n: int, published: float, published_n: int | None, rounding: float
) -> tuple[float, float]:
    """Where mean(errors) - published lies, in points: the lower and the upper end.

    ``errors``: percent, one a run, all on the same ``n`` images. ``published``: percent, of one run on
    ``published_n`` images (None: not known, and then taken as exact), printed in steps of ``rounding``.
    """
    runs, ours = len(errors), mean(errors)
    spread = variance(errors) if runs > 1 else 0.0
    # The published run is one more draw over seeds, and is taken to spread as ours do.
    over_seeds = spread * (1 / runs + 1)
    total = binomial_variance(ours, n) + over_seeds + rounding**2 / 12
    if published_n is not None:
        total += binomial_variance(published, published_n)
    # Welch and Satterthwaite: only the spread over seeds is estimated from a handful of numbers.
    freedom = (runs - 1) * (total / over_seeds) ** 2 if over_seeds else math.inf
    half = t_quantile((1 + CONFIDENCE) / 2, freedom) * math.sqrt(total)
    return ours - published - half, ours - published + half


def binomial_variance(error: float, n: int) -> float:
    """The variance, in points squared, of an error in percent that was counted on ``n`` images drawn at random.

    One wrong and one right image are added, so that an error of 0 % is not certain.
    """
    p = (error / 100 * n + 1) / (n + 2)
    return 1e4 * p * (1 - p) / n


def t_quantile(probability: float, freedom: float) -> float:
    """Student's t: where a share ``probability``, from 1/2 to 1, lies below; ``freedom`` at least 1, or infinite."""
    if freedom == math.inf:
        return NormalDist().inv_cdf(probability)
    # Imported here: most of what reads Records needs no SciPy, which takes half a second.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))
