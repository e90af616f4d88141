"""The 95 % interval of the difference between two measured errors; formulas in benchmarks/README.md."""

import math
from collections.abc import Sequence
from statistics import NormalDist, mean, variance

CONFIDENCE = 0.95
# Steps of Simpson's rule, an even number; far finer than an interval is printed.
_STEPS = 400


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


def error_interval(wrong: int, n: int) -> tuple[float, float]:
    """Where an error lies, percent, of which ``wrong`` of ``n`` images are a sample: Wilson's score interval."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    p, spread = wrong / n, z**2 / n
    middle = (p + spread / 2) / (1 + spread)
    half = z * math.sqrt(p * (1 - p) / n + spread / (4 * n)) / (1 + spread)
    return 100 * max(middle - half, 0.0), 100 * min(middle + half, 1.0)


def binomial_variance(error: float, n: int) -> float:
    """The variance, in points squared, of an error in percent that was counted on ``n`` images drawn at random.

    One wrong and one right image are added, so that an error of 0 % is not certain.
    """
    p = (error / 100 * n + 1) / (n + 2)
    return 1e4 * p * (1 - p) / n


def t_quantile(probability: float, freedom: float) -> float:
    """Student's t: where a share ``probability``, from 1/2 to 1, lies below; ``freedom`` at least 1, or infinite."""
    # Not SciPy's stdtrit: importing it takes zoo table twice as long as all the rest.
    normal = NormalDist().inv_cdf(probability)
    if freedom > 1e6:
        return normal
    # Newton's steps climb to the quantile from the normal one: beyond 0 the distribution function is concave.
    value = normal
    for _ in range(100):
        step = (probability - _t_below(value, freedom)) / _t_density(value, freedom)
        value += step
        if abs(step) < 1e-12 * value:
            break
    return value


def _t_density(value: float, freedom: float) -> float:
    return _scale(freedom) / math.sqrt(freedom) * (1 + value**2 / freedom) ** (-(freedom + 1) / 2)


def _t_below(value: float, freedom: float) -> float:
    # With t = sqrt(freedom) tan(angle) the density is a power of the cosine on a bounded range.
    end = math.atan(value / math.sqrt(freedom))
    width = end / _STEPS
    weights = (1 if i in (0, _STEPS) else 4 if i % 2 else 2 for i in range(_STEPS + 1))
    total = sum(weight * math.cos(i * width) ** (freedom - 1) for i, weight in enumerate(weights))
    return 0.5 + _scale(freedom) * total * width / 3


def _scale(freedom: float) -> float:
    return math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
