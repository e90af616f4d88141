"""Somebody's own network on two processes: the same as on one, gone on with to the bit, measured and recorded."""

import json

import preloaded
import pytest
import torch
from conftest import ROOT, record_of, slow_where

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
def case(request, folder):
    """A kind of network on two processes, and what became of it."""
    return request.param, became(folder, request.param)[request.param]


@pytest.fixture(scope="module")
def alone(folder):
    """What became of all kinds on one process."""
    return became(folder, "own_alone")["own_alone"]


# One kind is looked at with every change, all of them with --slow.
EACH = slow_where(lambda kind: kind != "own_module", KINDS)


def weights_of(run):
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


@pytest.mark.parametrize("case", EACH, indirect=True)
def test_a_run_in_two_parts_and_a_second_test_are_the_whole_one(folder, case):
    kind, ended = case
    assert ended["statuses"] == [0, 0], ended["said"]
    whole, part, again = (record_of(folder / kind / name) for name in ("whole", "part", "again"))
    assert whole["own"]["class"] == f"my_module.{KINDS[kind]}"
    assert (whole["n"], whole["environment"]["processes"]) == (360, 2)
    assert whole["weights"] == part["weights"] == again["weights"]
    assert whole["metrics"] == part["metrics"] == again["metrics"]
    # 1,280 images in 20 steps of 64, twice, counted once on both processes together.
    assert [whole["timing"][name] for name in ("train_images", "train_steps", "train_epochs")] == [2560, 40, 2]


@pytest.mark.parametrize("case", EACH, indirect=True)
def test_two_processes_learn_what_one_learns(alone, folder, case):
    kind, _ = case
    assert alone["statuses"] == [0], alone["said"]
    one, two = weights_of(folder / "own_alone" / KINDS[kind]), weights_of(folder / kind / "whole")
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
