"""What a W&B run of ``zoo fit`` holds, read from W&B's own file."""

import json

import preloaded
import pytest
import wandb
import wandb_file
from conftest import record_of

from zoo.cli import main
from zoo.training.loggers import MetricsFile, Wandb, close, send_again, wandb_logger

WORDS = [
    "--config", "lenet5_digits", "--config", "overlays/wandb", "--trainer.max_epochs", "1", "--wandb.name", "small one",
    "--wandb.tags", "[digits, small]", "--wandb.job_type", "train", "--wandb.group", "seeds", "--wandb.notes", "a note",
    "--trainer.enable_progress_bar", "false",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wandb") / "run"
    assert main(["fit", *WORDS, "--run_dir", str(folder)]) == 0
    wandb_file.read(folder)  # waits for its end
    return folder


def test_the_options_of_wandb_arrive(run):
    (said,) = (r.run for r in wandb_file._records(run) if r.WhichOneof("record_type") == "run" and r.run.display_name)
    assert (said.display_name, said.run_group, said.job_type, said.notes) == ("small one", "seeds", "train", "a note")
    assert list(said.tags) == ["digits", "small"]


def test_config_and_summary_hold_fingerprint_commit_and_the_whole_record(run):
    config, _ = wandb_file.read(run)
    record, summary = record_of(run), wandb_file.summary(run)
    assert config["zoo"]["data_fingerprint"] == record["dataset"]["fingerprint"]
    assert config["zoo"]["commit"] == record["git"]["commit"]
    assert config["model"] == record["config"]["model"]
    assert json.loads(summary["record"]) == record
    assert summary["test/top1_error"] == record["metrics"]["top1_error"]
    assert summary["test/n"] == record["n"]


def test_each_step_is_one_row_in_order(run):
    _, history = wandb_file.read(run)
    steps = [row["trainer/global_step"] for row in history]
    assert steps == sorted(set(steps))
    assert all("train/step_loss" in row and "lr" in row for row in history if row["trainer/global_step"] % 10 == 9)
    assert {"train/loss", "train/images_per_second"} <= set().union(*history)


def test_the_predictions_are_a_table_of_every_test_image(run):
    (file,) = run.rglob("predictions_*.table.json")
    table = json.loads(file.read_text())
    place = {name: column for column, name in enumerate(table["columns"])}
    metrics = record_of(run)["metrics"]
    assert sorted(row[place["index"]] for row in table["data"]) == list(range(record_of(run)["n"]))
    assert sum(not row[place["right"]] for row in table["data"]) == metrics["top1_wrong"]
    among = [row[place["label"]] in [row[place[f"class{n}"]] for n in range(1, 6)] for row in table["data"]]
    assert among.count(False) == metrics["top5_wrong"]


def test_the_weights_with_their_card_and_the_data_are_artifacts_offline_too(run):
    artifacts = {artifact.type: artifact for artifact in wandb_file.artifacts(run)}
    assert json.loads(artifacts["dataset"].metadata)["fingerprint"] == record_of(run)["dataset"]["fingerprint"]
    assert artifacts["dataset"].use_after_commit
    model = artifacts["model"]
    assert json.loads(model.metadata)["top1_error"] == record_of(run)["metrics"]["top1_error"]
    files = {entry.path: entry.local_path for entry in model.manifest.contents}
    assert set(files) == {"weights.safetensors", "weights.json"}
    # In the run's folder, which may be taken elsewhere to be sent.
    assert all(str(run) in path for path in files.values())
    assert not model.use_after_commit


def test_of_a_training_that_was_not_measured_it_is_said_why_its_weights_are_not_kept(in_folder, capsys):
    words = [*WORDS, "--test", "false", "--trainer.limit_train_batches", "2", "--run_dir", "run"]
    assert main(["fit", *words]) == 0
    said = "the weights are not kept in W&B: run has no Record, without which zoo writes no card"
    assert capsys.readouterr().out.count(said) == 1
    wandb_file.read(in_folder / "run")
    assert [artifact.type for artifact in wandb_file.artifacts(in_folder / "run")] == ["dataset"]


def test_wandbs_own_switch_leaves_it_out_and_a_mode_that_it_has_not_is_one_sentence(in_folder, monkeypatch, capsys):
    words = ["fit", *WORDS, "--trainer.limit_train_batches", "2", "--run_dir"]
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert main([*words, "without"]) == 0
    assert record_of(in_folder / "without")["n"] == 360
    assert not list(in_folder.rglob("wandb"))
    assert main(["compare", "lenet5/digits", "lenet5/mnist", "--push", "team/zoo"]) == 2
    assert "WANDB_MODE is disabled, so nothing goes to team/zoo" in capsys.readouterr().err
    monkeypatch.setenv("WANDB_MODE", "nonsense")
    assert main([*words, "run"]) == 2
    assert capsys.readouterr().err == (
        "zoo: WANDB_MODE cannot be 'nonsense': W&B knows online, offline and disabled.\n"
    )
    assert not (in_folder / "run").exists()


def test_a_server_that_refuses_a_run_is_one_sentence(in_folder, monkeypatch, capsys):
    def refusing(**_):
        raise wandb.errors.CommError("no route to\nhost.")

    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setattr("wandb.init", refusing)
    assert main(["fit", *WORDS, "--run_dir", "run"]) == 2
    assert capsys.readouterr().err == (
        "zoo: Weights & Biases does not begin the run: no route to host; WANDB_MODE=offline keeps it in its folder.\n"
    )
    assert not (in_folder / "run").exists()


@pytest.mark.slow
def test_without_a_key_a_run_is_offline_whatever_the_client_knew_before(in_folder):
    code = """if True:
        import os, sys, wandb
        os.environ |= {"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": "a" * 40, "WANDB_INIT_TIMEOUT": "2"}
        wandb.setup()
        del os.environ["WANDB_BASE_URL"], os.environ["WANDB_API_KEY"]
        from zoo.cli import main
        sys.exit(main(sys.argv[1:]) or "WANDB_MODE" in os.environ)
    """
    preloaded.run("-c", code, "fit", *WORDS, "--trainer.limit_train_batches", "2", "--run_dir", "run", cwd=in_folder)
    assert list((in_folder / "run" / "wandb").glob("offline-run-*"))


def test_a_tag_that_wandb_has_no_place_for_is_one_sentence(in_folder, capsys):
    for tags in ("['']", f"[{'x' * 65}]"):
        assert main(["fit", *WORDS, "--wandb.tags", tags]) == 2
        error = capsys.readouterr().err
        assert "W&B takes tags of 1 to 64 characters" in error
        assert error.count("\n") == 1


def test_steps_that_a_kill_kept_from_wandb_are_given_again_once_each(in_folder):
    (in_folder / "run").mkdir()
    (in_folder / "run" / "metrics.csv").write_text("epoch,lr,step,train/loss\n0,0.5,9,\n0,,9,2.5\n0,0.25,19,1.5\n")
    metrics, logger = MetricsFile(in_folder / "run"), wandb_logger(Wandb(), in_folder / "run", {})
    send_again([metrics, logger])
    logger.log_metrics({"train/loss": 1.25}, 29)
    close([logger])
    _, history = wandb_file.read(in_folder / "run")
    assert [(row["trainer/global_step"], row["_step"], row["train/loss"]) for row in history] == [
        (9, 9, 2.5), (19, 19, 1.5), (29, 29, 1.25),
    ]  # fmt: skip
    assert [row.get("lr") for row in history] == [0.5, 0.25, None]
