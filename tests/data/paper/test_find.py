"""Digits in pictures: MNIST's own stay as they are, others come near what they were made of."""

import os

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from zoo.data.mnist import MNIST
from zoo.data.paper.find import as_mnist, digits_in
from zoo.data.paper.form import formed, is_in_form

TEST_DATA = os.environ.get("ZOO_TEST_DATA")


@pytest.fixture(scope="module")
def mnist():
    """All images, uint8 (70,000, 28, 28)."""
    if not TEST_DATA:
        pytest.skip("needs the real MNIST: set ZOO_TEST_DATA to the folder that holds MNIST/raw")
    splits = MNIST(root=TEST_DATA).read()
    return np.concatenate([splits[split][0].numpy()[:, 0] for split in ("train", "test")])


def a_seven(height=20):
    """A 7 of the paper's ink, as a mask: bool (height, about 0.7 height)."""
    image = Image.new("L", (round(height * 7.5), height * 10))
    draw = ImageDraw.Draw(image)
    points = [(height * 0.6, height * 0.8), (height * 6.6, height * 0.8), (height * 2.6, height * 9.5)]
    draw.line(points, fill=255, width=round(height * 1.2), joint="curve")
    mask = np.asarray(image.reduce(10)) > 127
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def on(paper, mask, top, left, ink):
    """``paper`` with ink where the mask is, its corner at (top, left)."""
    picture = paper.copy()
    picture[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = ink
    return picture


def ruled(shape, gap=40, slope=0.02):
    """White paper with grey lines that climb a little."""
    rows, columns = np.indices(shape)
    lines = np.abs((rows + slope * columns) % gap - gap / 2) < 1.2
    return np.where(lines, 150, 230).astype(np.uint8)


@pytest.mark.parametrize("each", [10, pytest.param(1, marks=pytest.mark.slow)])
def test_mnists_own_70_000_images_come_out_unchanged(mnist, each):
    assert sum(as_mnist(image) is image for image in mnist[::each]) == 70_000 // each


def test_a_negative_of_mnists_is_turned_and_nothing_else(mnist):
    for image in mnist[::700]:
        assert np.array_equal(as_mnist(255 - image), image)


@pytest.mark.parametrize("each", [10_000, pytest.param(5000, marks=pytest.mark.slow)])
def test_mnists_images_on_a_page_come_back(mnist, each):
    """Enlarged, dark on light and somewhere on a ruled page, they differ from themselves by a few grey values."""
    differences = []
    for number, image in enumerate(mnist[::each]):
        large = np.asarray(Image.fromarray(image).resize((280, 280), Image.Resampling.BICUBIC)) / 255
        page = ruled((640, 800)).astype(float)
        top, left = 40 + 8 * number, 60 + 11 * number
        window = page[top : top + 280, left : left + 280]
        window[:] = window * (1 - large) + 40 * large
        found = as_mnist(page.round().astype(np.uint8))
        differences.append(np.abs(found.astype(int) - image).mean() / image.mean())
    # A shift of one pixel, where the centre of mass lies between two, makes it about 0.6.
    assert np.median(differences) < 0.2
    assert np.quantile(differences, 0.9) < 0.7


@pytest.mark.parametrize("shape", [(40, 20), (9, 30), (20, 20), (1, 1), (300, 30)], ids=str)
def test_the_form_is_mnists(shape):
    ink = np.random.default_rng(0).uniform(0.2, 1, shape).astype(np.float32)
    image = formed(ink)
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    rows, columns = np.nonzero(image)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert max(abs(at - 14) for at in ndimage.center_of_mass(image)) < 0.52
    assert is_in_form(image)
    assert not is_in_form(np.roll(image, 2, axis=1))


@pytest.mark.parametrize("ink", [30, 120])
@pytest.mark.parametrize("light", [False, True])
def test_ink_is_found_on_paper_that_is_darker_on_one_side(ink, light):
    seven = a_seven(90)
    paper = np.linspace(250, 140, 600)[None].repeat(500, axis=0)
    picture = on(paper, seven, 200, 380, 0)
    picture = np.where(picture == 0, paper * ink / 250, picture).astype(np.uint8)
    (digit,) = digits_in(255 - picture if light else picture)
    assert np.abs(np.array(digit.box) - (380, 200, 380 + seven.shape[1], 200 + seven.shape[0])).max() <= 2
    assert np.abs(digit.image.astype(int) - formed(seven.astype(np.float32))).mean() < 6


@pytest.mark.parametrize("side", [28, 60, 300])
@pytest.mark.parametrize("light", [False, True])
def test_a_drawing_of_any_size_is_cut_scaled_and_centred(side, light):
    seven = a_seven(round(side * 0.5))
    picture = on(np.full((side, side), 255, np.uint8), seven, round(side * 0.1), round(side * 0.4), 0)
    found = as_mnist(255 - picture if light else picture)
    assert np.abs(found.astype(int) - formed(seven.astype(np.float32))).mean() < 12


def nothing(shape):
    return np.full(shape, 200, np.uint8)


def noise(shape):
    return np.random.default_rng(0).normal(200, 6, shape).clip(0, 255).astype(np.uint8)


def squared(shape):
    return np.minimum(ruled(shape), ruled(shape[::-1], slope=-0.02).T)


def shadow(shape):
    """Half of the page lies in the shadow of something with a soft edge."""
    rows, columns = np.indices(shape)
    edge = 1 / (1 + np.exp(-(columns + 0.5 * rows - shape[1]) / 6))
    return (220 - 110 * edge).astype(np.uint8)


@pytest.mark.parametrize(
    ("paper", "shape"),
    [
        (nothing, (600, 800)), (noise, (600, 800)), (squared, (600, 800)), (shadow, (600, 800)),
        # Squared paper is ruled twice.
        pytest.param(ruled, (600, 800), marks=pytest.mark.slow),
        *(pytest.param(paper, (800, 500), marks=pytest.mark.slow) for paper in (squared, shadow)),
    ],
)  # fmt: skip
def test_paper_is_no_ink_and_a_seven_on_it_is(paper, shape):
    page = paper(shape)
    assert digits_in(page) == []
    assert as_mnist(page) is None
    seven = a_seven(120)
    (digit,) = digits_in(on(page, seven, 250, 180, 30))
    assert np.abs(np.array(digit.box) - (180, 250, 180 + seven.shape[1], 250 + seven.shape[0])).max() <= 4


def test_several_digits_are_read_by_rows_from_the_left():
    page, seven = noise((600, 900)), a_seven(90)
    places = [(80, 60), (100, 300), (70, 560), (330, 120), (350, 420)]
    for top, left in places:
        page = on(page, seven, top, left, 40)
    digits = digits_in(page)
    found = np.array([(digit.box[1], digit.box[0]) for digit in digits])
    assert np.abs(found - places).max() <= 2


def test_flecks_and_what_touches_the_edge_are_no_digits():
    page = noise((600, 900))
    page[:, :40] = 60
    for top, left in ((50, 400), (300, 700), (500, 820)):
        page[top : top + 6, left : left + 6] = 40
    (digit,) = digits_in(on(page, a_seven(120), 250, 300, 40))
    assert digit.box[0] == pytest.approx(300, abs=3)


def test_a_digit_in_two_pieces_is_one():
    seven = a_seven(120)
    seven[40:46] = False
    (digit,) = digits_in(on(noise((500, 500)), seven, 200, 200, 40))
    assert digit.box[3] - digit.box[1] == pytest.approx(seven.shape[0], abs=3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2), (28, 28)], ids=str)
def test_the_smallest_pictures_are_looked_at_too(shape):
    assert digits_in(np.zeros(shape, np.uint8)) == []
