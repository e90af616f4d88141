"""A network is had without Lightning, which takes longer to import than torch and the network together."""

import subprocess
import sys

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


def test_networks_and_their_weights_import_no_lightning_and_models_do():
    printed = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == ["[]", "True"]
