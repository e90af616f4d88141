import csv
import json
import signal
import time

import preloaded
import pytest
import torch
import yaml
from conftest import record_of
from lightning.pytorch import Trainer

import zoo
import zoo.data
import zoo.models
from zoo.cli import main
from zoo.results.record import Record

QUIET = ["--trainer.enable_progress_bar", "false"]
SHORT = ["--config", "lenet5_digits", "--data.batch_size", "64", "--trainer.max_epochs", "2", *QUIET]


def fit(*words):
    assert main(["fit", *words]) == 0


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One short run of LeNet-5 on the digits, shared by the tests that only look at what it left."""
    folder = tmp_path_factory.mktemp("run") / "lenet5"
    fit(*SHORT, "--run_dir", str(folder), "--data.num_held_out", "100")
    return folder


def test_a_run_leaves_config_metrics_checkpoint_and_record(run):
    assert {path.name for path in run.iterdir()} == {"config.yaml", "metrics.csv", "checkpoints", "record.json"}
    assert (run / "checkpoints" / "last.ckpt").is_file()


def test_the_record_says_what_was_measured(run):
    record = Record.read(run / "record.json")
    assert (record.network, record.variant, record.parameters) == ("lenet5", "paper", 60_000)
    assert record.n == record.dataset["num_images"] == 360
    assert record.metrics["top1_error"] == 100 * record.metrics["top1_wrong"] / 360
    assert record.metrics["top5_error"] == 100 * record.metrics["top5_wrong"] / 360
    assert record.seed == 0
    assert record.timing["train_images"] == 2 * 1337
    assert record.config["model"]["init_args"]["variant"] == "paper"
    assert record.dataset["fingerprint"].startswith("sha256:")
    assert record.environment["packages"]["torch"] == torch.__version__.split("+")[0]


def test_the_record_agrees_with_the_loaded_network_scored_by_hand(run):
    network = zoo.load(run).eval()
    data = zoo.data.Digits(batch_size=50)
    data.setup()
    with torch.no_grad():
        wrong = sum(int((network(images).argmax(1) != labels).sum()) for images, labels in data.test_dataloader())
    assert wrong == record_of(run)["metrics"]["top1_wrong"]


def test_metrics_are_logged_under_their_stages(run):
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    columns = set(rows[0])
    assert {"train/loss", "train/top1_error", "val/top1_error", "val/top5_error", "test/top1_error", "lr"} <= columns
    (tested,) = [row for row in rows if row["test/top1_error"]]
    assert float(tested["test/top1_error"]) == record_of(run)["metrics"]["top1_error"]


def test_the_saved_config_runs_the_same_experiment_again(run, in_folder):
    fit("--config", str(run / "config.yaml"), "--run_dir", "again", *QUIET)
    again, first = record_of(in_folder / "again"), record_of(run)
    assert again["weights"] == first["weights"]
    assert again["metrics"] == first["metrics"]


def test_another_seed_is_another_run(run, in_folder):
    fit("--config", str(run / "config.yaml"), "--run_dir", "again", "--seed_everything", "1", *QUIET)
    assert record_of(in_folder / "again")["weights"] != record_of(run)["weights"]
    assert [record_of(folder)["seed"] for folder in (run, in_folder / "again")] == [0, 1]


def test_test_measures_a_run_folder_with_its_own_config(run, in_folder, capsys):
    assert main(["test", "--ckpt_path", str(run), "--run_dir", "measured", *QUIET]) == 0
    assert record_of(in_folder / "measured")["metrics"] == record_of(run)["metrics"]
    assert record_of(in_folder / "measured")["weights"] == record_of(run)["weights"]
    assert "top-1 error" in capsys.readouterr().out


def test_of_two_checkpoints_the_last_typed_gives_both_config_and_weights(run, in_folder):
    fit(*SHORT, "--model.variant", "modern", "--trainer.limit_train_batches", "1", "--run_dir", "modern")
    for words, last in (
        (["--ckpt_path", str(run), "--ckpt_path=modern"], in_folder / "modern"),
        (["--ckpt_path=modern", "--ckpt_path", str(run)], run),
    ):
        measured = in_folder / f"measured-{last.name}"
        assert main(["test", *words, "--run_dir", str(measured), *QUIET]) == 0
        assert record_of(measured)["weights"] == record_of(last)["weights"]
        assert record_of(measured)["config"]["model"] == record_of(last)["config"]["model"]


def test_validate_prints_the_errors_on_the_held_out_slice(run, in_folder, capsys):
    assert main(["validate", "--ckpt_path", str(run / "checkpoints" / "last.ckpt"), "--run_dir", "v", *QUIET]) == 0
    assert "val/top1_error" in capsys.readouterr().out
    assert not (in_folder / "v" / "record.json").exists()


def test_predict_writes_one_row_an_image(run, in_folder):
    assert main(["predict", "--ckpt_path", str(run), "--run_dir", "p", *QUIET]) == 0
    with (in_folder / "p" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == list(range(360))
    wrong = sum(row["label"] != row["class1"] for row in rows)
    assert wrong == record_of(run)["metrics"]["top1_wrong"]


def test_what_was_typed_wins_over_config_and_checkpoint(run, in_folder):
    fit(
        "--ckpt_path",
        str(run),
        "--run_dir",
        "on",
        "--trainer.max_epochs",
        "3",
        "--model.optimizer.lr",
        "0.0007",
        *QUIET,
    )
    saved = yaml.safe_load((in_folder / "on" / "config.yaml").read_text())
    assert saved["model"]["init_args"]["optimizer"]["init_args"]["lr"] == 0.0007
    assert record_of(in_folder / "on")["timing"]["train_epochs"] == 3


def test_a_run_folder_is_never_written_over(run, capsys):
    before = (run / "record.json").read_bytes()
    assert main(["fit", *SHORT, "--run_dir", str(run)]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert (run / "record.json").read_bytes() == before


def test_each_run_gets_its_own_folder_named_after_the_config(in_folder):
    fast = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "1", *QUIET]
    fit("--config", "lenet5_digits", *fast)
    fit("--config", "lenet5_digits", *fast)
    assert len(list((in_folder / "runs" / "lenet5_digits").iterdir())) == 2


def test_without_the_test_nothing_is_measured(in_folder):
    fit(*SHORT, "--run_dir", "r", "--test", "false")
    assert not (in_folder / "r" / "record.json").exists()


def test_a_limited_test_is_recorded_and_shown_as_partial(in_folder, capsys):
    fit(*SHORT, "--run_dir", "r", "--trainer.limit_test_batches", "2")
    record = record_of(in_folder / "r")
    assert (record["n"], record["dataset"]["num_images"]) == (128, 360)
    assert "128 of 360 test images" in capsys.readouterr().out


def test_a_trial_is_no_result(in_folder, capsys):
    words = ["--trainer.fast_dev_run", "true", "--trainer.enable_progress_bar", "false", "--run_dir", "runs/trial"]
    assert main(["fit", "--config", "lenet5_digits", *words]) == 0
    assert "partial" in capsys.readouterr().out
    for more, times in (([], 0), (["--partial"], 1)):
        assert main(["table", "digits", "--records", "runs", "--format", "json", *more]) == 0
        shown = [row for row in json.loads(capsys.readouterr().out) if row["runs"]]
        assert len(shown) == times
    assert "1 step" in shown[0]["training"]
    assert "epoch" not in shown[0]["training"]


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(in_folder):
    words = [*SHORT, "--trainer.max_epochs", "4"]
    fit(*words, "--run_dir", "whole")
    process = preloaded.start("-m", "zoo", "fit", *words, "--run_dir", "killed", cwd=in_folder)
    deadline = time.monotonic() + 120
    while not (in_folder / "killed" / "checkpoints" / "last.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    fit("--ckpt_path", "killed", "--run_dir", "resumed", *QUIET)
    assert record_of(in_folder / "resumed")["weights"] == record_of(in_folder / "whole")["weights"]


def test_the_data_modules_and_models_work_with_a_plain_trainer(in_folder):
    data, model = zoo.data.Digits(batch_size=64), zoo.models.LeNet5Model(variant="modern")
    options = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = Trainer(max_epochs=1, accelerator="cpu", num_sanity_val_steps=0, **options)
    trainer.fit(model, data)
    (result,) = trainer.test(model, data, verbose=False)
    assert 0 <= result["test/top1_error"] <= 100
    assert model.test_result["n"] == 360


@pytest.mark.slow  # test_own_processes.py and test_exact_counts.py see either of the two
def test_two_processes_score_each_test_image_once_and_train_the_same_weights(zoo_process, tmp_path):
    words = ["fit", *SHORT, "--trainer.accelerator", "cpu"]
    zoo_process(*words, "--run_dir", "one")
    zoo_process(*words, "--run_dir", "two", "--trainer.strategy", "ddp", "--trainer.devices", "2")
    one, two = record_of(tmp_path / "one"), record_of(tmp_path / "two")
    assert (one["n"], two["n"]) == (360, 360)
    assert two["environment"]["processes"] == 2
    assert one["timing"]["train_images"] == two["timing"]["train_images"]
    # The same images in the same steps: only the order of additions differs.
    first, second = zoo.load(tmp_path / "one"), zoo.load(tmp_path / "two")
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)
    assert one["metrics"]["loss"] == pytest.approx(two["metrics"]["loss"], rel=1e-3)


def test_a_launcher_from_outside_needs_a_run_dir(in_folder, capsys, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert main(["fit", *SHORT]) == 2
    assert "--run_dir" in capsys.readouterr().err


def test_the_perceptron_refuses_several_processes(zoo_process):
    digits = ["--data", "Digits", "--data.num_held_out", "0", "--model.in_channels", "1"]
    words = ["fit", "--config", "perceptron_cifar10", *digits]
    done = zoo_process(
        *words, "--trainer.strategy", "ddp", "--trainer.devices", "2", "--trainer.accelerator", "cpu", check=False
    )
    assert done.returncode == 2
    assert "trainer.devices" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--config", "lenet5_digits", "--data.batch_size", "64"],
        pytest.param(
            ["--config", "mlp_cifar10", "--data", "Digits", "--model.in_channels", "1"], marks=pytest.mark.slow
        ),
    ],
    ids=["lenet5", "mlp"],
)
def test_wandb_gets_the_errors_of_the_record_the_rate_and_the_whole_config(in_folder, words):
    import wandb_file

    overlay = ["--config", "overlays/wandb", "--data.num_held_out", "0", "--trainer.max_epochs", "1", *QUIET]
    fit(*words, *overlay, "--run_dir", "run")
    record = record_of(in_folder / "run")
    config, history = wandb_file.read(in_folder / "run")
    (tested,) = [row for row in history if "test/top1_error" in row]
    assert tested["test/top1_error"] == record["metrics"]["top1_error"]
    assert tested["test/top5_error"] == record["metrics"]["top5_error"]
    assert tested["trainer/global_step"] == record["timing"]["train_steps"]
    rates = [row for row in history if "lr" in row]
    assert rates
    assert all("trainer/global_step" in row for row in rates)
    assert config["model"] == record["config"]["model"]


def test_a_checkpoint_of_another_network_is_refused_with_both_names(run, in_folder, capsys):
    assert main(["test", "--config", "lenet5_digits", "--ckpt_path", str(run), "--model.variant", "modern"]) == 2
    message = capsys.readouterr().err
    assert "paper" in message
    assert "modern" in message


def test_a_text_file_for_a_checkpoint_is_refused(in_folder, capsys):
    (in_folder / "words.ckpt").write_text("hello")
    assert main(["fit", *SHORT, "--ckpt_path", "words.ckpt"]) == 2
    assert "words.ckpt is not a checkpoint" in capsys.readouterr().err
    assert not (in_folder / "runs").exists()
