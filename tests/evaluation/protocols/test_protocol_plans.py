"""Protocols by name, the views they take, forward passes that are shared, and agreement with each model's own test."""

import numpy as np
import pytest
import torch
from torch import nn

import zoo.models
from zoo.errors import InputError
from zoo.evaluation.protocols import Geometry, protocol
from zoo.evaluation.protocols.plan import check_fits
from zoo.evaluation.protocols.scores import ensemble, scores
from zoo.models import protocol_of
from zoo.results.published import load
from zoo.views import Group

STORED = sorted({figure.protocol for figure in load().figures if figure.protocol})


@pytest.mark.parametrize("name", STORED)
def test_every_published_protocol_can_be_measured_under_its_stored_and_its_typed_name(name):
    found = protocol(name)
    assert found.name == name
    assert protocol(found.typed) == found
    assert "," not in found.typed
    assert " " not in found.typed


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("centre", "single view"),
        ("dense-224-256-288", "dense, Q = 224, 256, 288"),
        ("multi-crop-256", "50 crops, Q = 256"),
        ("multi-crop-256-384-512", "150 crops, Q = 256, 384, 512"),
        ("multi-crop+dense-384", "50 crops and dense, Q = 384"),
    ],
)
def test_names_for_the_command_line(typed, stored):
    assert protocol(typed).name == stored


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ten-crops", "did you mean ten-crop"),
        ("dens-384", "did you mean dense-384"),
        ("dense", "needs scales: dense-384"),
        ("dense-384-384", "different"),
        ("dense-0", "positive"),
        ("100 crops, Q = 256", "no protocol"),
        ("xyzzy", "there is centre, mirror, ten-crop"),
    ],
)
def test_other_names_are_refused_with_the_nearest(name, words):
    with pytest.raises(InputError, match=words):
        protocol(name)


GEOMETRY = Geometry((224, 224), 256, {256: (256, 341), 384: (384, 512), 512: (512, 683)})


@pytest.mark.parametrize(
    ("name", "number"),
    [("centre", 1), ("mirror", 2), ("ten-crop", 10), ("nine-crops", 9), ("six-views", 6), ("dense-384", 2),
     ("dense-256-384-512", 6), ("multi-crop-384", 50), ("multi-crop-256-384-512", 150),
     ("multi-crop+dense-256-384-512", 156)],
)  # fmt: skip
def test_a_protocol_has_as_many_views_as_its_name_says_with_weights_that_sum_to_1(name, number):
    weights = protocol(name).weights(GEOMETRY)
    assert len(weights) == number
    assert sum(weights.values()) == pytest.approx(1, abs=1e-12)


def test_dense_and_crops_have_half_the_weight_each():
    weights = protocol("multi-crop+dense-256-384").weights(GEOMETRY)
    assert sum(weight for view, weight in weights.items() if view.place is None) == pytest.approx(0.5)


def test_no_crop_of_the_grid_leaves_the_image_and_the_outermost_touch_its_edges():
    places = {view.place for view in protocol("multi-crop-512").weights(GEOMETRY)}
    assert len(places) == 25
    assert {min(p) for p in zip(*places, strict=True)} == {0}
    assert [max(p) for p in zip(*places, strict=True)] == [512 - 224, 683 - 224]


class Counting(nn.Module):
    """A linear network that notes how many images each forward pass had."""

    def __init__(self, size, num_classes=4):
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.forward_passes = nn.Linear(3 * size * size, num_classes).double(), []

    def forward(self, images):
        self.forward_passes.append(len(images))
        return self.linear(images.flatten(1))


def group_of(n, side, rows=None):
    generator = torch.Generator().manual_seed(side + n)
    images = torch.randn(n, 3, side, side, dtype=torch.float64, generator=generator)
    return Group(torch.arange(n) if rows is None else torch.tensor(rows), {side: images})


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_identical_views_go_through_the_network_once_and_passes_keep_to_the_limit(limit):
    network = Counting(8)
    names = ["centre", "ten-crop", "nine-crops", "multi-crop-12"]
    with torch.no_grad():
        scores(network, None, list(map(protocol, names)), [group_of(5, 12)], size=(8, 8), own=12, limit=limit)
    # A 5x5 grid over 4 spare pixels has every place from 0 to 4, so all others are among its 50 views.
    assert sum(network.forward_passes) == 5 * 50
    assert max(network.forward_passes) <= limit


def test_groups_come_back_in_the_order_of_the_batch_and_share_forward_passes():
    network, batch = Counting(8), group_of(5, 12)
    groups = [Group(torch.tensor(rows), {12: batch.images[12][rows]}) for rows in ([3, 0], [4], [1, 2])]
    protocols = [protocol("ten-crop"), protocol("centre")]
    with torch.no_grad():
        found = scores(network, None, protocols, groups, size=(8, 8), own=12, limit=100)
        assert network.forward_passes == [50]
        whole = scores(network, None, protocols, [batch], size=(8, 8), own=12, limit=100)
    for one, other in zip(found, whole, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_an_empty_share_of_a_step_has_no_scores():
    (found,) = scores(Counting(8), None, [protocol("ten-crop")], [group_of(0, 12)], size=(8, 8), own=12, limit=10)
    assert found.shape == (0, 4)


def test_a_single_view_keeps_the_networks_logits():
    network, batch = Counting(8), group_of(3, 8)
    (found,) = scores(network, None, [protocol("centre")], [batch], size=(8, 8), own=8, limit=10)
    assert torch.equal(found, network(batch.images[8]))


def test_an_ensemble_is_the_mean_of_the_probabilities():
    members = [torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(n)) for n in range(3)]
    wanted = np.zeros((6, 4))
    for logits in members:
        raised = np.exp(logits.numpy())
        wanted += raised / raised.sum(axis=1, keepdims=True) / 3
    np.testing.assert_allclose(ensemble(members).numpy(), np.log(wanted), rtol=0, atol=1e-12)
    assert ensemble(members[:1]) is members[0]


@pytest.mark.parametrize(
    ("model", "variant"),
    [("CudaConvnetModel", "11pct"), ("CudaConvnetModel", "13pct"), ("CudaConvnetModel", "18pct"),
     ("ConvNetJSModel", "paper"), ("LeNet5Model", "paper")],
)  # fmt: skip
def test_each_models_own_protocol_gives_what_its_own_test_does(model, variant):
    torch.manual_seed(0)
    made = getattr(zoo.models, model)(**({"variant": variant} if model != "ConvNetJSModel" else {})).eval().double()
    channels, size = made.network.input_shape[0], made.network.input_shape[1:]
    images = torch.rand(4, channels, 32, 32, dtype=torch.float64) - 0.5
    assert protocol_of(made.network.name, variant) == made.protocol
    with torch.no_grad():
        (found,) = scores(
            made.network, None, [protocol(made.protocol)], [Group(torch.arange(4), {32: images})],
            size=size, own=32, limit=128,
        )  # fmt: skip
        torch.testing.assert_close(found, made.test_logits(images), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "size", "own", "words"),
    [
        ("ten-crop", 32, (32, 32), "ten-crop takes crops out of larger images"),
        ("nine-crops", 224, 224, "nine-crops takes crops out of larger images"),
        ("dense-384", 32, (32, 32), "32x32 for good: choose a protocol without scales, or dense-32"),
        ("multi-crop-256-384", 32, (32, 32), "multi-crop-256-384 scales photographs"),
        ("dense-200-384", 224, 256, "200 pixels, but the network takes 224x224"),
        ("centre", 32, (28, 28), "images are 28x28, but the network takes 32x32"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_way_out(name, size, own, words):
    with pytest.raises(InputError, match=words):
        check_fits(protocol(name), (size, size), own)


@pytest.mark.parametrize(
    ("name", "size", "own"),
    [("dense-32", 32, (32, 32)), ("six-views", 32, (32, 32)), ("centre", 24, (32, 32)), ("ten-crop", 224, 256),
     ("dense-224-256-288", 224, 256), ("centre", 1, (1, 6))],
)  # fmt: skip
def test_what_fits_is_let_through(name, size, own):
    check_fits(protocol(name), (size, size), own)
