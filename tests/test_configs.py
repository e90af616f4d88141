import re
from pathlib import Path

import pytest
import torch
import yaml
from config_cases import built
from conftest import ROOT

from zoo.configs import find_config, list_configs
from zoo.data.sampling import Draw
from zoo.errors import InputError

CONFIGS = sorted(path for path in (ROOT / "configs").glob("*.yaml"))
OVERLAYS = sorted((ROOT / "configs" / "overlays").glob("*.yaml"))
NAMED = (
    "perceptron_cifar10", "linear_cifar10", "mlp_cifar10", "lenet5", "lenet5_cifar10", "lenet5_digits", "alexnet",
    "vgg11", "vgg16", "alexnet_cifar10", "vgg16_cifar10", "overlays/smoke", "overlays/wandb",
    "cuda_convnet_26pct_cifar10", "cuda_convnet_18pct_cifar10", "cuda_convnet_13pct_cifar10",
    "cuda_convnet_11pct_cifar10", "mark1_digits", "symmetry", "neocognitron", "lenet5_distorted", "lenet5_1998",
    "cuda_convnet_11pct_cifar10_modern", "convnetjs_cifar10", "convnetjs_cifar10_modern",
)  # fmt: skip
# What a data set that must be downloaded delivers, (C, H, W), and its number of classes.
SHAPES = {
    "mnist": (1, 32, 32, 10), "cifar10": (3, 32, 32, 10), "imagenet": (3, 224, 224, 1000),
    "fashion-mnist": (1, 32, 32, 10), "kmnist": (1, 32, 32, 10), "svhn": (3, 32, 32, 10),
    "cifar100": (3, 32, 32, 100), "stl10": (3, 32, 32, 10), "tiny-imagenet": (3, 64, 64, 200),
}  # fmt: skip
names = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)


def test_every_config_that_was_promised_is_there():
    assert set(NAMED) <= set(list_configs())


@names
def test_a_config_builds_and_its_network_takes_its_images(path):
    data, model = built(path)
    *shape, classes = SHAPES.get(data.name) or delivered(data)
    if path.stem.startswith(("cuda_convnet_11pct", "cuda_convnet_13pct")):
        shape = [3, 24, 24]  # crops of 32
    if path.stem in ("linear_mnist", "mlp_mnist"):
        shape = [1, 28, 28]  # not placed amid zeros
    if path.stem.endswith("_imagenette"):
        classes = 10
    assert model.network(torch.empty(2, *shape, device="meta")).shape == (2, classes)


def delivered(data):
    """(C, H, W) of a test image, and the number of classes."""
    data.setup()
    images, _ = data.splits["test"][Draw(0, torch.tensor([0]))]
    return (*images.shape[1:], data.num_classes)


@names
def test_a_config_is_written_in_the_order_the_data_moves(path):
    execution = ("channels_last", "compile")
    order = ["data", "model", *execution, "trainer"]
    keys = list(yaml.safe_load(path.read_text()))
    assert [key for key in order if key in keys] == keys
    assert {"data", "model", "trainer"} <= set(keys)


@names
def test_a_header_gives_command_paper_hardware_error_and_deviations(path):
    header = "\n".join(line for line in path.read_text().splitlines() if line.startswith("#"))
    assert f"zoo fit --config {path.stem}" in header
    for word in ("Paper:", "Time:", "Error:", "Deviations:"):
        assert word in header, word


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.stem)
def test_an_overlay_is_no_experiment_of_its_own(path):
    assert "class_path" not in yaml.safe_load(path.read_text()).get("model", {})
    assert f"--config overlays/{path.stem}" in path.read_text()


def test_a_config_is_found_by_path_and_by_bare_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config("lenet5_digits") == find_config("configs/lenet5_digits.yaml")
    assert find_config("lenet5_digits").is_file()


def test_the_working_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "lenet5_digits.yaml").write_text("data: {}\n")
    assert find_config("lenet5_digits") == Path("configs/lenet5_digits.yaml")


def test_a_missing_config_names_the_nearest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=re.escape("did you mean vgg16_cifar10")):
        find_config("vgg16_cifar")
