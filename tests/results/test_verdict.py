import math
from dataclasses import replace
from statistics import stdev

import pytest
from results_cases import make_record
from scipy.stats import t as student

from zoo.results.experiment import experiments
from zoo.results.interval import difference_interval, t_quantile
from zoo.results.published import load
from zoo.results.verdict import judge

PUBLISHED = load()


def verdict_of(*records):
    (experiment,) = experiments(records)
    return judge(experiment, PUBLISHED)


def share(wrong, n):
    return (wrong + 1) / (n + 2)


# From the tables in print, which round to three digits.
@pytest.mark.parametrize(
    ("probability", "freedom", "printed"),
    [(0.6, 1, 0.325), (0.975, 1, 12.706), (0.975, 2, 4.303), (0.95, 5, 2.015), (0.995, 10, 3.169), (0.975, 120, 1.980)],
)
def test_the_quantiles_are_those_of_printed_tables(probability, freedom, printed):
    assert t_quantile(probability, freedom) == pytest.approx(printed, abs=5e-4)


@pytest.mark.parametrize("probability", [0.6, 0.975, 0.995])
def test_for_one_and_two_degrees_of_freedom_the_quantile_has_a_formula(probability):
    share = 2 * probability - 1
    assert t_quantile(probability, 1) == pytest.approx(math.tan(math.pi * share / 2), rel=1e-9)
    assert t_quantile(probability, 2) == pytest.approx(share * math.sqrt(2 / (1 - share**2)), rel=1e-9)


def test_without_degrees_of_freedom_to_lose_the_quantile_is_the_normal_one():
    assert t_quantile(0.975, math.inf) == pytest.approx(1.959963984540054, rel=1e-12)


def test_one_run_has_the_two_binomial_variances_and_the_rounding():
    low, high = difference_interval([12.0], 400, 10.0, 1000, 1.0)
    p, q = share(48, 400), share(100, 1000)
    half = 1.959963984540054 * math.sqrt(1e4 * (p * (1 - p) / 400 + q * (1 - q) / 1000) + 1 / 12)
    assert (low, high) == pytest.approx((2 - half, 2 + half), abs=1e-10)


def test_several_runs_add_their_spread_with_students_t():
    errors = [12.0, 14.0, 13.5]
    low, high = difference_interval(errors, 400, 10.0, None, 0.0)
    centre = sum(errors) / 3
    binomial = 1e4 * share(centre * 4, 400) * (1 - share(centre * 4, 400)) / 400
    seeds = stdev(errors) ** 2 * (1 / 3 + 1)
    freedom = 2 * ((binomial + seeds) / seeds) ** 2
    half = student.ppf(0.975, freedom) * math.sqrt(binomial + seeds)
    assert (low, high) == pytest.approx((centre - 10 - half, centre - 10 + half), abs=1e-8)


def test_the_interval_covers_the_truth_in_nineteen_of_twenty_repetitions():
    import numpy as np

    random, true, spread, n, hits = np.random.default_rng(0), 20.0, 0.5, 4000, 0
    for _ in range(300):
        seeds = true + spread * random.standard_normal(4)
        ours = [100 * random.binomial(n, error / 100) / n for error in seeds[:3]]
        published = 100 * random.binomial(n, seeds[3] / 100) / n
        low, high = difference_interval(ours, n, published, n, 0.0)
        hits += low <= 0 <= high
    # Independent test sets make the observed spread hold the binomial part too: never less than 95 % in the mean.
    assert 0.95 <= hits / 300 < 1


def test_an_error_of_nought_is_not_certain():
    low, high = difference_interval([0.0], 360, 0.0, 360, 0.0)
    assert low < 0 < high


def test_exactly_equal_is_reproduced():
    verdict = verdict_of(make_record(wrong=95))
    assert (verdict.verdict, verdict.difference) == ("reproduced", 0)
    assert verdict.interval[0] == pytest.approx(-verdict.interval[1])
    assert verdict.figure.where == "section III.B"


@pytest.mark.parametrize("num_seeds", [1, 4])
def test_three_intervals_worse_is_not_reproduced_and_better_is_better(num_seeds):
    equal = verdict_of(make_record(wrong=95))
    three = round(3 * equal.interval[1] * 100)
    worse = verdict_of(*(make_record(wrong=95 + three + seed % 2, seed=seed) for seed in range(num_seeds)))
    assert worse.verdict == "not reproduced"
    assert worse.interval[0] > 0
    better = verdict_of(*(make_record(wrong=40 + seed % 2, seed=seed) for seed in range(num_seeds)))
    assert better.verdict == "better"
    assert better.interval[1] < 0


def test_a_wide_spread_makes_a_wide_interval():
    narrow = verdict_of(*(make_record(wrong=wrong, seed=seed) for seed, wrong in enumerate((95, 96, 94))))
    wide = verdict_of(*(make_record(wrong=wrong, seed=seed) for seed, wrong in enumerate((35, 95, 155))))
    assert narrow.difference == wide.difference == pytest.approx(0)
    assert wide.interval[1] > 3 * narrow.interval[1]
    assert any("weak evidence" in note for note in wide.notes)


def test_one_run_says_so():
    assert any("a single run" in note for note in verdict_of(make_record()).notes)
    assert not any("a single run" in note for note in verdict_of(make_record(), make_record(seed=1, wrong=96)).notes)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (make_record(protocol="ten crops"), "other protocol: published with single view, measured with ten crops"),
        (make_record(network="convnetjs", dataset="cifar10", protocol="six shifted and flipped views"), "about 20 %"),
        (make_record(n=200, num_images=10_000, wrong=2), "only 200 of 10,000 images"),
        (make_record(n=9_999, wrong=95), "9,999 images of 10 classes instead of 10,000"),
        (make_record(transform="standard"), "no published figure"),
        (make_record(network="perceptron"), "no published figure"),
        (
            make_record(network="alexnet", dataset="imagenet", n=50_000, wrong=20_350, classes=1000),
            "published with ten crops, measured with single view",
        ),
        (
            make_record(network="alexnet", dataset="imagenet", n=3_925, wrong=900, protocol="ten crops"),
            "3,925 images of 10 classes instead of 50,000",
        ),
    ],
)
def test_what_differs_is_not_compared_and_says_why(record, reason):
    verdict = verdict_of(record)
    assert verdict.verdict == "not comparable"
    assert reason in verdict.reason
    assert verdict.interval is verdict.difference is verdict.figure is None


def test_another_split_is_not_compared():
    record = make_record()
    verdict = verdict_of(replace(record, dataset=record.dataset | {"split": "val"}))
    assert verdict.verdict == "not comparable"
    assert verdict.reason == "other split: published on test or train, measured on val"


def test_unknown_data_are_not_compared_and_a_known_copy_is_with_a_footnote():
    record = make_record(network="linear", dataset="cifar10", wrong=6070)
    verdict = verdict_of(record)
    assert verdict.verdict == "reproduced"
    assert any("73 training and 20 test images" in note and "0.20 points" in note for note in verdict.notes)
    verdict = verdict_of(replace(record, dataset=record.dataset | {"fingerprint": f"sha256:{'0' * 64}"}))
    assert verdict.verdict == "not comparable"
    assert "fingerprint" in verdict.reason


def test_ensembles_and_figures_with_more_data_are_not_compared():
    figures = [f for f in PUBLISHED.figures if (f.network, f.nets) == ("alexnet", 5) and f.top1_error]
    record = make_record(network="alexnet", dataset="imagenet", n=50_000, protocol="ten crops", wrong=20_350)
    (experiment,) = experiments([record])
    verdict = judge(experiment, replace(PUBLISHED, figures=tuple(figures)))
    assert verdict.reason == "the published figure is of an ensemble of 5, measured is a single net"
    more = replace(figures[0], nets=1, extra_data=True)
    verdict = judge(experiment, replace(PUBLISHED, figures=(more,)))
    assert verdict.reason == "the published net was trained on more data"


def test_a_figure_whose_views_are_not_known_is_not_compared():
    (figure,) = [f for f in PUBLISHED.figures if f.name == "LeNet-5"]
    (experiment,) = experiments([make_record()])
    verdict = judge(experiment, replace(PUBLISHED, figures=(replace(figure, protocol=None),)))
    assert verdict.verdict == "not comparable"
    assert "published with views that the source does not name, measured with single view" in verdict.reason


def test_imagenets_test_is_the_published_validation_set():
    record = make_record(network="alexnet", dataset="imagenet", n=50_000, protocol="ten crops", wrong=20_350)
    verdict = verdict_of(record)
    assert (verdict.verdict, verdict.figure.name, verdict.figure.error) == ("reproduced", "1 CNN", 40.7)


def test_distorted_digits_are_compared_with_distorted_digits():
    assert verdict_of(make_record(transform="lenet5_distorted")).figure.error == 0.8


def test_runs_of_other_settings_and_data_are_other_experiments():
    longer = make_record(seed=1)
    longer.config["trainer"]["max_epochs"] = 2
    records = [make_record(), longer, make_record(seed=2, transform="standard"), make_record(seed=3, protocol="x")]
    assert len(experiments(records)) == 4


def test_seeds_and_machines_are_the_same_experiment_and_the_same_weights_count_once():
    runs = [make_record(seed=seed, wrong=90 + seed) for seed in range(3)]
    again = replace(runs[0], created="2027-01-01T00:00:00+00:00")
    (experiment,) = experiments([again, *runs])
    assert experiment.runs == tuple(runs)
    assert experiment.mean("top1_error") == pytest.approx(0.91)
    assert experiment.spread("top1_error") == pytest.approx(0.01)


def test_a_limited_test_is_marked_whatever_it_is_compared_with():
    (note,) = [
        note
        for note in verdict_of(make_record(network="mlp", n=200, num_images=10_000, wrong=2)).notes
        if "limited" in note
    ]
    assert "200 of 10,000" in note
