"""The layers of cuda-convnet's networks against loops over pixels, in float64."""

from itertools import product

import pytest
import torch
from tensor_cases import assert_equal_to_the_loop, random
from torch import nn

from zoo.layers import Local2d, ResponseNorm, SameMapNorm
from zoo.models.network import Network
from zoo.models.summary import summarize


def local(*geometry: int, padding: int = 0) -> Local2d:
    """A local layer in float64 with every parameter random."""
    layer = Local2d(*geometry, padding=padding).double()
    for seed, parameter in enumerate(layer.parameters(), start=1):
        parameter.data = random(*parameter.shape, seed=seed)
    return layer


def windows(height: int, width: int, size: int, step: int):
    """Each output place with the pixels of its window that exist: as many windows as it takes to reach all pixels."""
    rows, columns = -(-(height - size) // step) + 1, -(-(width - size) // step) + 1
    for i, j in product(range(rows), range(columns)):
        ys = [y for y in range(i * step, i * step + size) if y < height]
        xs = [x for x in range(j * step, j * step + size) if x < width]
        yield (i, j), list(product(ys, xs))


@pytest.mark.parametrize("shape", [(8, 8), (7, 12), (3, 4), (9, 3)])
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_ceil_pooling_equals_a_loop_with_clipped_windows(kind, shape):
    x = random(2, 3, *shape)
    layer = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}[kind](3, stride=2, ceil_mode=True)
    places = dict(windows(*shape, 3, 2))
    rows, columns = (max(place[axis] for place in places) + 1 for axis in (0, 1))
    expected = torch.empty(2, 3, rows, columns, dtype=torch.float64)
    for (i, j), pixels in places.items():
        values = torch.stack([x[:, :, y, z] for y, z in pixels])
        expected[:, :, i, j] = values.amax(dim=0) if kind == "max" else values.sum(dim=0) / len(pixels)
    assert_equal_to_the_loop(layer(x), expected)


def test_the_last_average_counts_the_pixels_inside_only():
    ones = torch.ones(1, 1, 8, 8)
    assert torch.equal(nn.AvgPool2d(3, stride=2, ceil_mode=True)(ones), torch.ones(1, 1, 4, 4))


@pytest.mark.parametrize(("size", "shape"), [(3, (5, 4)), (5, (6, 7)), (5, (2, 3)), (1, (3, 3))])
def test_same_map_norm_equals_a_loop_over_the_neighbourhood(size, shape):
    x = 10 * random(2, 3, *shape)
    height, width = shape
    expected = torch.empty_like(x)
    for y, z in product(range(height), range(width)):
        near = [
            x[:, :, v, w] ** 2
            for v, w in product(range(height), range(width))
            if abs(v - y) <= size // 2 and abs(w - z) <= size // 2
        ]
        expected[:, :, y, z] = x[:, :, y, z] / (1 + 0.02 * sum(near)) ** 0.75
    assert_equal_to_the_loop(SameMapNorm(size, alpha=0.02, beta=0.75, k=1)(x), expected)


@pytest.mark.parametrize("size", [0, 2, -3])
def test_same_map_norm_refuses_a_neighbourhood_without_a_middle(size):
    with pytest.raises(ValueError, match=f"odd side, not {size}"):
        SameMapNorm(size, alpha=1.0, beta=0.75, k=1)


def test_cross_map_norm_of_size_nine_equals_a_loop_with_clipped_windows():
    x = 10 * random(2, 16, 3, 2)
    expected = torch.empty_like(x)
    for i in range(16):
        total = sum(x[:, j] ** 2 for j in range(16) if i - 4 <= j <= i + 4)
        expected[:, i] = x[:, i] / (1 + 0.001 / 9 * total) ** 0.75
    assert_equal_to_the_loop(ResponseNorm(9, alpha=0.001 / 9, beta=0.75, k=1)(x), expected)


@pytest.mark.parametrize(("kernel", "side", "padding"), [(3, 4, 1), (3, 5, 0), (2, 3, 0), (3, 3, 2), (5, 4, 2)])
def test_local_layer_equals_a_loop_over_its_places(kernel, side, padding):
    layer, x = local(2, 3, kernel, side, padding=padding), random(4, 2, side, side, seed=9)
    places = side + 2 * padding - kernel + 1
    expected = torch.zeros(4, 3, places, places, dtype=torch.float64)
    for o, i, j in product(range(3), range(places), range(places)):
        expected[:, o, i, j] = layer.bias[o, i, j]
        for c, v, w in product(range(2), range(kernel), range(kernel)):
            y, z = i + v - padding, j + w - padding
            if 0 <= y < side and 0 <= z < side:
                expected[:, o, i, j] += layer.weight[i, j, o, c, v, w] * x[:, c, y, z]
    assert_equal_to_the_loop(layer(x), expected)


def tied(conv: nn.Conv2d, side: int) -> Local2d:
    """The local layer in which every place has the filters of ``conv``."""
    layer = Local2d(conv.in_channels, conv.out_channels, 3, side, padding=1).double()
    layer.weight.data = conv.weight.data.expand_as(layer.weight).clone()
    layer.bias.data = conv.bias.data[:, None, None].expand_as(layer.bias).clone()
    return layer


def test_a_local_layer_with_tied_weights_is_a_convolution_and_so_are_its_slopes():
    conv = nn.Conv2d(3, 4, 3, padding=1).double()
    layer = tied(conv, 6)
    ours, theirs = (random(5, 3, 6, 6).requires_grad_() for _ in range(2))
    weight = random(5, 4, 6, 6, seed=2)
    assert_equal_to_the_loop(layer(ours), conv(theirs))
    (layer(ours) * weight).sum().backward()
    (conv(theirs) * weight).sum().backward()
    assert_equal_to_the_loop(ours.grad, theirs.grad)
    # A shared weight collects what the separate ones find apart.
    assert_equal_to_the_loop(layer.weight.grad.sum(dim=(0, 1)), conv.weight.grad)
    assert_equal_to_the_loop(layer.bias.grad.sum(dim=(1, 2)), conv.bias.grad)


def test_a_local_layer_takes_images_stored_channels_last_and_none_at_all():
    layer, x = local(2, 3, 3, 4, padding=1), random(2, 2, 4, 4)
    assert torch.equal(layer(x.contiguous(memory_format=torch.channels_last)), layer(x))
    assert layer(x[:0]).shape == (0, 3, 4, 4)


def test_a_local_layer_uses_each_weight_once():
    (row,) = summarize(Network({"local": Local2d(2, 3, 3, 4, padding=1)}, "paper", (2, 4, 4), {}))
    assert (row.kind, row.kernel, row.stride, row.padding) == ("local", 3, 1, 1)
    assert (row.macs, row.parameters) == (16 * 2 * 3 * 9, 16 * (2 * 3 * 9 + 3))


@pytest.mark.parametrize("shape", [(1, 2, 5, 4), (1, 2, 4, 5), (1, 2, 5, 5)])
def test_a_local_layer_refuses_maps_of_another_size(shape):
    with pytest.raises(ValueError, match="4x4"):
        local(2, 3, 3, 4)(random(*shape))


def test_a_local_layer_needs_room_for_a_filter():
    with pytest.raises(ValueError, match="5x5 layer does not fit a 2x2 map"):
        Local2d(1, 1, 5, 2, padding=1)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.MaxPool2d(3, stride=2, ceil_mode=True), (1, 2, 4, 6)),
        (nn.AvgPool2d(3, stride=2, ceil_mode=True), (1, 2, 4, 6)),
        (SameMapNorm(3, alpha=0.3, beta=0.75, k=1), (2, 2, 3, 4)),
        (ResponseNorm(9, alpha=0.3, beta=0.75, k=1), (1, 12, 1, 2)),
        (local(2, 3, 3, 3, padding=1), (2, 2, 3, 3)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_slopes_equal_finite_differences(layer, shape):
    names, values = zip(*layer.named_parameters(), strict=True) if list(layer.parameters()) else ((), ())

    def function(images, *parameters):
        return torch.func.functional_call(layer, dict(zip(names, parameters, strict=True)), images)

    inputs = (random(*shape, seed=7).requires_grad_(), *(value.detach().requires_grad_() for value in values))
    assert torch.autograd.gradcheck(function, inputs)
