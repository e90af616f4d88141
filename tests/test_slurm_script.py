"""scripts/slurm.sh with stand-ins for SLURM's commands: what it starts, and when it has the job started again."""

import os
import re
import signal
import subprocess

import pytest
from conftest import ROOT

SCRIPT = ROOT / "scripts" / "slurm.sh"
# As sbatch sets it in the script of a job of two machines.
JOB = {
    "SLURM_JOB_ID": "4711", "SLURM_JOB_NAME": "zoo", "SLURM_NNODES": "2", "SLURM_NTASKS_PER_NODE": "4",
    "SLURM_CPUS_PER_TASK": "8",
}  # fmt: skip
# Each notes how it was called; srun ends as its tasks would.
STAND_IN = '#!/bin/sh\necho "${0##*/}" "$SRUN_CPUS_PER_TASK" "$@" >> called\nexit "${STATUS:-0}"\n'


@pytest.fixture
def job(tmp_path):
    """Runs the script as SLURM would, with a status that srun ends with; its status, and the commands it called."""
    for name in ("srun", "scontrol"):
        (tmp_path / name).write_text(STAND_IN if name == "srun" else STAND_IN.replace("${STATUS:-0}", "${REQUEUED:-0}"))
        (tmp_path / name).chmod(0o755)

    def run(*words, **environment):
        path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", str(SCRIPT), *words], cwd=tmp_path, env=path | environment, text=True, capture_output=True,
            check=False,
        )  # fmt: skip
        called = tmp_path / "called"
        return done, called.read_text().splitlines() if called.exists() else []

    return run


def test_it_starts_one_process_a_task_in_a_folder_that_the_job_keeps(job):
    done, called = job("--config", "vgg16", "--data.root", "a b", **JOB)
    assert (done.returncode, done.stderr) == (0, "")
    assert called == [
        "srun 8 --cpu-bind=none zoo fit --config vgg16 --data.root a b --resume runs/zoo-4711"
        " --trainer.num_nodes 2 --trainer.devices 4"
    ]


def test_folder_and_command_can_be_others(job):
    _, (called,) = job("--config", "vgg16", **JOB, RUN="runs/mine", ZOO=".venv/bin/zoo")
    assert called.startswith("srun 8 --cpu-bind=none .venv/bin/zoo fit --config vgg16 --resume runs/mine --trainer")


def test_a_job_that_the_signal_stopped_is_started_again(job):
    done, (_, requeued) = job("--config", "vgg16", **JOB, STATUS=str(128 + signal.SIGUSR1))
    assert done.returncode == 0
    assert requeued == "scontrol 8 requeue 4711"


@pytest.mark.parametrize("status", [0, 1, 2, 128 + signal.SIGTERM, 128 + signal.SIGKILL])
def test_one_that_is_over_or_failed_or_was_cancelled_is_not(job, status):
    done, called = job("--config", "vgg16", **JOB, STATUS=str(status))
    assert done.returncode == status
    assert len(called) == 1


def test_a_job_that_cannot_be_started_again_fails(job):
    done, _ = job("--config", "vgg16", **JOB, STATUS="138", REQUEUED="1")
    assert done.returncode == 138


def test_a_job_without_tasks_on_each_machine_says_which_option_is_missing(job):
    done, called = job("--config", "vgg16", **{key: value for key, value in JOB.items() if "TASKS" not in key})
    assert done.returncode
    assert "give --ntasks-per-node" in done.stderr
    assert called == []


def test_slurm_sends_the_signal_that_zoo_answers_to_the_tasks_before_the_end_and_starts_jobs_again():
    options = dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", SCRIPT.read_text(), re.MULTILINE))
    name, seconds = options["signal"].split("@")
    # "B:" would give it to the script alone.
    assert signal.Signals[f"SIG{name}"] == signal.SIGUSR1
    assert int(seconds) >= 120
    assert {"requeue", "open-mode"} <= options.keys()
    # One process a GPU.
    assert options["ntasks-per-node"] == options["gpus-per-node"]
