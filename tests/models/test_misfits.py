"""The sentences of ``zoo info`` where a filter does not fit its input, and the layers it refuses to count."""

import re

import pytest
import torch
from torch import nn

from zoo.models.network import Network
from zoo.models.summary import misfits, summarize
from zoo.report.network import describe


def test_misfit_of_alexnet():
    start = "conv1: 11x11 at stride 4 does not fit 224 evenly: "
    assert describe("alexnet")["misfits"] == [
        start + "(224 - 11 + 2*0)/4 + 1 = 54.25; 3 zero columns and rows at the right and bottom make it 227: 55."
    ]
    assert describe("alexnet", "torchvision")["misfits"] == [
        start + "(224 - 11 + 2*2)/4 + 1 = 55.25, rounded down to 55; the last zero column and row are not read."
    ]
    assert describe("alexnet", "cifar")["misfits"] == [
        "pool1: 3x3 at stride 2 does not fit 32 evenly: (32 - 3 + 2*0)/2 + 1 = 15.5, rounded down to 15;"
        " the last column and row are not read."
    ]


def test_misfit_of_alexnet_at_other_sizes():
    (sentence,) = describe("alexnet", input_size=227)["misfits"]
    assert sentence.startswith("conv1: 11x11 at stride 4 fits 227 evenly: (227 - 11 + 2*0)/4 + 1 = 55; 3 zero")
    assert sentence.endswith("make it 230: 55.75, rounded down to 55; the last 3 zero columns and rows are not read.")
    (sentence,) = describe("alexnet", "torchvision", 226)["misfits"]
    assert sentence.endswith(
        "= 55.75, rounded down to 55;"
        " the zeros at the right and bottom and the last column and row before them are not read."
    )


@pytest.mark.parametrize("name", ["perceptron", "linear", "mlp", "lenet5", "vgg16"])
def test_the_other_networks_fit(name):
    assert describe(name)["misfits"] == []


@pytest.mark.parametrize("side", range(9, 15))
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(3, 2, 0), (3, 2, 1), (5, 4, 0), (5, 4, 1), (5, 4, 2), (3, 1, 1)]
)
def test_what_is_not_read_is_what_has_no_gradient(side, kernel, stride, padding):
    layer = nn.Conv2d(1, 1, kernel, stride, padding)
    nn.init.ones_(layer.weight)
    image = torch.zeros(1, 1, side, side, requires_grad=True)
    layer(image).sum().backward()
    unread = int((image.grad[0, 0].sum(dim=0) == 0).sum())
    sentences = misfits(summarize(Network({"conv": layer}, "paper", (1, side, side), {})))
    assert len(sentences) == bool((side - kernel + 2 * padding) % stride)
    found = re.search(r"last (\d*) ?columns? and rows?( before them)? are not read", "".join(sentences))
    assert (int(found[1] or 1) if found else 0) == unread


def test_rounding_up():
    network = Network({"pool": nn.MaxPool2d(3, 2, ceil_mode=True)}, "paper", (1, 32, 32), {})
    assert misfits(summarize(network)) == [
        "pool: 3x3 at stride 2 does not fit 32 evenly: (32 - 3 + 2*0)/2 + 1 = 15.5, rounded up to 16;"
        " the last filters reach past the edge by 1."
    ]


def test_layers_without_a_rule_are_programming_errors():
    for layer in (nn.ConvTranspose2d(1, 1, 3), nn.Conv2d(1, 1, (3, 5)), nn.ZeroPad2d(1)):
        with pytest.raises(TypeError):
            summarize(Network({"layer": layer}, "paper", (1, 8, 8), {}))
