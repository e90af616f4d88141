"""The response normalisation's own way back, its neighbours, and its numbers of 16 bits."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from tensor_cases import random
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from zoo.layers import ResponseNorm


def by_loop(x: Tensor, size: int, alpha: float, beta: float, k: float, groups: int) -> Tensor:
    """The formula of section 3.3 number by number, windows cut where a group ends."""
    y, part = torch.empty_like(x), x.shape[1] // groups
    for n, i, row, column in product(*map(range, x.shape)):
        first, last = i // part * part, i // part * part + part - 1
        # An even window has its odd map before the middle, as torch's has.
        window = range(max(first, i - size // 2), min(last, i + (size - 1) // 2) + 1)
        total = sum(x[n, j, row, column] ** 2 for j in window)
        y[n, i, row, column] = x[n, i, row, column] / (k + alpha * total) ** beta
    return y


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("size", [1, 2, 4, 5, 9])
@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_numbers_and_slopes_equal_the_loop(size, groups, beta):
    x, weight = (3 * random(2, 8, 1, 2)).requires_grad_(), random(2, 8, 1, 2, seed=1)
    ours = ResponseNorm(size, 0.3, beta, 2, groups)(x)
    theirs = by_loop(x, size, 0.3, beta, 2, groups)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    slopes = [torch.autograd.grad((y * weight).sum(), x)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*slopes, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("size", "beta", "groups"), [(5, 0.75, 2), (4, 0.75, 1), (3, 0.6, 2)])
def test_first_and_second_slopes_equal_finite_differences(size, beta, groups):
    x = random(2, 6, 2, 2).requires_grad_()
    layer = ResponseNorm(size, 0.3, beta, 2, groups)
    assert gradcheck(layer, (x,))
    assert gradgradcheck(layer, (x,))


def test_single_precision_equals_torch_to_a_millionth():
    x = (100 * random(2, 96, 7, 7, dtype=torch.float32)).requires_grad_()
    weight = random(2, 96, 7, 7, seed=1, dtype=torch.float32)
    ours = ResponseNorm(5, alpha=1e-4, beta=0.75, k=2)(x)
    theirs = F.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0)
    for a, b in (
        (ours, theirs),
        *zip(*(torch.autograd.grad((y * weight).sum(), x) for y in (ours, theirs)), strict=True),
    ):
        assert ((a - b).abs().max() / b.abs().max()).item() < 1e-6


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 2**-8), (torch.float16, 2**-10)])
def test_16_bit_activations_are_squared_in_32_bits(dtype, tolerance):
    # The square of 1,000 is beyond the largest float16, 65,504.
    x = (300 * random(2, 8, 3, 3)).clamp(-1000, 1000).to(dtype).requires_grad_()
    y = ResponseNorm(5, alpha=1e-4, beta=0.75, k=2, groups=2)(x)
    y.sum().backward()
    exact = x.detach().double().requires_grad_()
    expected = by_loop(exact, 5, 1e-4, 0.75, 2, 2)
    expected.sum().backward()
    assert (y.dtype, x.grad.dtype) == (dtype, dtype)
    torch.testing.assert_close(y.double(), expected, rtol=tolerance, atol=0)
    torch.testing.assert_close(
        x.grad.double(), exact.grad, rtol=tolerance, atol=tolerance * exact.grad.abs().max().item()
    )


def test_slopes_an_image_by_vmap_are_those_of_each_image_alone():
    layer, x = ResponseNorm(5, 0.3, 0.75, 2, 2), random(3, 8, 2, 2)

    def loss(image: Tensor) -> Tensor:
        return layer(image[None]).pow(3).sum()

    alone = [torch.autograd.functional.jacobian(loss, image) for image in x]
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(loss))(x), torch.stack(alone), rtol=0, atol=1e-12)


def test_images_stored_channels_last_have_the_same_slopes():
    layer = ResponseNorm(5, 0.3, 0.75, 2, 2)
    slopes = []
    for memory in (torch.contiguous_format, torch.channels_last):
        x = random(2, 8, 3, 3).to(memory_format=memory).requires_grad_()
        layer(x).square().sum().backward()
        slopes.append(x.grad)
    assert torch.equal(*slopes)


def test_nothing_is_kept_of_what_needs_no_slope():
    y = ResponseNorm(5, 0.3, 0.75, 2)(random(1, 8, 2, 2))
    assert y.grad_fn is None


def test_maps_that_do_not_split_into_the_groups_are_refused():
    with pytest.raises(ValueError, match="7 maps do not split into 2 equal groups"):
        ResponseNorm(5, 1e-4, 0.75, 2, groups=2)(random(1, 7, 2, 2))
