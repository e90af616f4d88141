"""A run on one's own images from end to end: fit, test, and whatever speaks of it, with the names of the classes."""

import csv
import json

import pytest
import torch
from conftest import record_of
from own_images import COLOURS, picture, write_folder

import zoo
from zoo.cli import main
from zoo.models.network import CLASSES_KEY

NAMES = sorted(COLOURS)
QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu"]
# A network for each kind of preprocessing of small images.
LENET = ["--model", "LeNet5Model", "--model.variant", "modern", "--model.in_channels", "3", "--model.num_classes", "3"]
LENET += ["--model.optimizer", "torch.optim.Adam", "--model.optimizer.lr", "0.002"]


@pytest.fixture
def pictures(in_folder, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(in_folder / "cache"))
    return write_folder(in_folder / "My Flowers", whole=20)


@pytest.fixture
def run(pictures, in_folder):
    """LeNet-5 in colour, after 8 epochs."""
    words = ["--data", "ImageFolder", "--data.root", str(pictures), "--data.transform", "crop_flip"]
    assert main(["fit", *words, *LENET, *QUIET, "--trainer.max_epochs", "8", "--run_dir", "run"]) == 0
    return in_folder / "run"


def test_the_record_says_which_classes_they_were(run):
    record = record_of(run)
    assert (record["dataset"]["name"], record["dataset"]["num_classes"], record["n"]) == ("my-flowers", 3, 12)
    assert record["metrics"]["per_class"]["names"] == NAMES
    assert record["metrics"]["per_class"]["images"] == [4, 4, 4]
    assert record["dataset"]["fingerprint_of"] == "splits, classes, names and sizes of the files"
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)[CLASSES_KEY] == NAMES
    assert record["options"]["zoo.data.ImageFolder"]["changes_no_number"] == ["name", "num_workers", "root"]
    assert record["metrics"]["top1_error"] == 0


def test_classify_names_a_picture_s_class_without_the_folder(run, pictures, in_folder, capsys):
    pictures.rename(in_folder / "elsewhere")
    for name in NAMES:
        picture(name, 500).save(in_folder / "new.png")
        capsys.readouterr()
        assert main(["classify", str(run), str(in_folder / "new.png"), "--json"]) == 0
        (image,) = json.loads(capsys.readouterr().out)["images"]
        assert sorted(guess["class"] for guess in image["classes"]) == NAMES
        assert image["classes"][0]["class"] == name


def test_test_predict_benchmark_and_table_work_on_it(run, capsys):
    assert main(["test", "--ckpt_path", "run", "--run_dir", "again", "--predictions", "p.csv", *QUIET]) == 0
    assert record_of(run.parent / "again")["metrics"] == record_of(run)["metrics"]
    with (run.parent / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == set(NAMES)
    assert all(row["file_name"].startswith(f"{row['label']}/") for row in rows)
    assert main(["benchmark", "run", "--output", "out", "--devices", "1"]) == 0
    (measured,) = (run.parent / "out").glob("*.json")
    assert json.loads(measured.read_text())["metrics"]["per_class"] == record_of(run)["metrics"]["per_class"]
    capsys.readouterr()
    assert main(["table", "my-flowers", "--records", "."]) == 0
    assert "my-flowers" in capsys.readouterr().out


def test_what_is_exported_carries_the_names_and_is_read_back(run, in_folder):
    assert main(["export", "run", "--format", "hub", "--output", "hub"]) == 0
    config = json.loads((in_folder / "hub" / "config.json").read_text())
    assert list(config["id2label"].values()) == NAMES
    assert config["preprocessing"]["centre_crop"] == 32
    card = (in_folder / "hub" / "README.md").read_text()
    assert all(name in card for name in NAMES)
    assert "ink" not in card
    weights = zoo.get_weights(in_folder / "hub" / "model.safetensors")
    assert (weights.class_names, weights.data.class_name) == (NAMES, "ImageFolder")
    assert weights.transforms().stored == (3, 32, 32)


@pytest.mark.parametrize("transform", ["lenet5", "torchvision"])
def test_a_network_that_they_do_not_fit_leaves_nothing(pictures, in_folder, capsys, transform):
    before = sorted(in_folder.rglob("*"))
    words = ["--data", "ImageFolder", "--data.root", str(pictures), "--data.transform", transform]
    assert main(["fit", *words, *LENET, *QUIET, "--trainer.max_epochs", "1"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "lenet5 modern takes images of 3x32x32" in line
    assert "standard, crop_flip, crop_flip_cutout, convnetjs, mean_image, raw would fit." in line
    assert sorted(in_folder.rglob("*")) == before


def test_too_few_outputs_are_told_the_option(pictures, in_folder, capsys):
    words = ["--data", "ImageFolder", "--data.root", str(pictures), "--data.transform", "crop_flip"]
    assert main(["fit", *words, *LENET, *QUIET, "--trainer.max_epochs", "1", "--model.num_classes", "2"]) == 2
    assert "add --model.num_classes 3" in capsys.readouterr().err


def test_a_shipped_config_takes_them_in_place_of_its_own(pictures, in_folder):
    words = ["--data", "ImageFolder", "--data.root", str(pictures), "--model.num_classes", "3"]
    options = ["--trainer.max_epochs", "1", "--data.batch_size", "16", "--trainer.precision", "32"]
    assert main(["fit", "--config", "alexnet_cifar10", *words, *options, *QUIET, "--run_dir", "run"]) == 0
    record = record_of(in_folder / "run")
    assert record["metrics"]["per_class"]["names"] == NAMES
    assert record["config"]["data"]["init_args"]["transform"] == "crop_flip_cutout"


def test_grey_pictures_are_no_ink(pictures, in_folder, capsys):
    words = ["--data", "ImageFolder", "--data.root", str(pictures), "--data.transform", "grey"]
    model = ["--model", "LinearModel", "--model.in_channels", "1", "--model.input_size", "28"]
    fit = [*words, *model, "--model.num_classes", "3", *QUIET, "--trainer.max_epochs", "1"]
    assert main(["fit", *fit, "--run_dir", "run"]) == 0
    picture("rose", 1).point(lambda value: 255 - value // 3).save(in_folder / "light.png")
    capsys.readouterr()
    assert main(["classify", "run", "light.png"]) == 0
    assert capsys.readouterr().err == ""
