import numpy as np
import pytest

from zoo.data.area import area_means


@pytest.mark.parametrize("shape", [(7, 5), (12, 9), (6, 20, 3), (4, 3)], ids=str)
def test_each_pixel_is_the_mean_of_its_area(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape)
    # Every pixel repeated, so that whole pixels fill the areas.
    fine = pixels.repeat(4, axis=0).repeat(3, axis=1)
    expected = [[cell.mean(axis=(0, 1)) for cell in np.split(row, 3, axis=1)] for row in np.split(fine, 4, axis=0)]
    np.testing.assert_allclose(area_means(pixels, 4, 3), expected, rtol=1e-12)
