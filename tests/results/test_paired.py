"""McNemar's exact test and the intervals of errors, against scipy and numpy."""

import itertools

import numpy as np
import pytest
from scipy import stats

from zoo.results.interval import error_interval
from zoo.results.paired import Paired


@pytest.mark.parametrize(
    ("first", "second"), [*itertools.product((0, 1, 5, 21), (0, 1, 16, 40)), (900, 1100), (3, 4000)]
)
def test_the_p_is_that_of_scipys_binomial_test(first, second):
    if first + second == 0:
        assert Paired(10, 0, 0, 2).p == 1
        return
    expected = stats.binomtest(first, first + second, 0.5).pvalue
    assert Paired(100, first, second, 7).p == pytest.approx(expected, rel=1e-9)


def test_the_p_is_no_sum_of_floats():
    assert 0 < Paired(0, 0, 1000, 0).p == 2 * 0.5**1000


@pytest.mark.parametrize("counts", [(300, 5, 21, 22), (9000, 300, 280, 420), (50, 0, 0, 3), (0, 4, 4, 0)])
def test_the_interval_is_walds_with_half_an_image_more_of_each_kind(counts):
    pair = Paired(*counts)
    # An image counts +1 where only the second is right, whose error the first's then exceeds.
    values, weights = [0, -1, 1, 0], np.add(counts, 0.5)
    middle = np.average(values, weights=weights)
    spread = np.average((values - middle) ** 2, weights=weights)
    half = stats.norm.ppf(0.975) * np.sqrt(spread / weights.sum())
    assert pair.interval == pytest.approx((100 * (middle - half), 100 * (middle + half)), rel=1e-12)
    assert pair.difference == pytest.approx(100 * np.average(values, weights=counts))


@pytest.mark.parametrize(("wrong", "n"), [(0, 360), (43, 360), (95, 10_000), (10, 10)])
def test_the_interval_of_an_error_is_wilsons(wrong, n):
    expected = stats.binomtest(wrong, n).proportion_ci(method="wilson")
    assert error_interval(wrong, n) == pytest.approx((100 * expected.low, 100 * expected.high), abs=1e-9)
