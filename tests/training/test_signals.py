"""Second processes: signals that stop a run and kills that do not ask, and how it goes on in its folder."""

import json
import os
import signal
import time
from pathlib import Path

import preloaded
import pytest
import torch
import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.utilities.exceptions import SIGTERMException
from preloaded import Process

from zoo.cli import main
from zoo.errors import InputError
from zoo.results.record import Record
from zoo.training.checkpoint_files import WholeFile
from zoo.training.loggers import _earlier_id

QUIET = ["--trainer.enable_progress_bar", "false"]
RUN = [
    "--config", "lenet5_digits", "--data.batch_size", "32", "--trainer.max_epochs", "6", "--model.optimizer.lr", "0.01",
    *QUIET,
]  # fmt: skip


def started(folder: Path, *words: str) -> Process:
    return preloaded.start("-m", "zoo", "fit", *words, cwd=folder)


def wait_for(path: Path, process: Process) -> None:
    while not path.exists():
        assert process.poll() is None, process.told()
        time.sleep(0.01)


def ended(process: Process) -> None:
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that nobody stopped."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert main(["fit", *RUN, "--run_dir", str(folder)]) == 0
    return folder


def assert_same(run: Path, whole: Path) -> None:
    one, other = Record.read(run / "record.json"), Record.read(whole / "record.json")
    assert one.weights == other.weights
    assert one.metrics == other.metrics
    assert one.config == other.config
    for key in ("train_images", "train_steps", "train_epochs"):
        assert one.timing[key] == other.timing[key]
    assert _rows(run) == _rows(whole)


def _rows(run: Path) -> list[str]:
    lines = (run / "metrics.csv").read_text().splitlines()
    times = [n for n, name in enumerate(lines[0].split(",")) if "second" in name or "waiting" in name]
    return [",".join(v for n, v in enumerate(line.split(",")) if n not in times) for line in lines]


def test_a_run_stopped_by_sigterm_and_by_sigint_goes_on_in_its_folder(in_folder, whole):
    # Always the same call, as in a script that a scheduler may run again.
    words = [*RUN, "--resume", "run", "--save_every_n_steps", "5"]
    last, steps = in_folder / "run" / "checkpoints" / "last.ckpt", []
    for signum in (signal.SIGTERM, signal.SIGINT):
        process = started(in_folder, *words)
        written = last.stat().st_mtime_ns if last.exists() else 0
        while process.poll() is None and (not last.exists() or last.stat().st_mtime_ns == written):
            time.sleep(0.01)
        process.send_signal(signum)
        _, told = process.communicate(timeout=120)
        assert process.returncode == 128 + signum, told
        (sentence,) = [line for line in told.splitlines() if line.startswith("zoo:")]
        assert sentence.endswith("go on with: zoo fit --resume run")
        assert f"Stopped by {signal.Signals(signum).name} after step" in sentence
        steps.append(torch.load(last, weights_only=True)["global_step"])
        assert f"after step {steps[-1]};" in sentence
    assert 0 < steps[0] < steps[1]
    assert main(["fit", "--resume", "run", "--save_every_n_steps", "null", *QUIET]) == 0
    assert_same(in_folder / "run", whole)
    assert not list(last.parent.glob("*.part"))


def test_a_killed_run_leaves_a_whole_checkpoint_and_its_metrics_are_taken_back(in_folder, whole, capsys):
    process = started(in_folder, *RUN, "--run_dir", "run", "--save_every_n_steps", "3")
    wait_for(in_folder / "run" / "checkpoints" / "last.ckpt", process)
    time.sleep(0.3)
    # While it lives nobody else goes on in its folder, and its death alone makes room.
    process.send_signal(signal.SIGSTOP)
    assert main(["fit", "--resume", "run", *QUIET]) == 2
    told = capsys.readouterr().err
    assert told.startswith("zoo: Another process is at work in run")
    assert told.count("\n") == 1
    process.kill()
    process.communicate()
    saved = torch.load(in_folder / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert saved["global_step"] % 3 == 0
    # As if it had logged on for a while after its last checkpoint, which may be older than the first row.
    metrics = in_folder / "run" / "metrics.csv"
    with metrics.open("a") as file:
        file.write("9,9,9\n" if metrics.stat().st_size else "epoch,lr,step\n9,9,9\n")
    assert main(["fit", "--resume", "run", "--save_every_n_steps", "null", *QUIET]) == 0
    config = yaml.safe_load((in_folder / "run" / "config.yaml").read_text())
    assert "save_every_n_steps" not in config
    assert yaml.safe_load((in_folder / "run" / "config.1.yaml").read_text())["save_every_n_steps"] == 3
    assert_same(in_folder / "run", whole)


KILLED_WRITER = """
import sys, torch
from zoo.training.checkpoint_files import WholeFile
from zoo.training.loggers import _earlier_id
number = 0
while True:
    number += 1
    WholeFile().save_checkpoint({"number": number, "tensor": torch.full((100_000,), float(number))}, sys.argv[1])
    print(number, flush=True)
"""


def test_a_kill_at_any_moment_of_writing_leaves_the_old_checkpoint_or_the_new_one(tmp_path):
    path = tmp_path / "last.ckpt"
    process = preloaded.start("-c", KILLED_WRITER, path)
    finished = 0
    for _ in range(20):
        while (newest := len(process.said().split())) == finished:
            assert process.poll() is None, process.told()
            time.sleep(0.001)
        finished = newest
        # Looked at while the next ones are being written.
        held = torch.load(path, weights_only=True)
        assert held["number"] >= finished
        assert bool((held["tensor"] == held["number"]).all())
    process.kill()
    finished = int(process.communicate()[0].split()[-1])
    held = torch.load(path, weights_only=True)
    assert held["number"] - finished in (0, 1)
    assert bool((held["tensor"] == held["number"]).all())


def test_a_disk_that_refuses_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    WholeFile().save_checkpoint({"number": 1}, path)

    def full(checkpoint, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(InputError, match=r"last.ckpt cannot be written \(No space left on device\)"):
        WholeFile().save_checkpoint({"number": 2}, path)
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]
    assert torch.load(path, weights_only=True) == {"number": 1}


@pytest.mark.slow
def test_two_processes_stop_together_and_go_on_with_the_same_weights(in_folder):
    two = [*RUN, "--trainer.max_epochs", "3", "--trainer.accelerator", "cpu"]
    two += ["--trainer.strategy", "ddp", "--trainer.devices", "2"]
    ended(started(in_folder, *two, "--run_dir", "whole"))
    process = started(in_folder, *two, "--run_dir", "run", "--save_every_n_steps", "20")
    wait_for(in_folder / "run" / "checkpoints" / "last.ckpt", process)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 143, told
    assert told.count("Stopped by SIGTERM") == 1
    ended(started(in_folder, "--resume", "run", *QUIET))
    one, other = Record.read(in_folder / "run" / "record.json"), Record.read(in_folder / "whole" / "record.json")
    assert (one.weights, one.metrics) == (other.weights, other.metrics)
    assert one.timing["train_images"] == other.timing["train_images"]
    assert one.environment["processes"] == 2
    assert _rows(in_folder / "run") == _rows(in_folder / "whole")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fit", "--resume", "nothing"], "There is no run in nothing to go on with"),
        (["fit", *RUN, "--resume", "x", "--run_dir", "y"], "leave out --run_dir"),
        (["fit", *RUN, "--resume", "x", "--ckpt_path", "y"], "leave out --ckpt_path"),
        (["test", "--ckpt_path", "x", "--resume", "x"], "zoo test cannot resume"),
        (["fit", *RUN, "--ckpt_path", "x", "--init_from", "lenet5/mnist"], "leave out one of them"),
        (["fit", *RUN, "--save_every_n_minutes", "0"], "save_every_n_minutes must be above 0"),
    ],
)
def test_what_cannot_be_resumed_is_said_in_a_sentence(in_folder, capsys, words, says):
    assert main(words) == 2
    assert says in capsys.readouterr().err
    assert list(in_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("checkpoints/last.ckpt", Path.mkdir),
        ("checkpoints/last.ckpt", os.mkfifo),
        ("checkpoints/last.ckpt", lambda path: path.symlink_to("gone")),
        ("checkpoints", Path.touch),
    ],
    ids=["folder", "fifo", "lost_link", "no_folder"],
)
def test_what_is_no_checkpoint_is_not_taken_for_none(in_folder, capsys, name, make):
    path = in_folder / "run" / name
    path.parent.mkdir(parents=True)
    make(path)
    before = sorted(in_folder.rglob("*"))
    assert main(["fit", *RUN, "--resume", "run"]) == 2
    assert f"run/{name} is in the place of the checkpoint to go on from and holds none" in capsys.readouterr().err
    assert sorted(in_folder.rglob("*")) == before


def test_a_run_that_is_over_is_not_gone_on_with(in_folder, whole, capsys):
    before = json.loads((whole / "record.json").read_text())
    assert main(["fit", "--resume", str(whole), *QUIET]) == 2
    assert "is over and has its Record" in capsys.readouterr().err
    assert json.loads((whole / "record.json").read_text()) == before


def test_what_is_typed_anew_is_shown_beside_what_the_run_had(in_folder, whole, capsys):
    assert main(["fit", "--ckpt_path", str(whole), "--trainer.max_epochs", "7", "--run_dir", "on", *QUIET]) == 0
    assert "trainer.max_epochs 7, not 6" in capsys.readouterr().out


@pytest.mark.slow
def test_the_wandb_run_is_gone_on_with(in_folder):
    def ids():
        return [path.stem for path in (in_folder / "run" / "wandb").glob("offline-run-*-*/run-*.wandb")]

    words = [*RUN, "--config", "overlays/wandb", "--trainer.max_epochs", "1"]
    assert main(["fit", *words, "--run_dir", "run", "--test", "false"]) == 0
    (first,) = ids()
    assert main(["fit", "--resume", "run", *QUIET, "--trainer.max_epochs", "2"]) == 0
    assert ids() == [first, first]


def test_the_wandb_run_is_known_where_two_parts_began_in_one_second(tmp_path):
    for place, name in enumerate(("offline-run-20261129_020400-tx6h-558y", "offline-run-20261129_020400-tx6h-558y-1")):
        (tmp_path / "wandb" / name).mkdir(parents=True)
        (tmp_path / "wandb" / name / "run-tx6h-558y.wandb").touch()
        os.utime(tmp_path / "wandb" / name, (place, place))
    assert _earlier_id(tmp_path) == "tx6h-558y"
    assert _earlier_id(tmp_path / "wandb") is None


def test_a_signal_that_came_before_the_run_listened_stops_it_before_its_first_step(in_folder, monkeypatch, capsys):
    def no_step(self, *ignored):
        raise AssertionError("a step began")

    monkeypatch.setattr("zoo.models.classifier.Classifier.training_step", no_step)
    monkeypatch.setattr(Trainer, "received_sigterm", True)
    assert main(["fit", *RUN, "--run_dir", "early"]) == 128 + signal.SIGTERM
    assert "Stopped by SIGTERM after step 0; go on with: zoo fit --resume early" in capsys.readouterr().err

    def with_others(self, *ignored, **options):
        # What Lightning does then, before the first step, where there are several processes.
        raise SIGTERMException

    monkeypatch.setattr(Trainer, "fit", with_others)
    assert main(["fit", *RUN, "--run_dir", "several"]) == 128 + signal.SIGTERM
    assert "Stopped by SIGTERM before the first step; start it again" in capsys.readouterr().err
