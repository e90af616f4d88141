"""What in an image excites a unit: the deconvnet of Zeiler and Fergus, against their rules written out."""

import torch
import torch.nn.functional as F
from torch import nn

import zoo
from zoo.figures.deconvnet import default_layer, project, reconstruct, strongest
from zoo.layers import ResponseNorm


class Rectified(torch.autograd.Function):
    """A ReLU whose way back passes what is positive of the signal, wherever the input was."""

    @staticmethod
    def forward(ctx, x):
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, slope):
        return slope.clamp(min=0)


def chain() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(6, 5, 3), nn.ReLU()
    )


def test_a_signal_goes_back_by_the_papers_rules():
    layers, image = chain(), torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    before = image.clone()
    with torch.no_grad():
        first = layers[0](image).relu()
        pooled, switches = F.max_pool2d(first, 2, return_indices=True)
        top = layers[3](pooled).relu()
        unit = torch.zeros_like(top)
        unit.view(-1)[top.argmax()] = top.max()
        # Rectify, filter transposed, unpool by the switches, rectify, filter transposed.
        signal = F.conv_transpose2d(unit.relu(), layers[3].weight)
        signal = F.max_unpool2d(signal, switches, 2, output_size=first.shape)
        expected = F.conv_transpose2d(signal.relu(), layers[0].weight, padding=1)
    found = project(layers, image, unit)
    torch.testing.assert_close(found, expected)
    assert float(found.abs().max()) > 0
    assert torch.equal(image, before)


def test_it_is_the_gradient_under_the_other_rule_for_the_relu_and_not_under_its_own():
    layers, images = chain(), torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    signal = torch.randn(4, 5, 2, 2, generator=torch.Generator().manual_seed(2))
    with_rule, plain = images.clone().requires_grad_(), images.clone().requires_grad_()
    x = with_rule
    for layer in layers:
        x = Rectified.apply(x) if isinstance(layer, nn.ReLU) else layer(x)
    found = project(layers, images, signal)
    torch.testing.assert_close(found, torch.autograd.grad(x, with_rule, signal)[0])
    gradient = torch.autograd.grad(layers(plain), plain, signal)[0]
    assert not torch.allclose(found, gradient, atol=1e-3)


def test_normalisation_passes_a_signal_as_it_is_and_without_a_relu_it_is_the_gradient():
    images = torch.rand(2, 4, 5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    norm = ResponseNorm(3, alpha=1.0, beta=0.75, k=1.0)
    assert torch.equal(project(nn.Sequential(norm), images, images), images)
    smooth = nn.Sequential(nn.Conv2d(4, 3, 3), nn.Tanh(), nn.AvgPool2d(3), nn.Flatten(), nn.Linear(3, 2)).double()
    read = images.clone().requires_grad_()
    signal = torch.ones(2, 2, dtype=torch.float64)
    torch.testing.assert_close(project(smooth, images, signal), torch.autograd.grad(smooth(read), read, signal)[0])


def test_the_signal_is_the_activation_at_the_units_strongest_place():
    network = zoo.load("cuda_convnet-18pct/cifar10").eval()
    inputs = 60 * torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    maps = network.features(inputs, "relu1").detach()
    assert torch.equal(strongest(network, "relu1", inputs), maps.amax(dim=(2, 3)))
    back, places = reconstruct(network, "relu1", 5, inputs)
    assert torch.equal(places, maps[:, 5].flatten(1).argmax(dim=1))
    # What a unit of the first block cannot see stays grey: the pooling before reaches over 5 + 2 pixels.
    seen = (back.abs().amax(dim=1) > 0).nonzero()
    for n, place in enumerate(places.tolist()):
        rows = seen[seen[:, 0] == n][:, 1]
        assert int(rows.max() - rows.min()) < 7
        assert 2 * (place // 16) - 2 <= int(rows.min())


def test_the_layer_shown_is_the_last_with_maps():
    assert default_layer(zoo.load("cuda_convnet-18pct/cifar10")) == "relu3"
    assert default_layer(zoo.load("alexnet-cifar/cifar10")) == "relu5"
    assert default_layer(zoo.load("lenet5/digits")) == "s4_squash"
