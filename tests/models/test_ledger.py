"""The compute ledger of a Record."""

import json

import pytest
import torch
from results_cases import make_record
from torch import nn

import zoo
from zoo.catalog import NETWORKS
from zoo.cli import main
from zoo.models.ledger import BACK_PROPAGATION, compute, macs_of
from zoo.models.network import Network
from zoo.results.record import Record

QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu"]


def record_of(folder, *words):
    assert main(["fit", *words, "--run_dir", str(folder), *QUIET]) == 0
    return Record.read(folder / "record.json")


def test_a_record_holds_the_counts_of_the_literature_and_the_threads(in_folder):
    words = ["--config", "lenet5_digits", "--trainer.max_epochs", "2", "--trainer.limit_train_batches", "3"]
    record = record_of(in_folder / "run", *words)
    seen = 2 * 3 * 16
    assert record.timing["train_images"] == seen
    assert record.compute["macs"] == 326_520  # LeCun et al. 1998, without subsampling
    assert record.compute["train_macs"] == 3 * 326_520 * seen
    assert "3 x macs" in record.compute["convention"]
    assert record.environment["threads"] == torch.get_num_threads()


def test_measuring_a_checkpoint_trains_nothing(in_folder):
    words = ["--config", "lenet5_digits", "--trainer.max_epochs", "1", "--trainer.limit_train_batches", "1"]
    record_of(in_folder / "run", *words)
    assert main(["test", "--ckpt_path", "run", "--run_dir", "again", *QUIET]) == 0
    again = Record.read(in_folder / "again" / "record.json")
    assert (again.compute["macs"], again.compute["train_macs"]) == (326_520, 0)


def test_two_processes_count_each_image_once_however_often_the_run_goes_on(zoo_process, tmp_path):
    def ledger(run):
        return torch.load(tmp_path / run / "checkpoints" / "last.ckpt", weights_only=True)["zoo_ledger"]["images"]

    def assert_record(run, epochs):
        record = Record.read(tmp_path / run / "record.json")
        assert record.environment["processes"] == 2
        assert record.timing["train_images"] == epochs * 1_437
        assert record.compute["train_macs"] == 3 * 326_520 * epochs * 1_437

    two = [*QUIET, "--trainer.strategy", "ddp", "--trainer.devices", "2"]
    words = ["--config", "lenet5_digits", "--data.batch_size", "128", "--trainer.max_epochs", "2"]
    zoo_process("fit", *words, *two, "--run_dir", "run", "--test", "false")
    assert ledger("run") == 2 * 1_437
    zoo_process("fit", "--resume", "run", "--test", "true", *two)
    assert_record("run", 2)
    zoo_process("fit", "--ckpt_path", "run", "--trainer.max_epochs", "3", *two, "--run_dir", "on")
    assert ledger("on") == 3 * 1_437
    assert_record("on", 3)


def test_a_rule_without_back_propagation_counts_as_it_says(in_folder):
    record = record_of(in_folder / "mark1", "--config", "mark1_digits", "--trainer.max_epochs", "1")
    assert record.compute["macs"] == 10 * 512  # the fixed wiring adds, and is not counted
    assert record.compute["train_macs"] == 2 * 5_120 * 1_437
    assert "error correction" in record.compute["convention"]


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_model_states_its_convention(name):
    work = getattr(zoo.models, NETWORKS[name].model).work
    learns_by_gradients = name not in ("nearest_neighbour", "eigenfaces", "hog_svm", "perceptron", "neocognitron")
    assert (work is BACK_PROPAGATION) == learns_by_gradients
    assert (work.forward_passes is None) == ("not counted:" in work.convention)


def test_counting_leaves_the_trained_network_and_the_random_state_alone():
    network = zoo.get_model("vgg16", variant="bn", head="linear", input_size=32, num_classes=10).train()
    before, state = network.state_dict()["bn1_1.running_mean"].clone(), torch.get_rng_state()
    assert macs_of(network) == 313_201_664
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(network.state_dict()["bn1_1.running_mean"], before)
    assert network.training


def test_what_cannot_be_counted_is_null():
    class Odd(Network):
        name = "odd"

        def __init__(self, variant="paper", num_classes=2):
            super().__init__({"odd": nn.Bilinear(2, 2, 2)}, variant, (2, 1, 1), {"num_classes": num_classes})

    assert compute(Odd(), BACK_PROPAGATION, 5)["macs"] is compute(Odd(), BACK_PROPAGATION, 5)["train_macs"] is None


def test_a_record_without_a_ledger_stays_as_it_was(tmp_path):
    old = make_record()
    old.write(tmp_path / "old.json")
    assert "compute" not in json.loads((tmp_path / "old.json").read_text())
    assert Record.read(tmp_path / "old.json") == old


@pytest.mark.parametrize(
    ("ledger", "says"),
    [
        ({"macs": 1, "train_macs": 2}, "compute.convention is missing"),
        ({"macs": -1, "train_macs": 2, "convention": "x"}, "compute.macs is -1, below 0"),
        ({"macs": 1.5, "train_macs": 2, "convention": "x"}, "compute.macs is 1.5, not of type integer"),
    ],
)
def test_a_broken_ledger_is_refused_with_its_path(tmp_path, ledger, says):
    (tmp_path / "odd.json").write_text(json.dumps(make_record(compute=ledger).content()))
    with pytest.raises(zoo.InputError, match=rf"odd\.json .*{says}"):
        Record.read(tmp_path / "odd.json")
