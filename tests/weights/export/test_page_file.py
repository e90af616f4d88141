"""``zoo export --format page``: what somebody adds to the page of ``zoo demo``; all or nothing."""

import base64
import json
import zlib

import numpy as np
import pytest
import torch
from export_cases import CASES, RandomWeights, slow_where_large
from torch import nn

import zoo
from zoo.cli import main
from zoo.errors import InputError
from zoo.models.network import Network
from zoo.weights.export.page import to_page
from zoo.weights.export.page_file import PageNetwork
from zoo.weights.export.write import export

ON_PAGE = [name for name, case in CASES.items() if case[3] in ("MNIST", "CIFAR10")]
IN_8_BITS = {"alexnet-cifar", "cuda_convnet-11pct", "vgg11-bn"}


def numbers_of(said, block):
    """The numbers at one place of a block, by NumPy alone: float64."""
    kind = {"f32": "<f4", "f16": "<f2", "i8": "i1"}[said["kind"]]
    found = np.frombuffer(block, kind, int(np.prod(said["shape"])), said["at"]).reshape(said["shape"]).astype(float)
    if said["kind"] == "i8":
        found *= numbers_of(said["scale"], block).reshape(-1, *[1] * (found.ndim - 1))
    return found


@pytest.mark.parametrize("case", slow_where_large(ON_PAGE))
def test_a_file_has_the_weights_as_near_as_its_bits_allow(tmp_path, case):
    weights, path = RandomWeights(case), tmp_path / "network.json"
    done = export(weights, "page", path)
    assert [file.name for file in tmp_path.iterdir()] == ["network.json"]
    assert done.bits == (8 if case in IN_8_BITS else 16)
    assert done.agreement.num_images == done.rounding.num_images == 24
    read = json.loads(path.read_bytes())
    assert set(read) == {"network", "numbers"}
    assert (read["network"]["name"], read["network"]["data"]) == (weights.name, weights.data.class_name)
    block = zlib.decompress(base64.b85decode(read["numbers"]))
    layers = dict(weights.network().named_children())
    assert [said["name"] for said in read["network"]["layers"]] == list(layers)
    compared = 0
    for said in read["network"]["layers"]:
        weight = getattr(layers[said["name"]], "weight", None)
        # Batch normalisation is a factor and a shift there.
        if weight is None or weight.ndim < 2:
            continue
        expected = weight.detach().double().numpy()
        off = np.abs(expected).max() * (0.51 / 127 if done.bits == 8 else 2**-11)
        np.testing.assert_allclose(numbers_of(said["weight"], block), expected, rtol=0, atol=off)
        bias = layers[said["name"]].bias.detach().numpy()
        np.testing.assert_array_equal(numbers_of(said["bias"], block), bias)
        compared += 1
    assert compared >= 1
    # What the page makes of pixels.
    pixels = torch.randint(0, 256, (3, *read["network"]["stored"]), dtype=torch.uint8)
    prepared = PageNetwork(path.read_bytes()).prepared(pixels)
    torch.testing.assert_close(prepared, weights.transforms(as_is=True)(pixels), rtol=1e-5, atol=1e-5)


def test_the_verb_says_what_the_rounding_costs(tmp_path, capsys):
    assert main(["export", "cuda_convnet-11pct/cifar10", "--format", "page", "--output", str(tmp_path / "a.json")]) == 0
    told = capsys.readouterr().out
    assert "the same five classes lead on all" in told
    assert "Storing the weights in 8 bits moves the logits by 0." in told
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def another_number(read):
    weight = read["network"]["layers"][0]["weight"]
    block = bytearray(zlib.decompress(base64.b85decode(read["numbers"])))
    block[weight["at"] : weight["at"] + 2] = np.array([3], "<f2").tobytes()
    read["numbers"] = base64.b85encode(zlib.compress(bytes(block))).decode()


def another_offset(read):
    read["network"]["offset"] = [value + 0.01 for value in read["network"]["offset"]]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        pytest.param(another_number, "is not the network", id="number"),
        pytest.param(another_offset, "cannot prepare images", id="offset"),
    ],
)
def test_a_file_that_is_another_network_is_never_written(tmp_path, monkeypatch, spoil, sentence):
    def spoilt(weights):
        read = json.loads(to_page(weights))
        spoil(read)
        return json.dumps(read).encode()

    monkeypatch.setattr("zoo.weights.export.write.to_page", spoilt)
    with pytest.raises(InputError, match=sentence):
        export(zoo.get_weights("lenet5/mnist"), "page", tmp_path / "a.json")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lenet5/digits"], "was trained on Digits; the page has networks of MNIST and CIFAR10"),
        (["lenet5/mnist", "--half"], "--half does not apply to --format page"),
        (["lenet5/mnist", "--output", "nowhere/a.json"], "There is no folder nowhere"),
    ],
)
def test_what_the_page_has_no_place_for_is_one_sentence(in_folder, capsys, words, sentence):
    assert main(["export", *words, "--format", "page"]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("zoo: ")
    assert error.count("\n") == 1
    assert not [*in_folder.iterdir()]


class OneLayer(RandomWeights):
    """A network whose first layer is any."""

    def __init__(self, layer):
        super().__init__("lenet5")
        self.layer = layer

    def network(self):
        return Network({"odd": self.layer}, "paper", (1, 28, 28), {"num_classes": 10})


@pytest.mark.parametrize(
    "layer",
    [
        nn.GELU(), nn.Sequential(nn.ReLU(), nn.ReLU()), nn.Flatten(2), nn.Linear(784, 10, bias=False),
        nn.Conv2d(1, 2, 3, bias=False), nn.Conv2d(1, 2, (3, 5)), nn.Conv2d(1, 2, 3, padding=(1, 0)),
        nn.Conv2d(1, 2, 3, padding="same"), nn.Conv2d(1, 2, 3, stride=2), nn.MaxPool2d((2, 2)),
        nn.MaxPool2d(2, dilation=2), nn.AvgPool2d(2, divisor_override=3), nn.BatchNorm2d(1, affine=False),
        nn.BatchNorm2d(1, track_running_stats=False),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_a_layer_that_the_page_cannot_compute_is_named(layer):
    with pytest.raises(
        InputError, match=r"The page cannot compute the layer odd of random/lenet5, .*: leave it out\."
    ) as told:
        to_page(OneLayer(layer))
    assert "\n" not in str(told.value)


class Mine(Network):
    """Somebody's own chain of layers."""

    def __init__(self):
        layers = {"flat": nn.Flatten(), "units": nn.Linear(784, 10)}
        super().__init__(layers, "paper", (1, 28, 28), {"num_classes": 10})


class MyWeights(RandomWeights):
    """Weights of one's own network, for MNIST."""

    def network(self):
        return Mine()


def test_ones_own_network_has_no_year():
    read = json.loads(to_page(MyWeights("lenet5")))["network"]
    assert read["year"] is None
    assert [said["type"] for said in read["layers"]] == ["Flatten", "Linear"]


def test_numbers_that_16_bits_cannot_hold_are_refused():
    layer = nn.Linear(784, 10)
    nn.init.constant_(layer.weight, 70_000)
    with pytest.raises(InputError, match="odd of random/lenet5 has numbers that are not finite in the page's 16 bits"):
        to_page(OneLayer(layer))
