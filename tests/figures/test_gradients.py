"""Where an answer comes from, on networks of which that is known."""

import torch
from torch import nn

import zoo
from zoo.figures.gradients import grad_cam_maps, saliency_maps
from zoo.models.network import Network


def test_of_a_linear_network_the_saliency_is_the_weights():
    network = zoo.load("linear/cifar10")
    inputs, classes = torch.randn(3, 3, 32, 32), torch.tensor([2, 9, 2])
    expected = network.fc.weight.detach()[classes].view(3, 3, 32, 32).abs().amax(dim=1)
    torch.testing.assert_close(saliency_maps(network, inputs, classes), expected)


def test_of_a_network_with_mean_pooling_grad_cam_is_the_class_activation_map():
    torch.manual_seed(0)
    layers = {
        "conv": nn.Conv2d(3, 4, 3),
        "relu": nn.ReLU(inplace=True),
        "pool": nn.AvgPool2d(6),
        "flatten": nn.Flatten(),
    }
    network = Network(layers | {"fc": nn.Linear(4, 5)}, "paper", (3, 8, 8), {"num_classes": 5})
    inputs, classes = torch.randn(2, 3, 8, 8), torch.tensor([4, 1])
    maps = network.conv(inputs).relu().detach()
    weights = network.fc.weight.detach()[classes]
    # Zhou et al. 2016: the maps by the weights of the class; each of the 36 places has a share of the mean.
    expected = torch.einsum("nc,nchw->nhw", weights, maps).relu() / 36
    torch.testing.assert_close(grad_cam_maps(network, inputs, classes, "relu"), expected)
    # The ReLU after it may write over what it reads.
    assert grad_cam_maps(network, inputs, classes, "conv").shape == (2, 6, 6)
