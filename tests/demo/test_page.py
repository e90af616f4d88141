"""The page of ``zoo demo`` in a real browser: what it shows is what Python computes."""

import os
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from in_browser import quiet_page, violations
from PIL import Image

from zoo.data.cifar10 import CIFAR10
from zoo.data.mnist import MNIST
from zoo.data.paper.find import as_mnist
from zoo.demo.library import convnetjs
from zoo.demo.pack import rounded
from zoo.demo.page import MOST, build, names_of_ladders
from zoo.errors import InputError
from zoo.weights.find import find
from zoo.weights.sources.convnetjs import from_convnetjs

TEST_DATA = os.environ.get("ZOO_TEST_DATA")
NUM_IMAGES = 20


@pytest.fixture(scope="module")
def library():
    """ConvNetJS, or None where npm cannot be asked."""
    try:
        return convnetjs()
    except InputError:
        return None


@pytest.fixture(scope="module")
def built(tmp_path_factory, library):
    """The page with all networks of both ladders."""
    return build(tmp_path_factory.mktemp("demo"), names_of_ladders(), library, Path(TEST_DATA) if TEST_DATA else None)


@contextmanager
def page_of(browser, built):
    """Opens the page from the disk."""
    with quiet_page(browser, built.folder.as_uri()) as page:
        page.set_default_timeout(240_000)
        page.goto((built.folder / "index.html").as_uri())
        yield page


@pytest.fixture
def opened(browser, built):
    """The page, as nobody has touched it."""
    with page_of(browser, built) as page:
        yield page


@pytest.fixture(scope="module")
def untouched(browser, built):
    """The page, for what does not touch it."""
    with page_of(browser, built) as page:
        yield page


@cache
def pixels_of(data):
    """uint8 (20, C, H, W): the first test images where they are at hand, else noise."""
    if TEST_DATA:
        return {"MNIST": MNIST, "CIFAR10": CIFAR10}[data](root=TEST_DATA).read()["test"][0][:NUM_IMAGES]
    shape = {"MNIST": (1, 28, 28), "CIFAR10": (3, 32, 32)}[data]
    return torch.randint(0, 256, (NUM_IMAGES, *shape), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def test_the_page_has_both_ladders_and_stays_small(built):
    written = sum(file.stat().st_size for file in built.folder.iterdir())
    assert written == built.num_bytes <= MOST
    # 29 MB of weights do not fit.
    assert built.left_out == ["vgg16-bn/cifar10"]
    assert {*built.networks, "vgg16-bn/cifar10"} == set(names_of_ladders())


@pytest.mark.parametrize("name", [name for name in names_of_ladders() if not name.startswith("vgg16")])
def test_the_logits_of_the_page_are_those_of_python(untouched, name):
    weights = find(name)
    images = pixels_of(weights.data.class_name)
    network = rounded(weights.network().eval())
    with torch.no_grad():
        expected = network(weights.transforms(as_is=True)(images)).numpy()
    found = untouched.evaluate(
        """async ([name, images]) => {
            const network = await zoo.load(zoo.networks.find((one) => one.name === name));
            return images.map((pixels) => Array.from(zoo.logits(network, pixels)));
        }""",
        [name, images.flatten(1).tolist()],
    )
    # Float32's own rounding counts where logits are large: of LeNet-5 they reach 200, of the perceptron 7,000.
    np.testing.assert_allclose(np.array(found), expected, rtol=0, atol=max(1e-4, 1e-6 * abs(expected).max()))


def draw(page, *strokes, steps=6):
    """Moves the mouse with its button down, in ``steps`` from point to point; points are shares of the paper."""
    box = page.locator("#paper").bounding_box()
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=steps)
        page.mouse.up()
    rest(page)


def rest(page):
    page.wait_for_function("!zoo.draw.state.busy")


SEVEN = [(0.28, 0.2), (0.72, 0.2), (0.45, 0.85)]
FOUR = [(0.4, 0.17), (0.28, 0.55), (0.74, 0.53)], [(0.62, 0.34), (0.57, 0.85)]


def test_a_digit_drawn_with_the_mouse_is_read_as_python_reads_it(opened):
    for strokes, digit in (([SEVEN], "7"), (FOUR, "4")):
        opened.click("#clear")
        draw(opened, *strokes)
        grey = np.array(opened.evaluate("Array.from(zoo.draw.grey().data)"), np.uint8).reshape(280, 280)
        seen = np.array(opened.evaluate("Array.from(zoo.draw.state.digit.data)"), np.uint8).reshape(28, 28)
        expected = as_mnist(grey)
        np.testing.assert_array_equal(seen, expected)
        logits = opened.evaluate("zoo.draw.state.logits")
        weights = find("lenet5/mnist-distorted")
        with torch.no_grad():
            ours = weights.network().eval()(weights.transforms(as_is=True)(torch.from_numpy(expected)[None]))
        np.testing.assert_allclose(logits[weights.name], ours.numpy(), rtol=1e-6, atol=1e-4)
        assert opened.inner_text('[data-name="lenet5/mnist-distorted"] .answer') == digit


def test_every_example_and_random_strokes_have_mnists_form_to_the_pixel(opened):
    rng = np.random.default_rng(0)
    for number in range(16):
        opened.click("#clear")
        rest(opened)
        if number < 10:
            opened.get_by_role("button", name=f"Draw a {number}").click()
            rest(opened)
            assert opened.inner_text('[data-name="lenet5/mnist-distorted"] .answer') == str(number)
        else:
            # All networks answer after each step.
            draw(opened, *(rng.uniform(0.15, 0.85, (4, 2)).tolist() for _ in range(1 + number % 3)), steps=1)
        grey = np.array(opened.evaluate("Array.from(zoo.draw.grey().data)"), np.uint8).reshape(280, 280)
        seen = opened.evaluate("zoo.draw.state.digit && Array.from(zoo.draw.state.digit.data)")
        expected = as_mnist(grey)
        if expected is None:
            # Some scrawls are no digit, here as there.
            assert seen is None
        else:
            np.testing.assert_array_equal(np.array(seen, np.uint8).reshape(28, 28), expected)


def test_a_digit_is_drawn_by_keyboard_alone(opened):
    opened.focus("#paper")
    for _ in range(3):
        opened.keyboard.press("ArrowUp")
    opened.keyboard.press("Space")
    for _ in range(20):
        opened.keyboard.press("ArrowDown")
    rest(opened)
    assert opened.inner_text('[data-name="lenet5/mnist-distorted"] .answer') == "1"
    opened.keyboard.press("Delete")
    rest(opened)
    assert opened.inner_text('[data-name="lenet5/mnist-distorted"] .answer') == "–"


def test_a_picked_picture_is_averaged_down_and_named_as_python_does(opened, tmp_path):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 9, 3), dtype=np.uint8))
    # What is smaller than the network's input is enlarged, for which Pillow computes with weights of 8 bits.
    for size, off in (((150, 97), 0), ((30, 20), 1)):
        coarse.resize(size, Image.Resampling.BICUBIC).save(tmp_path / "picture.png")
        opened.set_input_files("#file", tmp_path / "picture.png")
        opened.wait_for_function("zoo.picture.state.done")
        weights = find("linear/cifar10")
        expected = weights.transforms().pixels([tmp_path / "picture.png"])
        found = opened.evaluate("Array.from(zoo.picture.state.pixels)")
        np.testing.assert_allclose(np.array(found), expected.flatten().numpy(), rtol=0, atol=off)
        opened.evaluate("zoo.picture.state.done = false")
    assert opened.locator('[data-name="linear/cifar10"] .rows > div').count() == 5
    assert opened.locator("#picture-maps figure").count() > 5


def test_the_library_of_2014_trains_in_the_page_and_zoo_reads_its_network(opened, library, built, tmp_path):
    if library is None or not TEST_DATA:
        pytest.skip("needs npm and CIFAR-10")
    assert (built.folder / "convnet-min.js").read_bytes() == library
    opened.click("#start")
    opened.wait_for_function("zoo.training.seen > 60")
    opened.click("#start")
    assert all(0 < loss < 50 for loss in opened.evaluate("zoo.training.loss"))
    with opened.expect_download() as saved:
        opened.click("#save")
    saved.value.save_as(tmp_path / "net.json")
    image = pixels_of("CIFAR10")[:1]
    with torch.no_grad():
        ours = from_convnetjs(tmp_path / "net.json").eval()(image.float() / 255 - 0.5).softmax(dim=1)[0]
    theirs = opened.evaluate(
        """(pixels) => {
            const vol = new convnetjs.Vol(32, 32, 3, 0);
            pixels.forEach((p, n) => { vol.w[3 * (n % 1024) + Math.floor(n / 1024)] = p / 255 - 0.5; });
            return Array.from(zoo.training.net.forward(vol).w);
        }""",
        image.flatten().tolist(),
    )
    np.testing.assert_allclose(theirs, ours.numpy(), atol=1e-5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_accessibility_checker_finds_nothing(opened, axe, scheme):
    opened.emulate_media(color_scheme=scheme)
    opened.get_by_role("button", name="Draw a 3").click()
    rest(opened)
    assert violations(opened, axe) == []


def test_the_picture_of_the_readme_is_the_page(opened, tmp_path):
    sys.path.insert(0, str(ROOT / "docs"))
    from demo_picture import FILE, draw

    if not opened.evaluate("zoo.content.training"):
        # Without it the page lacks a link above.
        pytest.skip("needs npm")
    draw(opened, tmp_path / "demo.png")
    drawn, shown = (np.asarray(Image.open(path).convert("L"), np.float64) for path in (tmp_path / "demo.png", FILE))
    assert drawn.shape == shown.shape
    # Letters of other fonts are a part of it: the paper, the bars and the maps are most of it.
    assert np.abs(drawn - shown).mean() < 3


def test_nothing_is_wider_than_the_screen(opened):
    for width in (320, 390, 1440):
        opened.set_viewport_size({"width": width, "height": 800})
        opened.click("#clear")
        opened.get_by_role("button", name="Draw a 8").click()
        rest(opened)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
