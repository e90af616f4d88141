"""The rows of ``zoo table`` about cost, what nobody has trained yet, and the data behind a number."""

import inspect
import json
import subprocess
import sys
from importlib import import_module

import pytest
import torch
from conftest import ROOT
from results_cases import FINGERPRINTS, make_record, rows, write_records

import zoo
import zoo.data
from zoo.catalog import DATA, NETWORKS
from zoo.cli import main
from zoo.models.ledger import macs_of
from zoo.report import untrained
from zoo.report.compute import BEFORE_THE_LEDGER, counted, duration, spanned
from zoo.report.formats import FORMS
from zoo.report.tables import NOT_MEASURED, NOT_TRAINED, document
from zoo.results.experiment import experiments
from zoo.results.published import load
from zoo.results.record import Record

RESULTS = ROOT / "benchmarks" / "results"
PUBLISHED = load()


@pytest.fixture
def folder(tmp_path):
    """Five Records: three seeds with a ledger, one without, one whose training cannot be counted."""
    ledger = {"macs": 1_000, "train_macs": 3_000, "convention": "3 x"}
    runs = [make_record(wrong=90 + seed, seed=seed, compute=ledger | {"train_macs": 3_000 + seed}) for seed in range(3)]
    old = make_record(network="linear", dataset="cifar10", wrong=5_900, parameters=30_730)
    odd = make_record(network="hog_svm", dataset="cifar10", wrong=4_500, sha="e", compute=ledger | {"train_macs": None})
    write_records(tmp_path, [*runs, old, odd])
    return tmp_path


def row_of(folder, which, network):
    return next(row for row in rows(folder, which) if row["network"] == network and row["n"])


# Cost ----------------------------------------------------------------------------------------------------------------


def test_a_row_holds_the_mean_cost_of_its_runs_and_the_hardware_of_the_time(folder):
    row = row_of(folder, "mnist", "lenet5")
    assert (row["macs"], row["train_macs"], row["train_images"], row["train_seconds"]) == (1_000, 3_001, 60_000, 10)
    assert row["device"] == "cpu"
    assert row["then_hardware"] == "a Silicon Graphics Origin 2000"
    assert "LeCun" in row["then_source"]
    assert row_of(folder, "cifar10", "hog_svm")["train_macs"] is None


def test_a_record_from_before_the_ledger_is_counted_by_the_convention(folder):
    row = row_of(folder, "cifar10", "linear")
    assert (row["macs"], row["train_macs"]) == (30_720, 3 * 30_720 * 60_000)


def test_the_table_of_cost_reads_well(folder):
    text = document("mnist", "md", folder)
    assert "| lenet5 | paper | lenet5, 1 epoch | 60,000 | 3 k | 10 seconds | cpu |" in text
    assert "Silicon Graphics Origin 2000 | 2 to 3 days [1, 2] |" in text
    assert "is not counted" in document("cifar10", "md", folder)


def test_what_was_only_measured_took_no_training(folder):
    record = make_record(network="mlp", sha="c")
    record.timing.update(train_images=0, train_seconds=0.0)
    write_records(folder, [record])
    measured, cost = document("mnist", "md", folder).split("## MNIST: what training took")
    assert "| mlp |" in measured
    assert "| mlp |" not in cost.split("## ")[0]


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_the_counts_of_old_records_are_those_of_their_networks(path):
    record = Record.read(path)
    if record.compute:
        return
    entry = NETWORKS[record.network]
    network_class = getattr(import_module(entry.module), entry.network)
    known = inspect.signature(network_class).parameters
    options = {k: v for k, v in record.config["model"].get("init_args", {}).items() if k in known}
    with torch.device("meta"):
        network = network_class(**options)
    assert sum(p.numel() for p in network.parameters()) == record.parameters
    forward_passes = getattr(zoo.models, entry.model).work.forward_passes
    assert BEFORE_THE_LEDGER[record.network, record.variant, record.parameters] == (macs_of(network), forward_passes)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.5 seconds"), (80, "80 seconds"), (408, "6.8 minutes"), (4_500, "75 minutes"), (9_000, "2.5 hours")],
)
def test_durations_are_in_a_unit_that_fits(seconds, text):
    assert duration(seconds) == spanned(seconds, seconds) == text


def test_ranges_and_large_numbers_are_short():
    assert spanned(432_000, 518_400) == "5 to 6 days"
    assert spanned(1_209_600, 1_814_400) == "2 to 3 weeks"
    assert [counted(n) for n in (0, 999, 13_824_000_000, 2.5e17)] == ["0", "999", "13.8 G", "250 P"]


# The hardware of the time --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", PUBLISHED.trainings, ids=lambda one: f"{one.network}-{one.dataset}")
def test_a_published_training_is_complete_and_within_its_range(training):
    assert set(training.variants) <= set(NETWORKS[training.network].variants)
    assert training.variants
    assert training.dataset in PUBLISHED.datasets
    assert training.source in PUBLISHED.sources
    assert training.hardware
    assert training.where
    assert training.status in ("V", "T", "S", "D")
    low, high = training.seconds
    assert 0 < low <= high
    assert training.epochs is None or training.epochs >= 1


def test_trainings_that_everybody_knows():
    alexnet = PUBLISHED.training_of("alexnet", "paper", "imagenet")
    assert (alexnet.hardware, alexnet.epochs) == ("two GeForce GTX 580 (3 GB)", 90)
    assert [seconds / 86_400 for seconds in alexnet.seconds] == [5, 6]
    vgg = PUBLISHED.training_of("vgg16", "paper", "imagenet")
    assert (vgg.hardware, [seconds / 604_800 for seconds in vgg.seconds]) == ("four Titan Black", [2, 3])
    assert PUBLISHED.training_of("alexnet", "torchvision", "imagenet") is None
    assert PUBLISHED.training_of("alexnet", "paper", "cifar10") is None


# Not trained yet -----------------------------------------------------------------------------------------------------


def test_every_shipped_experiment_is_known_by_its_network_and_data():
    names = {file.stem for file in (ROOT / "configs").glob("*.yaml")}
    assert {one.name for one in untrained.shipped()} == names
    for one in untrained.shipped():
        assert one.variant in NETWORKS[one.network].variants


def test_the_names_of_the_data_are_those_that_the_data_modules_write():
    assert {name: getattr(zoo.data, name).name for name in DATA} == {name: entry.name for name, entry in DATA.items()}


def test_configs_without_a_record_are_rows_with_their_published_figure(tmp_path):
    found = {row["config"]: row for row in rows(tmp_path, "cifar10") if row["verdict"] == NOT_TRAINED}
    assert {"vgg16_cifar10", "alexnet_cifar10", "cuda_convnet_11pct_cifar10", "lenet5_cifar10"} <= set(found)
    row = found["cuda_convnet_11pct_cifar10"]
    assert (row["network"], row["variant"], row["published"]) == ("cuda_convnet", "11pct", 11.0)
    assert row["then_seconds"] == [4_500, 4_500]
    assert row["n"] is row["top1_error"] is row["interval"] is None
    assert found["alexnet_cifar10"]["published"] is None
    imagenet = {row["config"]: row for row in rows(tmp_path, "imagenet") if row["verdict"] == NOT_TRAINED}
    assert {"alexnet", "vgg11", "vgg16"} <= set(imagenet)
    assert imagenet["alexnet"]["published"] == 40.7
    assert "not trained yet" in document("imagenet", "md", tmp_path)


def test_a_figure_stands_in_one_row_only_unless_two_configs_aim_at_it(tmp_path):
    found = rows(tmp_path, "cifar10")
    missing = {row["published_name"] for row in found if row["verdict"] == NOT_TRAINED and row["published"]}
    assert not missing & {row["published_name"] for row in found if row["verdict"] == NOT_MEASURED}


def test_the_record_of_a_config_takes_its_row_away_and_one_of_other_options_does_not():
    (shipped,) = [one for one in untrained.shipped() if one.name == "lenet5_digits"]
    (experiment,) = experiments([Record.read(RESULTS / "lenet5_digits-seed0.json")])
    assert shipped.is_of(experiment)
    experiment.record.config["trainer"]["max_epochs"] = 24
    assert not shipped.is_of(experiment)
    experiment.record.config["trainer"]["max_epochs"] = 25
    experiment.record.config["data"]["init_args"]["batch_size"] = 32
    assert not shipped.is_of(experiment)
    (experiment,) = experiments([Record.read(RESULTS / "mark1_digits-seed0.json")])
    assert not shipped.is_of(experiment)


def test_seeds_and_folders_are_no_other_experiment():
    (shipped,) = [one for one in untrained.shipped() if one.name == "lenet5"]
    record = Record.read(RESULTS / "lenet5-seed1.json")
    record.config["data"]["init_args"]["root"] = "/elsewhere"
    assert shipped.is_of(experiments([record])[0])


# The data, and Records that are none ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["md", "html", "latex"])
def test_the_fingerprint_of_the_data_stands_under_the_table(folder, form):
    assert FINGERPRINTS["cifar10"] in document("cifar10", form, folder)
    assert "the official files" in document("mnist", form, folder)


@pytest.mark.parametrize("form", FORMS)
def test_another_process_writes_the_same_bytes(folder, form):
    words = [sys.executable, "-m", "zoo", "table", "--format", form, "--records", str(folder)]
    assert subprocess.run(words, capture_output=True, check=True).stdout.decode() == document(None, form, folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.pop("protocol"), "the field protocol is missing"),
        (lambda c: c["metrics"].pop("top5_error"), "the field metrics.top5_error is missing"),
        (lambda c: c["metrics"].update(top1_error=101), "metrics.top1_error is 101, above 100"),
    ],
)
def test_a_record_among_five_that_is_none_is_refused_with_its_path(folder, capsys, change, says):
    path = sorted(folder.glob("*.json"))[2]
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    assert main(["table", "--records", str(folder)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.strip().splitlines()
    assert str(path) in line
    assert says in line
