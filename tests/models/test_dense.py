"""A network moved over larger images: equal to the linear form at its size, to its windows, and to its crops."""

import re

import pytest
import torch
from torch import nn

import zoo
from zoo.errors import InputError
from zoo.models import fully_convolutional

pytestmark = pytest.mark.usefixtures("seeded")


def small_vgg(input_size: int, **options) -> nn.Module:
    """VGG-11 with few classes, in float64, biases not zero, at He's scale so that the logits are of order 1."""
    with torch.device("meta"):
        network = zoo.get_model("vgg11", input_size=input_size, num_classes=3, **options).eval()
    network = network.to(torch.float64).to_empty(device="cpu")
    for parameter in network.parameters():
        reach = (6 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.1
        parameter.data.uniform_(-reach, reach)
    return network


def test_at_224_the_map_is_one_pixel_and_equals_the_linear_form():
    network = small_vgg(224)
    images = torch.randn(1, 3, 224, 224, dtype=torch.float64)
    dense = fully_convolutional(network)
    assert dense.fc6.kernel_size == (7, 7)
    assert dense.fc7.kernel_size == dense.fc8.kernel_size == (1, 1)
    with torch.inference_mode():
        logits, scores = network(images), dense(images)
    assert logits.std() > 0.1
    assert scores.shape == (1, 3, 1, 1)
    torch.testing.assert_close(scores[:, :, 0, 0], logits, rtol=0, atol=1e-9)


@pytest.mark.parametrize("head", ["paper", "linear"])
def test_each_pixel_of_the_map_is_one_window_of_the_last_poolings_map(head):
    network = small_vgg(64, head=head)
    # Neither side a multiple of 32: poolings leave out the last rows and columns.
    images = torch.randn(2, 3, 107, 140, dtype=torch.float64)
    flat = next(place for place, (name, _) in enumerate(network.named_children()) if name == "flatten")
    with torch.inference_mode():
        scores = fully_convolutional(network)(images)
        maps = network[:flat](images)
        assert maps.shape == (2, 512, 3, 4)
        assert scores.shape == (2, 3, 2, 3)
        for i in range(2):
            for j in range(3):
                logits = network[flat:](maps[:, :, i : i + 2, j : j + 2])
                torch.testing.assert_close(scores[:, :, i, j], logits, rtol=0, atol=1e-10)


def test_without_padding_each_pixel_of_the_map_is_the_network_on_the_image_cut_out_there():
    network = small_vgg(32)
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            layer.padding = (0, 0)
    network.input_shape = (3, 150, 150)
    # 150 = what unpadded 3x3 convolutions and five poolings reduce to one pixel; neighbouring windows are 32 apart.
    images = torch.randn(1, 3, 150, 182, dtype=torch.float64)
    with torch.inference_mode():
        scores = fully_convolutional(network)(images)
        assert scores.shape == (1, 3, 1, 2)
        for j in range(2):
            logits = network(images[:, :, :, 32 * j : 32 * j + 150])
            torch.testing.assert_close(scores[:, :, 0, j], logits, rtol=0, atol=1e-10)


def test_with_padding_it_is_not_as_the_paper_says_of_crops():
    network = small_vgg(32, head="linear")
    images = torch.randn(1, 3, 32, 64, dtype=torch.float64)
    with torch.inference_mode():
        scores = fully_convolutional(network)(images)
        assert (scores[:, :, 0, 0] - network(images[:, :, :, :32])).abs().max() > 1e-3


def test_weights_are_shared_not_copied_and_the_mode_is_kept():
    network = small_vgg(32).train()
    dense = fully_convolutional(network)
    assert dense.training
    assert not fully_convolutional(network.eval()).training
    assert {p.untyped_storage().data_ptr() for p in dense.parameters()} == {
        p.untyped_storage().data_ptr() for p in network.parameters()
    }


def test_alexnet_moves_over_larger_images_too():
    network = zoo.get_model("alexnet", variant="torchvision", input_size=64, num_classes=3).eval()
    dense = fully_convolutional(network)
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(dense(images)[:, :, 0, 0], network(images), rtol=1e-5, atol=1e-6)
        assert dense(torch.randn(1, 3, 96, 128)).shape == (1, 3, 2, 3)


@pytest.mark.parametrize(
    ("name", "shape", "pixels"),
    [("vgg16", (256, 341), (2, 4)), ("vgg19", (384, 512), (6, 10)), ("vgg11", (224, 255), (1, 1))],
)
def test_the_map_has_a_pixel_for_each_step_of_32(name, shape, pixels):
    with torch.device("meta"):
        scores = fully_convolutional(zoo.get_model(name))(torch.empty(1, 3, *shape))
    assert scores.shape == (1, 1000, *pixels)


@pytest.mark.parametrize("shape", [(63, 64), (64, 63)])
def test_an_image_that_is_too_small_is_refused_in_one_sentence(shape):
    with torch.device("meta"):
        dense = fully_convolutional(zoo.get_model("vgg11", input_size=64))
    with pytest.raises(InputError, match=re.escape("{}x{} are too small".format(*shape)) + ".*at least 64x64"):
        dense(torch.empty(1, 3, *shape, device="meta"))


@pytest.mark.parametrize(
    ("name", "words"), [("mlp", "mlp has no convolutions"), ("lenet5", "lenet5's layer f6_squash cannot")]
)
def test_networks_of_another_build_are_refused(name, words):
    with pytest.raises(ValueError, match=words):
        fully_convolutional(zoo.get_model(name))
