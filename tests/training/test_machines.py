"""Several machines, stood for by groups of processes on one: the same Record and weights as on one machine."""

import csv
import json
from pathlib import Path

import preloaded
import pytest
from conftest import ROOT
from resume_cases import TIMES

from zoo.results.record import Record


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the runs are."""
    return tmp_path_factory.mktemp("machines")


def became(folder: Path, *names: str) -> dict:
    """What became of cases."""
    return json.loads(preloaded.run(ROOT / "tests" / "process_cases.py", *names, cwd=folder, timeout=1800).stdout)


@pytest.fixture(scope="module")
def cases(folder):
    """Of two machines, started by SLURM, and of one."""
    return became(folder, "two", "slurm")


def assert_same(run: Path, other: Path, processes: int) -> None:
    """Everything but times and machines, to the bit."""
    one, two = (Record.read(each / "record.json") for each in (run, other))
    assert [record.environment["processes"] for record in (one, two)] == [processes, processes]
    assert one.weights == two.weights
    assert one.metrics == two.metrics
    for name in ("train_images", "train_steps", "train_epochs"):
        assert one.timing[name] == two.timing[name]
    assert rows(run) == rows(other)


def rows(run: Path) -> list[dict[str, str]]:
    """The rows of a run's metrics.csv without what was timed."""
    with (run / "metrics.csv").open() as file:
        return [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)]


@pytest.mark.slow
def test_two_processes_on_each_of_two_machines_make_the_run_of_four_on_one(folder):
    cases = became(folder, "four", "two_by_two")
    for name in ("four", "two_by_two"):
        assert cases[name]["statuses"] == [0] * 4, cases[name]["said"]
    assert_same(folder / "two_by_two" / "run", folder / "four" / "run", 4)
    # torchrun has brought them together already.
    assert "waits" not in cases["two_by_two"]["told"][0]
    # One of them speaks.
    assert [("Run folder" in told) for told in cases["two_by_two"]["told"]] == [True, False, False, False]


@pytest.mark.slow  # SLURM's job is the same run with one more way to learn of the other machine
def test_machines_of_which_each_was_given_the_command_by_hand_make_the_run_of_one(cases, folder):
    cases = cases | became(folder, "by_hand")
    for name in ("two", "by_hand"):
        assert cases[name]["statuses"] == [0, 0], cases[name]["said"]
    assert_same(folder / "by_hand" / "run", folder / "two" / "run", 2)
    assert [("Run folder" in told) for told in cases["by_hand"]["told"]] == [True, False]


def test_a_job_of_slurm_saves_at_its_signal_and_started_again_makes_the_run_that_nobody_stopped(cases, folder):
    before, after = cases["slurm"]["before"], cases["slurm"]
    # 128 and the signal's number, by which the job's script knows what to do.
    assert before["statuses"] == [138, 138], before["said"]
    told = [line for said in before["said"] for line in said.splitlines() if line.startswith("zoo:")]
    assert told == ["zoo: Stopped by SIGUSR1 after step 3; go on with: zoo fit --resume run"]
    assert after["statuses"] == [0, 0], after["said"]
    assert_same(folder / "slurm" / "run", folder / "two" / "run", 2)
    # Lightning's own way would leave a checkpoint here, taken in the middle of a step.
    assert list(folder.glob("slurm/**/hpc_ckpt*")) == [folder / "slurm" / "hpc_ckpt_1.ckpt"]
