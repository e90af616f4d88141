"""Runs that are sent: what W&B's own process says to a server, to a stand-in on this machine, and nothing twice."""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import preloaded
import pytest
from conftest import record_of
from resume_cases import HANGING
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


def wandb_serves(pid: int) -> bool:
    """Whether W&B's own process for a process is still there: it sends what it has when that one is gone."""
    for words in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said = words.read_bytes()
        except OSError:
            # A process that has just ended.
            continue
        if b"wandb-core" in said and f"--pid\0{pid}\0".encode() in said:
            return True
    return False


@pytest.mark.slow  # test_compare.py has it without a server
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_run_that_was_killed_and_went_on_is_one_run_with_each_step_once(receiver, zoo_process, tmp_path, monkeypatch):
    # W&B sends every 15 seconds, which is longer than this run takes.
    monkeypatch.setenv("WANDB__FILE_STREAM_TRANSMIT_INTERVAL", "0.1")
    words = [*DIGITS, "--trainer.max_epochs", "2", "--run_dir", "killed", "--save_every_n_steps", "100"]
    killed = preloaded.start("-c", HANGING, "150", *words, cwd=tmp_path)
    # Rows of steps that the run makes again, of the checkpoint's and later ones, arrive before it is killed.
    while not any(row["_step"] > 110 for run in receiver.runs.values() for row in run["history"]):
        assert killed.poll() is None, killed.told()
        time.sleep(0.005)
    killed.kill()
    while wandb_serves(killed.pid):
        time.sleep(0.05)
    ((_, run),) = receiver.runs.items()
    before = steps_of(run)
    assert run["exitcode"] is None
    zoo_process("fit", "--resume", "killed", "--trainer.enable_progress_bar", "false")
    assert len(receiver.runs) == 1
    assert (run["complete"], run["exitcode"]) == (True, 0)
    after = steps_of(run)
    assert after[: len(before)] == before
    assert after == sorted(set(after))
    (sent,), (kept,) = (runs_of([where]) for where in ("wandb:team/zoo", str(tmp_path / "killed")))
    # Steps that were made again took another time, and the server keeps the first.
    timed = {"train/images_per_second", "train/waiting"}
    assert timed < set(sent.curves)
    assert all(sent.curves[name] == curve for name, curve in kept.curves.items() if name not in timed)
    assert set(sent.curves) == set(kept.curves)
    assert len(sent.curves["train/step_loss"]) == 2 * 9


@pytest.mark.slow  # test_processes.py sees who speaks of two processes, the test above what a server gets
def test_one_run_for_a_job_of_two_processes(receiver, zoo_process, tmp_path):
    several = ["--trainer.devices", "2", "--trainer.accelerator", "cpu", "--trainer.max_epochs", "1"]
    zoo_process(*DIGITS, *several, "--run_dir", "run")
    ((_, run),) = receiver.runs.items()
    assert steps_of(run) == sorted(set(steps_of(run)))
    assert run["summary"]["test/n"] == record_of(tmp_path / "run")["n"] == 360
    assert {artifact["run"] for artifact in receiver.artifacts.values()} <= {None, *receiver.runs}
    assert set(receiver.made) == {"dataset", "model"}
