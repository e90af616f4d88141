"""Somebody's own network on two processes: the same as on one, gone on with to the bit, measured and recorded."""

import json

import preloaded
import pytest
import torch
from conftest import ROOT, record_of

KINDS = {"own_module": "Plain", "own_lightning": "Lit", "own_by_hand": "ByHand"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the runs are."""
    return tmp_path_factory.mktemp("own")


def became(folder, *names):
    """What became of cases."""
    words = [ROOT / "tests" / "process_cases.py", *names]
    return json.loads(preloaded.run(*words, cwd=folder, timeout=1800).stdout)


@pytest.fixture(scope="module")
def cases(folder):
    """Those of each kind of network, on two processes and on one."""
    return became(folder, *KINDS, "own_alone")


def weights_of(run):
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


@pytest.mark.slow
@pytest.mark.parametrize("case", KINDS)
def test_a_run_in_two_parts_and_a_second_test_are_the_whole_one(cases, folder, case):
    assert cases[case]["statuses"] == [0, 0], cases[case]["said"]
    whole, part, again = (record_of(folder / case / name) for name in ("whole", "part", "again"))
    assert whole["own"]["class"] == f"my_module.{KINDS[case]}"
    assert (whole["n"], whole["environment"]["processes"]) == (360, 2)
    assert whole["weights"] == part["weights"] == again["weights"]
    assert whole["metrics"] == part["metrics"] == again["metrics"]
    # 1,280 images in 20 steps of 64, twice, counted once on both processes together.
    assert [whole["timing"][name] for name in ("train_images", "train_steps", "train_epochs")] == [2560, 40, 2]


@pytest.mark.slow
@pytest.mark.parametrize("case", KINDS)
def test_two_processes_learn_what_one_learns(cases, folder, case):
    assert cases["own_alone"]["statuses"] == [0], cases["own_alone"]["said"]
    one, two = weights_of(folder / "own_alone" / KINDS[case]), weights_of(folder / case / "whole")
    assert one.keys() == two.keys()
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=1e-4, atol=1e-5)


def test_weights_without_a_part_in_the_loss_are_one_sentence_with_two_ways_out(folder):
    case = became(folder, "own_unused")["own_unused"]
    assert case["statuses"] == [2, 2], case["said"]
    told = [line for said in case["said"] for line in said.splitlines() if line.startswith("zoo: ")]
    assert told == [
        "zoo: Some weights of the network have no part in a step's loss, which several processes must be told: add"
        " --trainer.strategy ddp_find_unused_parameters_true, or freeze these layers."
    ]
    assert "Traceback" not in case["said"][0] + case["said"][1]
    runs = {name: folder / "own_unused" / name for name in ("found", "frozen", "refused")}
    assert {name: run.exists() for name, run in runs.items()} == {"found": True, "frozen": True, "refused": False}
    assert record_of(runs["found"])["metrics"] == record_of(runs["frozen"])["metrics"]
