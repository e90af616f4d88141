"""Networks with random weights, as weights and as run folders, for tests of what is done with trained ones."""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from conftest import slow_where
from results_cases import make_record
from torch import nn

import zoo
from zoo.evaluation.digest import weights_digest
from zoo.models.network import NETWORK_KEY
from zoo.weights.trained import DataUse, Weights

MOST = 100  # images that a test asks for
# Network, variant, options; the data's class and transform.
CASES = {
    "linear": ("linear", "paper", {}, "CIFAR10", "standard"),
    "perceptron": ("perceptron", "paper", {}, "CIFAR10", "raw"),
    "mark1": ("perceptron", "mark1", {"num_classes": 10}, "Digits", "retina"),
    "mlp": ("mlp", "paper", {}, "CIFAR10", "standard"),
    "lenet5": ("lenet5", "paper", {}, "MNIST", "lenet5"),
    "lenet5-3-channels": ("lenet5", "paper", {"in_channels": 3}, "CIFAR10", "standard"),
    "convnetjs": ("convnetjs", "paper", {}, "CIFAR10", "convnetjs"),
    "cuda_convnet-11pct": ("cuda_convnet", "11pct", {}, "CIFAR10", "cuda_convnet"),
    "cuda_convnet-18pct": ("cuda_convnet", "18pct", {}, "CIFAR10", "mean_image"),
    "alexnet-cifar": ("alexnet", "cifar", {}, "CIFAR10", "crop_flip"),
    "vgg11-bn": (
        "vgg11", "bn", {"num_classes": 10, "input_size": 32, "head": "linear"}, "CIFAR10", "crop_flip",
    ),
    "neocognitron": ("neocognitron", "paper", {}, "FiveDigits", None),
}  # fmt: skip


# The layers of each are those of a smaller one here, too.
LARGE = (
    "vgg16-bn",
    "vgg11-bn",
    "alexnet-cifar",
    "cuda_convnet-13pct",
    "cuda_convnet-11pct",
    "cuda_convnet-26pct",
    "neocognitron",
)


def slow_where_large(names: Iterable[str]) -> list:
    """The forms as parameters of a test; those that take seconds are slow."""
    return slow_where(lambda name: name.partition("/")[0] in LARGE, names)


def randomized(network: nn.Module, seed: int = 0) -> nn.Module:
    """Every weight random, on He's scale, so that the image reaches the logits and no number is 0 or 1 by chance."""
    drawn = torch.Generator().manual_seed(seed)
    for key, value in network.state_dict().items():
        if not value.is_floating_point() or key.endswith(("codes", ".c", ".d")):
            continue
        if value.ndim > 1:
            fan_in = value.shape[-3:].numel() if value.ndim > 2 else value.shape[-1]
            value.normal_(0, (2 / fan_in) ** 0.5, generator=drawn)
        else:
            low, high = (0.5, 1.5) if key.endswith(("weight", "running_var", "coefficient")) else (-0.1, 0.1)
            value.uniform_(low, high, generator=drawn)
    for key, value in network.state_dict().items():
        if network.name == "neocognitron" and key.endswith((".a", ".b", "answered")):
            value.abs_()
    return network


class RandomWeights(Weights):
    """``randomized`` weights with the preprocessing of a case; a mean image is random too."""

    def __init__(self, case: str) -> None:
        network, variant, options, data, transform = CASES[case]
        self.name = f"random/{case}"
        self.data = DataUse(data, transform, "single view")
        classes = [f"class {number}" for number in range(5 if data == "FiveDigits" else 10)]
        self.meta = {
            "name": self.name,
            "network": network,
            "variant": variant,
            "options": options,
            "class_names": classes,
        }

    def state(self):
        return randomized(self.bare_network("cpu")).state_dict()

    def verify(self):
        pass

    def steps(self):
        steps = super().steps()
        if hasattr(steps, "with_mean"):
            drawn = torch.Generator().manual_seed(1)
            return steps.with_mean(100 + 50 * torch.rand(3, 32, 32, generator=drawn))
        return steps


def one_of_each_kind(names: list[str]) -> list[str]:
    """The last of the weights of one network, variant and data: what differs in its numbers alone is one kind."""
    found = {}
    for name in names:
        weights = zoo.get_weights(name)
        found[weights.meta["network"], weights.meta["variant"], weights.data.class_name] = name
    return list(found.values())


def write_run(folder: Path, network: nn.Module, data: str, transform: str, record: bool = False) -> Path:
    """A run folder as training leaves it, by hand: config, checkpoint and, if asked for, a Record of these weights."""
    (folder / "checkpoints").mkdir(parents=True)
    options = {key: list(value) if isinstance(value, tuple) else value for key, value in network.options.items()}
    entry = zoo.weights.trained.NETWORKS[network.name]
    config = {
        "data": {"class_path": f"zoo.data.{data}", "init_args": {"transform": transform}},
        "model": {
            "class_path": f"zoo.models.{entry.model}", "init_args": {"variant": network.variant, **options},
        },
        "trainer": {"max_epochs": 1},
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    description = {"name": network.name, "variant": network.variant, "options": network.options}
    state = {f"network.{key}": value for key, value in network.state_dict().items()}
    torch.save({"state_dict": state, NETWORK_KEY: description}, folder / "checkpoints" / "last.ckpt")
    if record:
        made = make_record(
            network=network.name, variant=network.variant, dataset=data.lower(), wrong=250, transform=transform,
            parameters=sum(p.numel() for p in network.parameters()), weights={"sha256": weights_digest(network)},
            config=config | {"seed_everything": 0},
        )  # fmt: skip
        made.write(folder / "record.json")
    return folder


def real_images(weights: Weights, count: int = MOST) -> torch.Tensor:
    """Real test images of the weights' own data, uint8 (N, C, S, S); where they are not here, scikit-learn's."""
    root, name = os.environ.get("ZOO_TEST_DATA"), weights.data.class_name
    if name in ("CIFAR10", "MNIST") and not root:
        pytest.skip("ZOO_TEST_DATA names no folder with real images")
    return _images(name, root if name in ("CIFAR10", "MNIST") else None)[:count]


@cache
def _images(name: str, root: str | None) -> torch.Tensor:
    """The first test images of a data set, which are read once."""
    return getattr(zoo.data, name)(**({"root": root} if root else {})).read()["test"][0][:MOST].clone()


def top_five_agree(expected: np.ndarray, found: np.ndarray) -> int:
    """The images (of all) with the same five classes in the same order; raises AssertionError for any other image.

    Unless the classes that changed places have logits that are equal but for float32's last digits.
    """
    same = 0
    for own, other in zip(expected.astype(np.float64), found.astype(np.float64), strict=True):
        assert np.isnan(own).any() == np.isnan(other).any()
        if np.isnan(own).any():
            same += 1
            continue
        ours = sorted(range(len(own)), key=lambda c: (-own[c], c))[:5]
        theirs = sorted(range(len(other)), key=lambda c: (-other[c], c))[:5]
        same += ours == theirs
        for a, b in zip(ours, theirs, strict=True):
            assert a == b or abs(own[a] - own[b]) <= 1e-6 * np.abs(own).max(), (ours, theirs, own)
    return same
