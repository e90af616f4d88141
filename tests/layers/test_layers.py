"""The papers' own layers against loops that follow the printed formulas, in float64."""

import math
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from tensor_cases import assert_equal_to_the_loop, random
from torch import nn

from zoo.layers import RBF, Maxout, Negative, ResponseNorm, ScaledTanh, Subsampling, TableConv2d
from zoo.models.lenet5 import C3_TABLE
from zoo.models.lenet5_model import map_losses

# Table I of the 1998 paper, one row a map of C3, typed apart from the package's own copy.
TABLE_I = ["012", "123", "234", "345", "045", "015", "0123", "1234", "2345", "0345", "0145", "0125", "0134", "1245"]
TABLE_I += ["0235", "012345"]


def filled(layer: nn.Module) -> nn.Module:
    """The layer in float64 with every parameter random: zeros would hide a forgotten term."""
    layer = layer.double()
    for seed, parameter in enumerate(layer.parameters(), start=1):
        parameter.data = random(*parameter.shape, seed=seed)
    return layer


def test_scaled_tanh_has_the_figures_of_appendix_a():
    squash = ScaledTanh()
    x = torch.tensor([1.0, -1.0, 0.0, 1e3], dtype=torch.float64, requires_grad=True)
    y = squash(x)
    y.sum().backward()
    assert y.tolist() == pytest.approx([0.9999973, -0.9999973, 0, 1.7159], abs=5e-8)
    assert x.grad[2].item() == pytest.approx(1.143933, abs=5e-7)


def test_scaled_tanh_equals_the_formula_point_by_point():
    x = random(50)
    expected = torch.tensor([1.7159 * math.tanh(2 * v / 3) for v in x.tolist()], dtype=torch.float64)
    assert_equal_to_the_loop(ScaledTanh()(x), expected)


def test_subsampling_sums_its_neighbourhood_and_scales_and_shifts_each_map():
    layer, x = filled(Subsampling(3)), random(2, 3, 4, 6, seed=9)
    expected = torch.empty(2, 3, 2, 3, dtype=torch.float64)
    for n, m, i, j in product(range(2), range(3), range(2), range(3)):
        total = sum(x[n, m, 2 * i + a, 2 * j + b] for a in (0, 1) for b in (0, 1))
        expected[n, m, i, j] = layer.coefficient[m] * total + layer.bias[m]
    assert_equal_to_the_loop(layer(x), expected)


@pytest.mark.parametrize("shape", [(1, 2, 5, 4), (1, 2, 4, 5)])
def test_subsampling_refuses_odd_maps(shape):
    with pytest.raises(ValueError, match=f"{shape[2]}x{shape[3]}"):
        filled(Subsampling(2))(random(*shape))


def test_c3_reads_the_maps_of_table_i():
    assert ["".join(map(str, row)) for row in C3_TABLE] == TABLE_I


def test_table_convolution_equals_a_loop_over_its_kernels():
    layer, x = (filled(TableConv2d(C3_TABLE, in_maps=6, size=5)), random(2, 6, 7, 8, seed=9))
    expected = torch.zeros(2, 16, 3, 4, dtype=torch.float64)
    kernels = iter(layer.weight)
    for out, row in enumerate(TABLE_I):
        expected[:, out] += layer.bias[out]
        for source in map(int, row):
            kernel = next(kernels)
            for i, j in product(range(3), range(4)):
                expected[:, out, i, j] += (x[:, source, i : i + 5, j : j + 5] * kernel).sum(dim=(1, 2))
    assert next(kernels, None) is None
    assert_equal_to_the_loop(layer(x), expected)


def test_table_convolution_ignores_the_maps_that_are_not_in_the_table():
    layer, x = (filled(TableConv2d(C3_TABLE, in_maps=6, size=5)), random(1, 6, 5, 5, seed=9))
    before = layer(x).flatten()
    for source in range(6):
        changed = x.clone()
        changed[:, source] += 1
        differs = (layer(changed).flatten() != before).tolist()
        assert differs == [str(source) in row for row in TABLE_I]


def test_rbf_gives_squared_distances_and_trains_no_codes():
    codes, x = random(4, 7, seed=1), random(3, 7, seed=2)
    expected = [[sum((x[n, j] - codes[i, j]) ** 2 for j in range(7)) for i in range(4)] for n in range(3)]
    layer = RBF(codes)
    assert_equal_to_the_loop(layer(x), torch.tensor(expected, dtype=torch.float64))
    assert list(layer.parameters()) == []
    assert torch.equal(Negative()(layer(x)), -layer(x))


def test_maxout_takes_the_largest_of_neighbouring_pieces():
    x = random(4, 12)
    expected = [[max(x[n, 3 * unit + piece].item() for piece in range(3)) for unit in range(4)] for n in range(4)]
    assert_equal_to_the_loop(Maxout(3)(x), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_response_norm_equals_the_printed_formula_inside_each_group(size, groups):
    x, maps = 10 * random(2, 8, 2, 3), 8
    layer = ResponseNorm(size, alpha=0.02, beta=0.75, k=2, groups=groups)
    part, reach = maps // groups, size // 2
    expected = torch.empty_like(x)
    for i in range(maps):
        first = i // part * part
        window = range(max(first, i - reach), min(first + part - 1, i + reach) + 1)
        total = sum(x[:, j] ** 2 for j in window)
        expected[:, i] = x[:, i] / (2 + 0.02 * total) ** 0.75
    assert_equal_to_the_loop(layer(x), expected)


def test_response_norm_equals_torch_where_torch_divides_alpha_by_the_size():
    x = (10 * random(2, 9, 3, 4)).requires_grad_()
    weight = random(2, 9, 3, 4, seed=1)
    ours = ResponseNorm(5, alpha=1e-2, beta=0.75, k=2)(x)
    theirs = F.local_response_norm(x, size=5, alpha=5e-2, beta=0.75, k=2.0)
    assert_equal_to_the_loop(ours, theirs)
    (our_slope,) = torch.autograd.grad((ours * weight).sum(), x)
    (their_slope,) = torch.autograd.grad((theirs * weight).sum(), x)
    assert_equal_to_the_loop(our_slope, their_slope)


def test_response_norm_is_the_same_for_images_stored_channels_last():
    x = random(2, 8, 3, 3)
    layer = ResponseNorm(5, alpha=1e-2, beta=0.75, k=2, groups=2)
    assert torch.equal(layer(x.contiguous(memory_format=torch.channels_last)), layer(x))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (ScaledTanh(), (3, 4)),
        (Subsampling(2), (2, 2, 4, 2)),
        (TableConv2d(((0, 2), (1,), (0, 1, 2)), in_maps=3, size=2), (2, 3, 3, 4)),
        (RBF(random(3, 4, seed=5)), (2, 4)),
        (Negative(), (2, 3)),
        (Maxout(2), (2, 6)),
        (ResponseNorm(3, alpha=0.3, beta=0.75, k=2, groups=2), (2, 6, 2, 2)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_slopes_equal_finite_differences(layer, shape):
    layer = filled(layer)
    x = random(*shape, seed=7).requires_grad_()
    names, values = zip(*layer.named_parameters(), strict=True) if list(layer.parameters()) else ((), ())

    def function(images, *parameters):
        return torch.func.functional_call(layer, dict(zip(names, parameters, strict=True)), images)

    inputs = (x, *(value.detach().requires_grad_() for value in values))
    assert torch.autograd.gradcheck(function, inputs)


def test_map_loss_has_the_figures_worked_out_from_equation_9():
    label = torch.tensor([3])
    all_distances_zero = torch.zeros(1, 10, dtype=torch.float64)
    others_infinite = torch.full((1, 10), -math.inf, dtype=torch.float64)
    others_infinite[0, 3] = -1.0
    assert map_losses(all_distances_zero, label, j=1.0).item() == pytest.approx(2.3387, abs=5e-5)
    assert map_losses(others_infinite, label, j=1.0).item() == pytest.approx(0.6931, abs=5e-5)


@pytest.mark.parametrize("j", [0.1, 1.0, 5.0])
def test_map_loss_is_cross_entropy_with_one_rubbish_class_more(j):
    logits, labels = random(6, 10).requires_grad_(), torch.arange(6)
    ours = map_losses(logits, labels, j)
    theirs = F.cross_entropy(torch.cat([logits, logits.new_full((6, 1), -j)], dim=1), labels, reduction="none")
    assert_equal_to_the_loop(ours, theirs)
    slopes = [torch.autograd.grad(losses.sum(), logits)[0] for losses in (ours, theirs)]
    assert_equal_to_the_loop(*slopes)
    # The other classes lose nothing once they are beyond the rubbish class: the point of equation 9.
    far = torch.full((1, 10), -1000.0)
    assert map_losses(far, torch.tensor([0]), j).item() == pytest.approx(1000 - j)
