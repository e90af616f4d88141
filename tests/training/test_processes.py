"""Several processes: none waits for the others for ever, and the sentence says for whom it waited."""

import json
from pathlib import Path

import preloaded
import pytest
from process_cases import FIT

from zoo.cli import main

CASES = Path(__file__).resolve().parents[1] / "process_cases.py"
NAMES = (
    "without_an_image", "one_never_comes", "they_disagree", "without_the_other_machine", "second_machine_alone",
    "slurm_alone", "slurm_in_one_number",
)  # fmt: skip


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """What became of every case."""
    return json.loads(preloaded.run(CASES, *NAMES, cwd=tmp_path_factory.mktemp("cases"), timeout=1800).stdout)


def sentences(said: str) -> list[str]:
    """The lines that are zoo's."""
    return [line for line in said.splitlines() if line.startswith("zoo: ")]


def test_a_process_without_an_image_in_an_epoch_does_not_stop_the_others(cases):
    assert cases["without_an_image"]["statuses"] == [0, 0], cases["without_an_image"]["said"]


def test_a_process_that_does_not_come_is_named_and_waited_for_no_longer_than_the_bound(cases):
    case = cases["one_never_comes"]
    assert case["statuses"] == [1, 1], case["said"]
    assert sentences(case["said"][0]) == [
        "zoo: Process 0 of 2 (counted from 0) waited in vain for process 1 after step 2;"
        " go on with: zoo fit --resume run"
    ]
    assert "Traceback" not in case["said"][0] + case["said"][1]


def test_processes_that_wait_for_different_things_say_so(cases):
    case = cases["they_disagree"]
    assert case["statuses"] == [1, 1], case["said"]
    for rank in range(2):
        (sentence,) = sentences(case["said"][rank])
        assert sentence.startswith(f"zoo: Process {rank} of 2 (counted from 0) and all others waited for each other")


def test_a_machine_without_its_partner_says_what_it_waits_for(cases):
    case = cases["without_the_other_machine"]
    assert case["statuses"] == [1], case["said"]
    (sentence,) = sentences(case["said"][0])
    assert "waited in vain for the others to begin (trainer.num_nodes is 2: the same command" in sentence
    assert "NODE_RANK from 0 to 1, MASTER_ADDR 127.0.0.1 and MASTER_PORT" in sentence
    # At the start already: ten minutes are long.
    (begun,) = [line for line in case["told"][0].splitlines() if line.startswith("waits")]
    assert begun.startswith("waits for the other processes; trainer.num_nodes is 2: the same command on each machine")


def test_a_further_machine_that_was_not_told_where_the_first_one_is_does_not_wait_at_all(cases):
    case = cases["second_machine_alone"]
    assert case["statuses"] == [2], case["said"]
    assert sentences(case["said"][0]) == [
        "zoo: NODE_RANK is 1 without MASTER_ADDR and MASTER_PORT: the machine with NODE_RANK 0 says at its start what"
        " they are."
    ]


def test_a_task_of_slurm_that_is_alone_says_who_starts_the_others(cases):
    case = cases["slurm_alone"]
    assert case["statuses"] == [1], case["said"]
    (sentence,) = sentences(case["said"][0])
    assert "waited in vain for the others to begin (srun starts one for each of the 2 tasks of SLURM's job)" in sentence
    assert "waits for the other processes; srun starts one for each" in case["told"][0]


def test_a_job_that_does_not_say_its_tasks_on_each_machine_gets_one_sentence(cases):
    case = cases["slurm_in_one_number"]
    assert case["statuses"] == [2], case["said"]
    (sentence,) = sentences(case["said"][0])
    assert "--ntasks-per-node" in sentence
    assert "Traceback" not in case["said"][0]


def test_fewer_images_in_a_step_than_processes_are_refused_before_any_is_started(in_folder, capsys):
    assert main([*FIT, "--data.batch_size", "1"]) == 2
    told = capsys.readouterr().err
    assert "data.batch_size 1 is one step of all 2 processes together" in told
    assert told.count("\n") == 1
    assert list(in_folder.iterdir()) == []
