"""The example of a W&B sweep: W&B's own agent starts the run that it means, which logs what the sweep watches."""

import logging
import time

import preloaded
import pytest
import yaml
from conftest import ROOT
from wandb_file import read

EXAMPLE = ROOT / "examples" / "wandb_sweep.yaml"


@pytest.mark.slow
def test_the_agent_of_wandb_starts_a_run_that_logs_the_metric(in_folder, monkeypatch):
    from wandb.wandb_agent import Agent

    sweep = yaml.safe_load(EXAMPLE.read_text())
    # The command zoo, wherever the tests run.
    monkeypatch.setenv("PATH", preloaded.path_to_zoo())
    # The agent sets the last two itself, and would leave them to the tests after this one.
    set_here = {
        "WANDB_MODE": "offline", "WANDB_SWEEP_ID": "none", "WANDB_SILENT": "true", "WANDB_SWEEP_PARAM_PATH": "",
        "WANDB_RUN_ID": "",
    }  # fmt: skip
    for name, value in set_here.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(logging.getLogger("wandb.wandb_agent"), "disabled", True)
    agent = Agent.__new__(Agent)
    agent._sweep_command, agent._in_jupyter, agent._function = sweep["command"], False, None
    agent._forward_signals, agent._run_processes = False, {}
    values = {"model.optimizer.lr": 0.0025, "data.batch_size": 32}
    assert values.keys() == sweep["parameters"].keys()
    # As W&B's server chooses them; short, by two options more.
    short = {"trainer.max_epochs": 1, "trainer.limit_train_batches": 2, "trainer.enable_progress_bar": "false"}
    args = {name: {"value": value} for name, value in (values | short).items()}
    agent._command_run({"run_id": "abcdefgh", "program": sweep["program"], "args": args})
    process = agent._run_processes["abcdefgh"]
    while process.poll() is None:
        time.sleep(0.1)
    (run,) = in_folder.glob("runs/lenet5_digits/*/")
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["model"]["init_args"]["optimizer"]["init_args"]["lr"] == 0.0025
    assert config["data"]["init_args"]["batch_size"] == 32
    assert not (run / "record.json").exists()
    logged, history = read(run)
    assert logged["model"]["init_args"]["optimizer"]["init_args"]["lr"] == 0.0025
    (name,) = {key for row in history for key in row} & {sweep["metric"]["name"]}
    assert 0 < [row[name] for row in history if name in row][-1] <= 100
    (file,) = run.rglob("run-*.wandb")
    assert file.name == "run-abcdefgh.wandb"
