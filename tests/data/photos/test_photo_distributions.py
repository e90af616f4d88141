"""What training draws for photographs, against its definition: chi-square and Kolmogorov-Smirnov tests, fixed seeds."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, chi2_contingency, chisquare, ks_2samp, kstest

from zoo import keyed
from zoo.data.photos.transforms import TRANSFORMS

N = 30_000
# So small that a right definition fails one run in ten thousand; the numbers are the same in every run.
LEAST = 1e-4


class Sheet:
    """Stands in for a photo and notes how it was scaled, what was cut out, and whether it was mirrored."""

    mirrored = False

    def __init__(self, width: int, height: int) -> None:
        self.size = self.scaled = (width, height)

    def resize(self, size: tuple[int, int], resample: int) -> "Sheet":
        self.size = self.scaled = size
        return self

    def crop(self, box: tuple[int, int, int, int]) -> "Sheet":
        self.box = box
        self.size = (box[2] - box[0], box[3] - box[1])
        return self

    def transpose(self, method: int) -> "Sheet":
        self.mirrored = True
        return self


def drawn(name: str, width: int, height: int) -> list[Sheet]:
    """Training views of ``N`` images of one size, with the numbers that they get in epoch 3 of seed 7."""
    transform = TRANSFORMS[name]
    numbers = keyed.uniforms(keyed.key(7, "augment", 3), torch.arange(N), transform.num_random).tolist()
    return [transform.random_view(Sheet(width, height), row) for row in numbers]


def assert_uniform(values: np.ndarray, number: int) -> None:
    counts = np.bincount(values, minlength=number)
    assert len(counts) == number
    assert chisquare(counts).pvalue > LEAST


@pytest.mark.parametrize("name", ["alexnet", "alexnet_mean_image", "alexnet_code", "alexnet_formula"])
def test_alexnets_33_by_33_offsets_and_flips_are_equally_likely_and_independent(name):
    views = drawn(name, 400, 300)
    assert {view.scaled for view in views} == {(341, 256)}
    left = np.array([view.box[0] for view in views]) - (341 - 256) // 2
    top = np.array([view.box[1] for view in views])
    assert_uniform(left, 33)
    assert_uniform(top, 33)
    assert_uniform(33 * left + top, 33 * 33)
    mirrored = np.array([view.mirrored for view in views])
    assert binomtest(int(mirrored.sum()), N).pvalue > LEAST
    for place in (left, top):
        table = np.stack([np.bincount(place[mirrored == side], minlength=33) for side in (True, False)])
        assert chi2_contingency(table).pvalue > LEAST
    # The 2,178 variants of the 2012 code, of which its paper counts 2,048.
    assert len({(view.box[:2], view.mirrored) for view in views}) == 2 * 33 * 33


@pytest.mark.parametrize(("name", "side"), [("vgg", 256), ("vgg_384", 384)])
def test_vggs_offsets_are_uniform_over_the_scaled_photo(name, side):
    views = drawn(name, 500, 400)
    width = side * 500 // 400
    assert {view.scaled for view in views} == {(width, side)}
    assert_uniform(np.array([view.box[0] for view in views]), width - 223)
    assert_uniform(np.array([view.box[1] for view in views]), side - 223)
    assert binomtest(sum(view.mirrored for view in views), N).pvalue > LEAST


def test_vggs_scale_is_uniform_from_256_to_512_and_leaves_the_offsets_uniform():
    views = drawn("vgg_256_512", 400, 400)
    side = np.array([view.scaled[0] for view in views])
    assert_uniform(side - 256, 257)
    spread = keyed.uniforms(keyed.key("spread"), torch.arange(N), 2).numpy().T
    for axis, within in enumerate(spread):
        place = np.array([view.box[axis] for view in views])
        assert np.all((place >= 0) & (place <= side - 224))
        # A whole number spread over its own cell is uniform in [0, 1) where it is uniform among side - 223.
        assert kstest((place + within) / (side - 223), "uniform").pvalue > LEAST
        assert abs(np.corrcoef(place / (side - 223), side)[0, 1]) < 4 / N**0.5
    mirrored = np.array([view.mirrored for view in views])
    assert ks_2samp(side[mirrored], side[~mirrored]).pvalue > LEAST


def defined_boxes(width: int, height: int) -> np.ndarray:
    """(left, top, width, height) by the definition, drawn until it fits, by NumPy's generator in float64."""
    random, boxes = np.random.default_rng(11), []
    while len(boxes) < N:
        area = random.uniform(0.08, 1.0) * width * height
        aspect = np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
        w, h = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            boxes.append((random.integers(width - w + 1), random.integers(height - h + 1), w, h))
    return np.array(boxes)


@pytest.mark.parametrize("size", [(500, 375), (333, 500)])
def test_area_aspect_and_offset_of_the_random_resized_crop_follow_their_definition(size):
    views = drawn("torchvision", *size)
    boxes = np.array([view.box for view in views])
    ours = np.stack([boxes[:, 0], boxes[:, 1], boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]])
    theirs = defined_boxes(*size).T
    for measure in (
        lambda left, top, width, height: width * height,
        lambda left, top, width, height: width / height,
        lambda left, top, width, height: left,
        lambda left, top, width, height: top,
        lambda left, top, width, height: left / (size[0] - width + 1),
        lambda left, top, width, height: (top + height / 2) * width,
    ):
        assert ks_2samp(measure(*ours), measure(*theirs)).pvalue > LEAST
    assert binomtest(sum(view.mirrored for view in views), N).pvalue > LEAST


def test_area_and_aspect_are_uniform_where_every_try_fits():
    # Of boxes under a half of the photo none leaves it, whatever the aspect.
    views = drawn("torchvision", 4000, 4000)
    boxes = np.array([view.box for view in views], dtype=np.float64)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    area, aspect = width * height / 4000**2, np.log(width / height) / np.log(4 / 3)
    small = area < 0.5
    assert kstest((area[small] - 0.08) / 0.42, "uniform").pvalue > LEAST
    assert kstest((aspect[small] + 1) / 2, "uniform").pvalue > LEAST


# FACTS: eigenvalues 14,830.4, 1,376.0, 388.9 on 0..255; the code multiplies by their roots, the formula by themselves.
EIGENVALUES = np.array([14_830.4, 1_376.0, 388.9])


@pytest.mark.parametrize(
    ("name", "deviations"),
    [
        ("alexnet", 0.1 * EIGENVALUES**0.5),
        ("vgg", 0.1 * EIGENVALUES**0.5),
        ("alexnet_code", [11.07, 3.37, 1.79]),
        ("alexnet_formula", 0.1 * EIGENVALUES / 255),
    ],
)
def test_colour_noise_is_normal_along_the_principal_components(name, deviations):
    transform = TRANSFORMS[name]
    shifts = transform.color_shifts(keyed.normals(keyed.key(7, "color", 3), torch.arange(N), 3))
    grey = torch.full((1000, 3, 1, 1), 100, dtype=torch.uint8)
    fed = torch.cat([transform_of(name).normalize(grey, part) for part in shifts.split(1000)]).view(N, 3).double()
    still = transform_of(name).normalize(grey[:1], torch.zeros(1, 3)).view(3).double() / transform.divisor
    factors = np.linalg.solve(transform.components.T.double().numpy(), (fed - still).numpy().T)
    for factor, deviation in zip(factors, deviations, strict=True):
        assert kstest(factor / deviation, "norm").pvalue > LEAST
    assert np.abs(np.corrcoef(factors) - np.eye(3)).max() < 4 / N**0.5


def transform_of(name: str):
    """The transform, with a mean image of one colour where it takes one."""
    transform = TRANSFORMS[name]
    if not transform.with_mean_image:
        return transform
    return transform.fitted(Flat())


class Flat:
    """The statistics of grey photos."""

    mean_image = np.full((3, 256, 256), 90, np.float32)
