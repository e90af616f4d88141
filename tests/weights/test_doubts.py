"""Doubts about pictures: true of next to none of CIFAR-10's own images, and of pictures that are unlike them."""

import os

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image, ImageDraw

import zoo
from zoo.data.cifar10 import CIFAR10
from zoo.weights import doubts
from zoo.weights.classify import ImageFile, classify
from zoo.weights.doubts import dark_on_light, of_photo


def smooth(size, seed=0):
    """Colours that flow into each other, with a little noise, as a photograph has."""
    drawn = np.random.default_rng(seed)
    small = Image.fromarray(drawn.integers(0, 256, (5, 4, 3), dtype=np.uint8))
    large = np.asarray(small.resize(size, Image.Resampling.BICUBIC)).astype(int)
    return Image.fromarray((large + drawn.integers(-9, 10, large.shape)).clip(0, 255).astype(np.uint8))


def drawing(size):
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).ellipse((size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2), fill="red")
    return image


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (smooth((640, 480)), []),
        (smooth((32, 32)), []),
        (smooth((900, 400)), [doubts._CUT]),
        (smooth((400, 900)), [doubts._CUT]),
        (smooth((640, 320)), []),
        (smooth((40, 31)), [doubts._SMALL]),
        (smooth((640, 480)).convert("L").convert("RGB"), [doubts._COLOURLESS]),
        (Image.new("RGB", (300, 300), (200, 30, 30)), [doubts._EVEN]),
        (drawing((300, 300)), [doubts._FLAT]),
    ],
    ids=["photo", "of 32x32", "wide", "tall", "2 to 1", "small", "grey", "even", "drawing"],
)
def test_each_doubt_is_raised_where_it_is_due_and_no_other(image, expected):
    assert list(of_photo(image, 32)) == expected


def test_few_of_cifar10s_own_images_are_doubted():
    root = os.environ.get("ZOO_TEST_DATA")
    if not root:
        pytest.skip("needs the real CIFAR-10: set ZOO_TEST_DATA to the folder that holds cifar-10-batches-bin")
    images = CIFAR10(root=f"{root}/cifar-10-batches-bin").read()["test"][0].permute(0, 2, 3, 1).numpy()
    found = [of_photo(Image.fromarray(image), 32) for image in images[::4]]
    assert sum(map(bool, found)) < 0.05 * len(found)
    for doubt in (doubts._COLOURLESS, doubts._EVEN, doubts._FLAT):
        assert 0.004 < np.mean([doubt in each for each in found]) < 0.02


@pytest.mark.skipif("lenet5/mnist-distorted" not in zoo.list_weights(), reason="these weights are not shipped yet")
def test_a_sure_answer_is_not_doubted():
    given = [ImageFile(ROOT / "examples" / "digit.png", named=True)]
    (answer,) = classify(zoo.get_weights("lenet5/mnist-distorted"), given, 1, False, lambda error: None)
    assert answer.guesses[0].probability > 0.9
    assert answer.region.doubts == ()


def test_dark_on_light_looks_at_the_edge():
    grey = np.full((20, 20), 230, np.uint8)
    assert not dark_on_light(Image.fromarray(255 - grey))
    framed = grey.copy()
    framed[1:-1, 1:-1] = 0
    assert dark_on_light(Image.fromarray(framed))
    grey[8:12, 3:17] = 20
    assert dark_on_light(Image.fromarray(grey))
    assert not dark_on_light(Image.fromarray(255 - grey))
