"""The affine distortions of digits: known cases pixel by pixel, a slow loop, and how large they get."""

import math

import pytest
import torch
from torch import Tensor

from zoo import keyed
from zoo.data.distortions import SCALE, SHEAR, SHIFT, SQUEEZE, affine


def numbers(n: int = 1, **kinds: float) -> Tensor:
    """Numbers that leave everything as it is but the kinds named, each from -1 to 1."""
    order = ("dx", "dy", "scale", "squeeze", "shear")
    return torch.tensor([[(1 + kinds.get(kind, 0.0)) / 2 for kind in order]] * n)


def digits(n: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(n, 1, 32, 32, dtype=torch.uint8)
    images[:, :, 8:24, 8:24] = torch.randint(0, 256, (n, 1, 16, 16), generator=generator, dtype=torch.uint8)
    return images


def test_numbers_of_one_half_change_nothing():
    assert torch.equal(affine(digits(), numbers(3)), digits())


@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (0, 1), (-1, 0), (-1, 1)])
def test_a_shift_moves_whole_pixels_and_brings_in_zeros(dx, dy):
    pixel = 1 / SHIFT
    moved = affine(digits(), numbers(3, dx=dx * pixel, dy=dy * pixel))
    # The result's pixel at x comes from x + dx.
    torch.testing.assert_close(moved, torch.roll(digits(), (-dy, -dx), dims=(2, 3)), rtol=0, atol=1)
    full = torch.full((1, 1, 32, 32), 200, dtype=torch.uint8)
    assert affine(full, numbers(dx=pixel))[0, 0, 0].tolist() == [200] * 31 + [0]


@pytest.mark.parametrize("seed", range(3))
def test_every_pixel_is_the_bilinear_value_at_the_place_it_comes_from(seed):
    generator = torch.Generator().manual_seed(seed)
    u, image = torch.rand(1, 5, generator=generator), digits(1)
    dx, dy, scale, squeeze, shear = (2 * u[0].double() - 1).tolist()
    across, down = math.exp(SCALE * scale + SQUEEZE * squeeze), math.exp(SCALE * scale - SQUEEZE * squeeze)
    result = affine(image, u)[0, 0]
    for row in range(32):
        for column in range(32):
            # Coordinates from the centre of the image, between pixels 15 and 16.
            x, y = column - 15.5, row - 15.5
            value = bilinear(
                image[0, 0], across * x + SHEAR * shear * y + SHIFT * dx + 15.5, down * y + SHIFT * dy + 15.5
            )
            assert abs(value - result[row, column].item()) <= 0.5 + 1e-2


def bilinear(image: Tensor, x: float, y: float) -> float:
    total = 0.0
    for column in (math.floor(x), math.floor(x) + 1):
        for row in (math.floor(y), math.floor(y) + 1):
            if 0 <= column < 32 and 0 <= row < 32:
                total += image[row, column].item() * (1 - abs(x - column)) * (1 - abs(y - row))
    return total


def test_squeezing_keeps_the_area_and_scaling_changes_it():
    square = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    square[:, :, 8:24, 8:24] = 255
    area = square.sum().item()
    squeezed, scaled = (affine(square, numbers(**{kind: 1.0})).sum().item() for kind in ("squeeze", "scale"))
    assert squeezed == pytest.approx(area, rel=0.02)
    assert scaled == pytest.approx(area * math.exp(-2 * SCALE), rel=0.02)


def test_each_image_has_its_own_distortion_whatever_the_batch():
    images, u = digits(6), keyed.uniforms(3, torch.arange(6), 5)
    together = affine(images, u)
    assert torch.equal(together, torch.cat([affine(images[n : n + 1], u[n : n + 1]) for n in range(6)]))
    assert len({image.numpy().tobytes() for image in affine(images[:1].expand(6, -1, -1, -1), u)}) == 6
