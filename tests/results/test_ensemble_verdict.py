"""An ensemble is compared with published ensembles of as many nets, and never with a single net."""

import pytest
from results_cases import make_record

from zoo.results.experiment import experiments
from zoo.results.published import load
from zoo.results.verdict import NOT_COMPARABLE, REPRODUCED, judge

PUBLISHED = load()
ALEXNET = {"network": "alexnet", "dataset": "imagenet", "n": 50_000, "transform": "alexnet", "classes": 1000}


def judged(nets, wrong, protocol="ten crops"):
    """38.1 % are published of five nets over ten crops, 40.7 % of one."""
    weights = {"sha256": "0" * 64} | ({"members": [f"{n:064x}" for n in range(nets)]} if nets > 1 else {})
    record = make_record(wrong=wrong, protocol=protocol, weights=weights, **ALEXNET)
    (found,) = experiments([record])
    return judge(found, PUBLISHED)


def test_five_nets_are_compared_with_five():
    verdict = judged(5, 19_050)
    assert verdict.verdict == REPRODUCED
    assert (verdict.figure.nets, verdict.figure.top1_error) == (5, 38.1)


def test_one_net_is_compared_with_one():
    assert judged(1, 20_350).figure.top1_error == 40.7


@pytest.mark.parametrize("nets", [2, 6])
def test_another_number_of_nets_is_not_comparable(nets):
    verdict = judged(nets, 19_050)
    assert verdict.verdict == NOT_COMPARABLE
    assert f"measured is an ensemble of {nets}" in verdict.reason
    assert "a single net or an ensemble of 5" in verdict.reason


def test_an_ensemble_and_its_first_member_are_two_experiments():
    single = make_record(wrong=20_350, protocol="ten crops", **ALEXNET)
    several = make_record(
        wrong=19_050, protocol="ten crops", weights={"sha256": "1" * 64, "members": ["a", "b"]}, **ALEXNET
    )
    assert sorted(found.nets for found in experiments([single, several])) == [1, 2]
