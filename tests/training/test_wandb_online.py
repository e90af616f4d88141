"""Runs that are sent: what W&B's own process says to a server, to a stand-in on this machine, and nothing twice."""

import json
from dataclasses import replace

import pytest
from conftest import record_of
from safetensors.torch import load
from wandb_receiver import receiving

import zoo
from zoo.comparison.sources import runs_of
from zoo.comparison.tracked import PREDICTIONS

DIGITS = ["fit", "--config", "lenet5_digits", "--config", "overlays/wandb", "--trainer.enable_progress_bar", "false"]
WORDS = [
    *DIGITS, "--trainer.max_epochs", "1", "--wandb.entity", "team", "--wandb.group", "seeds", "--wandb.job_type",
    "train", "--wandb.tags", "[digits, small]", "--wandb.notes", "a note", "--wandb.name", "small one",
]  # fmt: skip


@pytest.fixture
def receiver(monkeypatch):
    with receiving(monkeypatch) as server:
        yield server


def steps_of(run):
    """The trainer's steps of the rows, which are W&B's own."""
    steps = [row["trainer/global_step"] for row in run["history"]]
    assert steps == [row["_step"] for row in run["history"]]
    return steps


def test_config_summary_history_files_and_artifacts_arrive(receiver, zoo_process, tmp_path):
    zoo_process(*WORDS, "--run_dir", "run")
    ((identifier, run),) = receiver.runs.items()
    record, folder = record_of(tmp_path / "run"), tmp_path / "run"
    assert (run["complete"], run["exitcode"]) == (True, 0)
    assert (run["name"], run["groupName"], run["jobType"]) == ("small one", "seeds", "train")
    assert (run["tags"], run["notes"]) == (["digits", "small"], "a note")
    assert run["config"]["model"] == record["config"]["model"]
    assert run["config"]["zoo"]["data_fingerprint"] == record["dataset"]["fingerprint"]
    assert json.loads(run["summary"]["record"]) == record
    assert run["summary"]["test/top1_error"] == record["metrics"]["top1_error"]
    steps = steps_of(run)
    assert steps == sorted(set(steps))
    # Each of W&B's own: the pictures of the test and the table of predictions.
    media = [run["summary"][f"test/{kind}"]["path"] for kind in ("confusion", "calibration", "filters", "mistakes")]
    for name in [*media, run["summary"][PREDICTIONS]["path"]]:
        (local,) = folder.glob(f"wandb/run-*/files/{name}")
        assert run["files"][name] == local.read_bytes()
    assert receiver.made["dataset"]["used_by"] == [identifier]
    assert receiver.made["dataset"]["metadata"]["fingerprint"] == record["dataset"]["fingerprint"]
    model = receiver.made["model"]
    assert model["run"] == identifier
    weights = receiver.files_of(model)
    assert json.loads(weights["weights.json"])["record"] == record
    state = zoo.load(folder).state_dict()
    assert all(tensor.equal(state[name]) for name, tensor in load(weights["weights.safetensors"]).items())
    # What zoo compare makes of the run, from the server and from the folder, to the last digit.
    sent, kept = runs_of([f"wandb:team/zoo/{identifier}", str(folder)])
    assert replace(sent, name=kept.name, where=kept.where) == kept


def test_one_run_for_a_job_of_two_processes(receiver, zoo_process, tmp_path):
    several = ["--trainer.devices", "2", "--trainer.accelerator", "cpu", "--trainer.max_epochs", "1"]
    zoo_process(*DIGITS, *several, "--run_dir", "run")
    ((_, run),) = receiver.runs.items()
    assert steps_of(run) == sorted(set(steps_of(run)))
    assert run["summary"]["test/n"] == record_of(tmp_path / "run")["n"] == 360
    assert {artifact["run"] for artifact in receiver.artifacts.values()} <= {None, *receiver.runs}
    assert set(receiver.made) == {"dataset", "model"}
