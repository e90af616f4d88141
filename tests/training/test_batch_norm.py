"""Batch normalisation over several processes: what it sees is said, is in the Record, and parts experiments."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import preloaded
import pytest
import torch
from conftest import ROOT, record_of
from lightning.pytorch.plugins import TorchSyncBatchNorm
from process_cases import NORMALISED
from results_cases import make_record
from resume_cases import Noise, Small, SmallModel, StopAfter, stopped, train
from torch import nn

from zoo.cli import main
from zoo.evaluation.batch_norm import images_seen
from zoo.evaluation.recorder import LEDGER_KEY
from zoo.models import LinearModel
from zoo.results.experiment import experiments
from zoo.results.record import Record
from zoo.results.reproduction import NOT_REPRODUCED, compare
from zoo.training import processes
from zoo.training.arguments import complete
from zoo.training.checkpoint_files import WholeFile
from zoo.training.cli import understood


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A run of two processes: its folder, and what the first one told."""
    folder = tmp_path_factory.mktemp("two")
    done = preloaded.run(ROOT / "tests" / "process_cases.py", "batch_norm", cwd=folder, timeout=1800)
    case = json.loads(done.stdout)["batch_norm"]
    assert case["statuses"] == [0, 0], case["said"]
    return folder / "batch_norm" / "run", case["told"]


def test_one_process_and_two_are_two_experiments_and_the_two_say_so(two, in_folder, capsys):
    run, (first, second) = two
    assert main([*NORMALISED, "--run_dir", "one"]) == 0
    one, apart = Record.read(in_folder / "one" / "record.json"), Record.read(run / "record.json")
    assert (one.batch_norm_images, apart.batch_norm_images) == ([10], [5])
    assert [len(experiment.runs) for experiment in experiments([one, apart])] == [1, 1]
    (sentence,) = [line for line in first.splitlines() if line.startswith("batch normalisation")]
    assert sentence == (
        "batch normalisation: each of 2 processes normalises its own share of 5 of 10 images, because torch cannot"
        " synchronise it on cpu; that is another experiment than on one process"
    )
    assert "batch normalisation" not in second + capsys.readouterr().out


def test_a_test_of_the_weights_on_one_process_says_what_their_training_saw(two, in_folder):
    run, _ = two
    words = ["--ckpt_path", str(run), "--trust", "resume_cases", "--trainer.devices", "1", "--run_dir", "again"]
    assert main(["test", *words]) == 0
    again = Record.read(in_folder / "again" / "record.json")
    assert again.batch_norm_images == [5]
    (experiment,) = experiments([Record.read(run / "record.json"), again])
    assert len(experiment.runs) == 1


def test_a_training_whose_parts_saw_different_numbers_says_both(tmp_path):
    stopped(tmp_path, Noise(), SmallModel(), StopAfter(3))
    last = tmp_path / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(last, weights_only=True)
    assert checkpoint[LEDGER_KEY]["batch_norm_images"] == [9]
    # As on two processes.
    checkpoint[LEDGER_KEY]["batch_norm_images"] = [4.5]
    WholeFile().save_checkpoint(checkpoint, last)
    trainer = train(tmp_path, Noise(), SmallModel())
    trainer.test(trainer.lightning_module, trainer.datamodule, verbose=False)
    assert record_of(tmp_path)["batch_norm_images"] == [4.5, 9]


def test_a_network_without_batch_normalisation_has_nothing_to_say(tmp_path):
    model = LinearModel(in_channels=3, input_size=8, num_classes=3)
    trainer = train(tmp_path, Noise(), model, max_epochs=1)
    trainer.test(model, trainer.datamodule, verbose=False)
    assert "batch_norm_images" not in record_of(tmp_path)


def test_a_normalisation_sees_its_share_or_where_it_is_synchronised_the_whole_batch():
    network = Small()
    assert [images_seen(network, 250, num) for num in (1, 2, 4)] == [250, 125, 62.5]
    assert images_seen(network, 250, 2, synchronized=True) == 250
    assert images_seen(nn.SyncBatchNorm.convert_sync_batchnorm(network), 250, 2) == 250
    assert images_seen(LinearModel().network, 250, 2) is None


def on(device: str, layer_sync: Any) -> Any:
    """As much of a Trainer of two processes as is asked."""
    strategy = SimpleNamespace(root_device=torch.device(device), _layer_sync=layer_sync)
    return SimpleNamespace(strategy=strategy, world_size=2)


@pytest.mark.parametrize(
    ("device", "typed", "said"),
    [
        ("cuda", True, ""),
        ("cuda", False, "its own share of 125 of 250 images, because trainer.sync_batchnorm is false"),
        ("cpu", True, "its own share of 125 of 250 images, because torch cannot synchronise it on cpu"),
        ("cpu", False, "its own share of 125 of 250 images, because torch cannot synchronise it on cpu"),
    ],
)
def test_it_is_synchronised_on_cuda_and_what_is_not_is_said(device, typed, said):
    trainer = on(device, TorchSyncBatchNorm() if typed else None)
    processes.settle_batch_norm(trainer)
    assert (trainer.strategy._layer_sync is not None) == (device == "cuda" and typed)
    found = processes.normalising_apart(trainer, Small(), 250)
    assert said in found
    assert bool(said) == bool(found)
    assert processes.normalising_apart(trainer, LinearModel().network, 250) == ""


def test_a_run_asks_for_it_unless_the_user_typed_otherwise(in_folder):
    words = complete("fit", ["--config", "lenet5_digits", "--trainer.accelerator", "cpu"])
    assert understood(words)[0]["trainer"]["sync_batchnorm"] is True
    assert understood([*words, "--trainer.sync_batchnorm", "false"])[0]["trainer"]["sync_batchnorm"] is False


def recorded(seed: int, seen: list[float] | None, **trainer: Any) -> Record:
    """A Record of a training in batches of 250."""
    record = make_record("vgg16", "bn", "cifar10", seed=seed, batch_norm_images=seen)
    data = record.config["data"] | {"init_args": record.config["data"]["init_args"] | {"batch_size": 250}}
    return replace(record, config=record.config | {"data": data, "trainer": record.config["trainer"] | trainer})


def test_what_a_normalisation_saw_parts_experiments_and_older_records_mean_what_they_meant():
    older = [recorded(0, None), recorded(1, None)]
    (before,) = experiments(older)
    whole, apart, mixed = recorded(2, [250]), recorded(3, [125]), recorded(4, [125, 250])
    found = {tuple(run.seed for run in one.runs): one for one in experiments([*older, whole, apart, mixed])}
    assert set(found) == {(0, 1, 2), (3,), (4,)}
    assert found[0, 1, 2].key == before.key
    assert "normalisation" not in found[0, 1, 2].training
    assert found[3,].training.endswith("batch normalisation over 125 images")
    assert found[4,].training.endswith("batch normalisation over 125, then 250 images")


def test_batches_gathered_into_one_step_are_normalised_each_by_itself():
    gathered = recorded(0, [250], accumulate_grad_batches=2)
    assert len(experiments([gathered, recorded(1, [250])])) == 2
    assert "normalisation" not in experiments([gathered])[0].training


def test_a_run_made_again_over_other_images_is_another_measurement():
    then, now = recorded(0, [125]), recorded(0, [250])
    assert compare(then, now).level == NOT_REPRODUCED
    assert "batch_norm_images is [250], but was [125]" in compare(then, now).sentence
    assert compare(recorded(0, None), now).level != NOT_REPRODUCED
