"""Weights that are shown as images are the weights."""

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo import figures
from zoo.errors import InputError
from zoo.figures.first_filters import filter_images
from zoo.figures.output_codes import bitmaps
from zoo.figures.tiles import signed_colours
from zoo.figures.unit_templates import template_images
from zoo.models.lenet5_codes import DIGITS


@pytest.mark.parametrize(("weights", "layer"), [("linear/cifar10", "fc"), ("mlp/mnist", "fc1")])
def test_templates_are_the_rows_of_the_weights(weights, layer):
    state = zoo.load(weights).state_dict()
    name, images = template_images(zoo.load(weights))
    assert name == layer
    for unit in (0, 7):
        row = state[f"{layer}.weight"][unit].reshape(images.shape[1:])
        assert torch.equal(images[unit], row)


def test_what_is_drawn_of_a_grey_unit_are_its_weights_on_one_scale():
    weight = zoo.load("linear/mnist").fc.weight.detach()
    figure = figures.templates("linear/mnist", units=[3, 8])
    drawn = figure.axes[0].images
    assert np.array_equal([image.get_array() for image in drawn], weight[[3, 8]].view(2, 28, 28))
    assert drawn[0].get_clim() == drawn[1].get_clim() == (-weight[[3, 8]].abs().max(), weight[[3, 8]].abs().max())
    assert [text.get_text() for text in figure.axes[0].texts] == ["3", "8"]


def test_of_a_colour_grey_is_zero_and_full_colour_the_largest_weight():
    weights = torch.zeros(1, 3, 1, 3)
    weights[0, :, 0, 0] = torch.tensor([0.5, 0.0, 0.0])
    weights[0, :, 0, 1] = torch.tensor([0.0, -2.0, 0.0])
    assert signed_colours(weights)[0, 0].tolist() == [[0.625, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.5]]


def test_two_towers_are_apart_and_one_is_whole():
    kernels = zoo.load("alexnet-cifar/cifar10").conv1.weight.detach()
    panels = figures.filters("alexnet-cifar/cifar10").axes
    assert [panel.get_title() for panel in panels] == ["tower 1: kernels 0 to 47", "tower 2: kernels 48 to 95"]
    assert [len(panel.images) for panel in panels] == [48, 48]
    assert np.array_equal(panels[1].images[0].get_array(), signed_colours(kernels[48:49])[0])
    assert filter_images(zoo.get_model("alexnet", variant="joined", input_size=67))[2] == 1
    assert filter_images(zoo.get_model("neocognitron"))[1].shape == (24, 1, 5, 5)


def test_a_network_without_a_convolution_has_no_filters():
    with pytest.raises(InputError, match="linear paper does not begin with a convolution: templates"):
        figures.filters("linear/mnist")


def test_the_bitmaps_are_the_characters_of_the_source():
    codes = bitmaps(zoo.load("lenet5/digits"))
    rows = [line.split() for line in DIGITS.split("\n") if line]
    for digit in range(10):
        assert ["".join("#" if cell > 0 else "." for cell in row) for row in codes[digit]] == [r[digit] for r in rows]
    with pytest.raises(InputError, match="linear paper has no output units with bitmaps"):
        figures.rbf("linear/mnist")


def test_a_picture_has_150_pixels_an_inch(tmp_path):
    figures.save(figures.rbf("lenet5/digits"), tmp_path / "f.png")
    with Image.open(tmp_path / "f.png") as image:
        assert image.size[0] == 8 * 150
