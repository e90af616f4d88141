"""Shifts, crops and flips of whole batches against loops over single images and pixels."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torchvision.transforms.functional import center_crop

from zoo import keyed
from zoo.views import center, crop, cropped_and_flipped, shifted_and_flipped, shifted_flipped_and_cut_out


def images_of(n: int, side: int, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, 3, side, side))).to(dtype)


def window(image: np.ndarray, row: int, column: int, mirror: bool, size: int) -> np.ndarray:
    """``size`` x ``size`` pixels of one image (C, H, W) from (row, column) on, zeros beyond the edge, then mirrored."""
    result = np.zeros((image.shape[0], size, size), image.dtype)
    for y in range(size):
        for x in range(size):
            from_y, from_x = y + row, x + column
            if 0 <= from_y < image.shape[1] and 0 <= from_x < image.shape[2]:
                result[:, y, size - 1 - x if mirror else x] = image[:, from_y, from_x]
    return result


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_every_crop_of_24_in_32_equals_a_loop_over_its_pixels(dtype):
    cases = [(row, column, mirror) for row in range(9) for column in range(9) for mirror in (False, True)]
    images = images_of(len(cases), 32, dtype)
    numbers = torch.tensor([[(r + 0.5) / 9, (c + 0.5) / 9, 0.25 if mirror else 0.75] for r, c, mirror in cases])
    made = cropped_and_flipped(images, numbers, 24)
    assert (made.dtype, made.shape) == (dtype, (162, 3, 24, 24))
    for image, view, case in zip(images.numpy(), made.numpy(), cases, strict=True):
        assert np.array_equal(view, window(image, *case, 24)), case


@pytest.mark.parametrize("reach", [1, 2, 4])
def test_every_shift_equals_a_loop_over_its_pixels(reach):
    steps = range(2 * reach + 1)
    cases = [(row, column, mirror) for row in steps for column in steps for mirror in (False, True)]
    images = images_of(len(cases), 9, torch.float32) + 1
    numbers = torch.tensor([[(r + 0.5) / len(steps), (c + 0.5) / len(steps), 0.9 - 0.5 * m] for r, c, m in cases])
    made = shifted_and_flipped(images, numbers, reach)
    for image, view, (row, column, mirror) in zip(images.numpy(), made.numpy(), cases, strict=True):
        assert np.array_equal(view, window(image, row - reach, column - reach, mirror, 9)), (row, column, mirror)


def test_images_need_not_be_square_and_a_batch_may_be_empty():
    images = images_of(1, 40)[:, :, :30]
    for number in (0.0, 1 - 2**-24):
        view = cropped_and_flipped(images, torch.tensor([[number, number, 0.9]]), 24)
        row, column = (0, 0) if number == 0 else (6, 16)
        assert np.array_equal(view[0].numpy(), window(images[0].numpy(), row, column, False, 24))
    assert cropped_and_flipped(images[:0], torch.empty(0, 3), 24).shape == (0, 3, 24, 24)
    assert shifted_and_flipped(images_of(3, 32)[:0], torch.empty(0, 3), 2).shape == (0, 3, 32, 32)


@pytest.mark.parametrize("view", [lambda i, n: cropped_and_flipped(i, n, 24), shifted_and_flipped])
def test_rows_columns_and_flips_are_equally_likely_and_independent(view):
    # Each pixel holds its own place, so that the two in the middle of a view tell row, column and flip.
    n = 16_200
    image = torch.arange(32 * 32).view(1, 1, 32, 32)
    numbers = keyed.uniforms(keyed.key("views"), torch.arange(n), 3)
    seen = view(image.expand(n, -1, -1, -1), numbers)
    middle = seen.shape[3] // 2
    seen = seen[:, 0, 12, middle - 1 : middle + 1]
    mirrored = seen[:, 1] < seen[:, 0]
    rows, columns = seen[:, 0] // 32, torch.where(mirrored, seen[:, 1], seen[:, 0]) % 32
    cells = (rows - rows.min()) * 18 + (columns - columns.min()) * 2 + mirrored
    counts = torch.bincount(cells, minlength=162)
    assert len(counts) == 162
    assert chisquare(counts.numpy()).pvalue > 0.01


def test_center_is_the_middle_and_leaves_alone_what_has_the_size():
    images = images_of(2, 32)
    assert np.array_equal(center(images, 24).numpy(), images.numpy()[:, :, 4:28, 4:28])
    assert np.array_equal(crop(images, 1, 7, 20).numpy(), images.numpy()[:, :, 1:21, 7:27])
    assert torch.equal(center(images, 32), images)


@pytest.mark.parametrize("side", [25, 27, 29, 31])
def test_center_rounds_half_a_pixel_as_torchvision_does(side):
    images = images_of(2, side)
    assert torch.equal(center(images, 24), center_crop(images, [24, 24]))


def test_cutout_erases_a_square_around_any_pixel_of_the_shifted_image():
    corners = [(row, column) for row in (0, 1, 5, 16, 26, 31) for column in (0, 5, 6, 30, 31)]
    images = images_of(len(corners), 32).clamp(min=1)
    moves = keyed.uniforms(keyed.key("cutout"), torch.arange(len(corners)), 3)
    middles = (torch.tensor(corners) + 0.5) / 32
    made = shifted_flipped_and_cut_out(images, torch.cat([moves, middles], dim=1), reach=4, side=12)
    moved = shifted_and_flipped(images, moves, 4)
    for view, before, (row, column) in zip(made.numpy(), moved.numpy(), corners, strict=True):
        expected = before.copy()
        expected[:, max(row - 6, 0) : row + 6, max(column - 6, 0) : column + 6] = 0
        assert np.array_equal(view, expected), (row, column)
