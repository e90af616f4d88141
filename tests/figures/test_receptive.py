"""Receptive fields are those that changed pixels find, and those that others publish."""

import pytest
import torch

import zoo
from zoo.figures.receptive import field_of, fields
from zoo.figures.sliding_window import positions

CASES = [
    ("lenet5", "paper", {}), ("convnetjs", "paper", {}), ("cuda_convnet", "18pct", {}), ("cuda_convnet", "11pct", {}),
    ("alexnet", "paper", {"input_size": 67}), ("alexnet", "cifar", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "variant", "options"), CASES)
def test_a_unit_changes_with_the_rows_of_its_field_and_with_no_other(name, variant, options):
    torch.manual_seed(0)
    network = zoo.get_model(name, variant=variant, **options).double().eval()
    for parameter in network.parameters():
        # Of a sign that lets ReLUs through, and too small to drive a squash into its ends.
        torch.nn.init.uniform_(parameter, 0.02, 0.1)
    side = network.input_shape[1]
    generator = torch.Generator().manual_seed(1)
    base = 0.1 * torch.rand(network.input_shape, generator=generator, dtype=torch.float64)
    # One image for each row, in which that row alone is brighter, and the image itself.
    images = base.repeat(side + 1, 1, 1, 1)
    images[torch.arange(side), :, torch.arange(side)] += 0.2
    found = fields(network)
    x, layers = images, dict(network.named_children())
    for field in found:
        with torch.no_grad():
            x = layers[field.layer](x.clone())
        place = field.places // 2
        before, after = x[-1:, :, place], x[:-1, :, place]
        # An image's place in a batch may change the rounding of its sums.
        moved = (after - before).abs() > 1e-11 * before.abs()
        changed = moved.flatten(1).any(dim=1).nonzero().flatten().tolist()
        begin, end = field.of(place)
        assert changed == list(range(max(begin, 0), min(end, side))), field
        assert x.shape[2] == field.places
    assert len(found) >= 6


@pytest.mark.parametrize(
    ("name", "variant", "layer", "size", "step"),
    [
        # Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill 2019.
        ("vgg16", "paper", "pool5", 212, 32), ("alexnet", "torchvision", "pool5", 195, 32),
        # "Visualizing and understanding", figure 3, and LeNet-5's figure 2 by hand.
        ("alexnet", "paper", "conv1", 11, 4), ("lenet5", "paper", "s4", 16, 4), ("lenet5", "paper", "c5", 32, 4),
    ],
)  # fmt: skip
def test_sizes_are_the_published_ones(name, variant, layer, size, step):
    with torch.device("meta"):
        network = zoo.get_model(name, variant=variant)
    field = field_of(network, layer)
    assert (field.size, field.step) == (size, step)


def test_what_follows_the_maps_sees_everything():
    assert field_of(zoo.get_model("lenet5"), "f6") is None
    assert fields(zoo.get_model("linear")) == []


def test_the_lectures_filter_stops_five_times_three_times_and_does_not_fit():
    assert positions(7, 3, 1) == ([0, 1, 2, 3, 4], 0)
    assert positions(7, 3, 2) == ([0, 2, 4], 0)
    assert positions(7, 3, 3) == ([0, 3], 1)
