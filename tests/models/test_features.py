"""Every named layer's output, of every network that the catalog has."""

import pytest
import torch
from torch import nn

import zoo
from zoo.catalog import NETWORKS
from zoo.errors import InputError
from zoo.models.summary import summarize

FORMS = [(name, variant) for name, entry in NETWORKS.items() for variant in entry.variants]


@pytest.mark.parametrize(("name", "variant"), FORMS, ids=[f"{name}-{variant}" for name, variant in FORMS])
def test_every_layer_of_every_network_by_its_name(name, variant):
    with torch.device("meta"):
        network = zoo.get_model(name, variant=variant)
    images = torch.empty(2, *network.input_shape, device="meta")
    rows = summarize(network)
    assert [row.name for row in rows] == [layer for layer, _ in network.named_children()]
    # One layer of each kind, and the last: a walk to every layer of VGG-19 would take its time.
    chosen = {row.kind: row for row in rows} | {"last": rows[-1]}
    for row in chosen.values():
        with torch.inference_mode():
            assert network.features(images, row.name).shape == (2, *row.output_shape)


@pytest.mark.parametrize("name", ["lenet5", "convnetjs", "mlp", "symmetry", "cuda_convnet"])
def test_they_are_what_a_hook_sees_while_the_network_runs(name):
    network = zoo.get_model(name)
    images = torch.rand(2, *network.input_shape)
    seen = {}
    for layer, module in network.named_children():
        # A copy at once: a ReLU in place writes over what it reads.
        module.register_forward_hook(lambda _, inputs, output, layer=layer: seen.update({layer: output.clone()}))
    with torch.inference_mode():
        logits = network(images)
        expected = dict(seen)
        for layer, values in expected.items():
            assert torch.equal(network.features(images, layer), values), layer
        assert torch.equal(network.features(images, list(expected)[-1]), logits)


def test_gradients_reach_the_images():
    network = zoo.get_model("lenet5")
    images = torch.rand(1, 1, 32, 32, requires_grad=True)
    network.features(images, "c3").sum().backward()
    assert images.grad.abs().sum() > 0
    assert network.f6.weight.grad is None


@pytest.mark.parametrize("layer", ["c9", "", "c1.weight", "0", "forward"])
def test_an_unknown_layer_is_refused_with_the_names(layer):
    with pytest.raises(InputError, match=r"lenet5 paper has no layer .*: there is c1, c1_squash, s2, .*logits"):
        zoo.get_model("lenet5").features(torch.zeros(1, 1, 32, 32), layer)


def test_a_fine_tuned_network_is_an_ordinary_module():
    network = zoo.get_model("lenet5", variant="modern", num_classes=3)
    assert isinstance(network, nn.Module)
    assert network.features(torch.zeros(1, 1, 32, 32), "output").shape == (1, 3)
