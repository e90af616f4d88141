"""Networks, what they say and what is exported are had without Lightning, which takes longer to import than torch."""

import subprocess

import numpy as np
import preloaded
import pytest
import torch
from PIL import Image
from weights_cases import make_run

import zoo
from zoo.catalog import DATA
from zoo.models.network import CLASSES_KEY
from zoo.weights.trained import DataUse

HEAVY = ("jsonargparse", "lightning", "scipy", "torchmetrics", "torchvision", "wandb")
CODE = f"""
import sys
import torch
import zoo

before = set(sys.modules)
with torch.device("meta"):
    for name in zoo.list_models():
        zoo.get_model(name)
zoo.get_model("lenet5", weights="mnist")
zoo.load("lenet5/mnist")
zoo.models.VGG16
print(sorted(set({HEAVY!r}) & (set(sys.modules) - before)))
zoo.models.LeNet5Model
print("lightning" in sys.modules)
"""


def in_a_process(*words):
    """What a process says in which nothing but torch has been imported."""
    return subprocess.run([preloaded.python("torch"), *words], capture_output=True, text=True, check=True).stdout


def test_networks_and_their_weights_import_no_lightning_and_models_do():
    assert in_a_process("-c", CODE).splitlines() == ["[]", "True"]


# The compiler of torch is as heavy, and is loaded where a network's first weights are drawn on no device.
USING = """
import sys
from zoo.cli import main

status = main(sys.argv[1:])
HEAVY = {"jsonargparse", "lightning", "torch._inductor", "torchmetrics", "torchvision"}
print(status, sorted(HEAVY & set(sys.modules)))
"""


def last_line(*words):
    return in_a_process("-c", USING, *words).splitlines()[-1]


def test_classify_imports_no_lightning_for_a_shipped_network_or_a_run(tmp_path):
    image = tmp_path / "image.png"
    Image.fromarray(np.arange(1024, dtype=np.uint8).reshape(32, 32)).save(image)
    run = make_run(tmp_path / "run")
    checkpoint = run / "checkpoints" / "last.ckpt"
    # As training writes it; where they are missing, the data module knows them.
    torch.save(torch.load(checkpoint) | {CLASSES_KEY: [str(digit) for digit in range(10)]}, checkpoint)
    for weights in ("lenet5/cifar10", run):
        assert last_line("classify", str(weights), str(image)) == "0 []"


def test_export_imports_no_lightning(tmp_path):
    words = ("export", "lenet5/cifar10", "--format", "safetensors", "--output", str(tmp_path / "out.safetensors"))
    assert last_line(*words) == "0 []"


@pytest.mark.parametrize("name", sorted(name for name, data in DATA.own.items() if data.transforms))
def test_weights_have_the_very_preprocessings_of_their_data_module(name):
    module = getattr(zoo.data, name)
    weights = zoo.get_weights("lenet5/mnist")
    assert module.transforms
    for transform in module.transforms:
        weights.data = DataUse(name, transform, "single view")
        assert weights.bare_steps() is module(transform=transform).transform
