"""TensorBoard, MLflow and the profiler: what they are given, and true sentences where something is missing."""

import preloaded
import pytest
import yaml

from zoo.cli import main

SHORT = (
    "fit", "--config", "lenet5_digits", "--data.num_held_out", "100", "--trainer.max_epochs", "1", "--test", "false",
    "--trainer.limit_train_batches", "3", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false",
)  # fmt: skip


def rows_of(path):
    """The last value of each column of metrics.csv."""
    head, *lines = [line.split(",") for line in path.read_text().splitlines()]
    return {name: float(line[place]) for line in lines for place, name in enumerate(head) if line[place]}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_all_say_what_metrics_csv_says_and_the_profiler_prints(in_folder, monkeypatch):
    # The folder stands for a server.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{in_folder / 'server'}")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    overlays = ("--config", "overlays/tensorboard", "--config", "overlays/mlflow", "--trainer.profiler", "simple")
    # In a process of its own, whose loggers nobody else has set up.
    done = preloaded.run("-m", "zoo", *SHORT, *overlays, "--run_dir", "runs/a", cwd=in_folder)
    assert "FIT Profiler Report" in done.stderr
    expected = rows_of(in_folder / "runs" / "a" / "metrics.csv")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(in_folder / "runs" / "a" / "tensorboard"))
    events.Reload()
    from mlflow import MlflowClient

    client = MlflowClient()
    (run,) = client.search_runs([client.get_experiment_by_name("zoo").experiment_id])
    for name in ("train/loss", "val/top1_error"):
        assert events.Scalars(name)[-1].value == pytest.approx(expected[name], rel=1e-6)
        assert run.data.metrics[name] == pytest.approx(expected[name], rel=1e-12)
    assert run.info.run_name == "runs/a"
    assert run.info.status == "FINISHED"
    assert run.data.params["model/init_args/optimizer/init_args/lr"] == "0.001"
    config = yaml.safe_load((in_folder / "runs" / "a" / "config.yaml").read_text())
    assert (config["tensorboard"], config["mlflow"]) == (
        {"flush_secs": 30, "pictures": True},
        {"experiment": "zoo"},
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--config", "overlays/tensorboard"], "TensorBoard is not installed: pip install tensorboard"),
        (["--config", "overlays/mlflow"], "MLflow is not installed: pip install mlflow-skinny"),
        (["--trainer.logger", "TensorBoardLogger"], "add --config overlays/tensorboard"),
        (["--tensorboard.flush_secs", "0"], "at least 1, not 0"),
        (["--tensorboard.flush_sec", "3"], "did you mean tensorboard.flush_secs?"),
    ],
)
def test_what_is_missing_or_wrong_is_one_sentence(words, says, in_folder, monkeypatch, capsys):
    monkeypatch.setattr("lightning.pytorch.loggers.tensorboard._TENSORBOARD_AVAILABLE", False)
    monkeypatch.setattr("lightning.fabric.loggers.tensorboard._TENSORBOARD_AVAILABLE", False)
    monkeypatch.setattr("lightning.fabric.loggers.tensorboard._TENSORBOARDX_AVAILABLE", False)
    monkeypatch.setattr("zoo.training.loggers.find_spec", lambda name: None)
    assert main([*SHORT, *words, "--run_dir", "run"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert says in line
    assert not (in_folder / "run").exists()


def test_mlflow_without_a_server_or_a_database_says_so(in_folder, monkeypatch, capsys):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("zoo.training.loggers.find_spec", lambda name: name == "mlflow" or None)
    assert main([*SHORT, "--config", "overlays/mlflow", "--run_dir", "run"]) == 2
    assert "set MLFLOW_TRACKING_URI to its server" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--trainer.callbacks", "EarlyStopping"), ("--trainer.callbacks", "ModelCheckpoint"),
        ("--model.schedule", "zoo.optim.ReduceLROnPlateau"),
    ],
)  # fmt: skip
def test_what_watches_a_slice_that_there_is_not_names_the_option(option, name, in_folder, capsys, monkeypatch):
    def no_step(self, *ignored):
        raise AssertionError("a step began")

    monkeypatch.setattr("zoo.models.classifier.Classifier.training_step", no_step)
    words = [option, name, f"{option}.monitor", "val/loss"]
    assert main([*SHORT, "--data.num_held_out", "0", *words, "--run_dir", "run"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"{name.rpartition('.')[2]} watches val/loss, but data.num_held_out is 0" in line
    assert "add --data.num_held_out N" in line
    assert not (in_folder / "run").exists()


def test_a_metric_that_no_run_logs_is_one_sentence(in_folder, capsys):
    words = ["--trainer.callbacks", "EarlyStopping", "--trainer.callbacks.monitor", "val/accuracy"]
    assert main([*SHORT, *words, "--run_dir", "run"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "Early stopping conditioned on metric `val/accuracy` which is not available" in line
