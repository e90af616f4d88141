"""Prepared photos scaled again, against Pillow and against means of areas."""

import numpy as np
import pytest
from PIL import Image

from zoo.data.photos.fast_decoder import PACKAGES
from zoo.data.store.resizing import with_cv2, with_torch


@pytest.fixture(scope="module")
def planes():
    """Noise, of which scaling without antialiasing keeps single pixels: (3, 90, 120)."""
    return np.random.default_rng(0).integers(0, 256, (3, 90, 120), np.uint8)


@pytest.mark.parametrize(("width", "height"), [(40, 30), (97, 41), (120, 90), (200, 150)])
def test_torch_scales_as_pillow_does_to_a_grey_level(planes, width, height):
    scaled = with_torch(planes, width, height)
    assert (scaled.shape, scaled.dtype) == ((3, height, width), np.uint8)
    for plane, found in zip(planes, scaled, strict=True):
        expected = Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR)
        assert np.abs(found.astype(int) - np.asarray(expected, int)).max() <= 1


def test_cv2_takes_the_mean_of_an_area_where_more_than_two_pixels_become_one(planes):
    for package in PACKAGES:
        pytest.importorskip(package)
    means = planes.reshape(3, 30, 3, 40, 3).mean((2, 4))
    assert np.abs(with_cv2(planes, 40, 30) - means).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("columns", [4, 1])
def test_cv2_passes_over_no_pixel_where_only_one_side_shrinks_by_more_than_two(planes, columns):
    for package in PACKAGES:
        pytest.importorskip(package)
    rows = 5 - columns
    means = planes[:, :88].reshape(3, 88 // rows, rows, 120 // columns, columns).mean((2, 4))
    # Rounded twice, where it is halved first.
    assert np.abs(with_cv2(planes[:, :88], 120 // columns, 88 // rows) - means).max() <= 1
