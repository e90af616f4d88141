"""The views of a test image against loops, their independence of the batch, and the mean of the probabilities."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor, nn

from zoo.evaluation.protocols import averaged, protocol


def six_views(images: Tensor) -> Iterator[Tensor]:
    return protocol("six-views").views(images, images.shape[2:])


def nine_crops(images: Tensor, size: int) -> Iterator[Tensor]:
    return protocol("nine-crops").views(images, (size, size))


def ten_crops(images: Tensor, size: int) -> Iterator[Tensor]:
    return protocol("ten-crop").views(images, (size, size))


def images_of(n: int, side: int = 32, seed: int = 0) -> Tensor:
    """Pixels p / 255 - 0.5, none of which is zero."""
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, 3, side, side))).float() / 255 - 0.5


def demo_view(image: np.ndarray, dx: int, dy: int, flip: bool) -> np.ndarray:
    """The demo's augmentation of one normalised image (C, H, W), pixel by pixel."""
    _, height, width = image.shape
    moved = np.zeros_like(image)
    for x, y in product(range(width), range(height)):
        if 0 <= x + dx < width and 0 <= y + dy < height:
            moved[:, y, width - 1 - x if flip else x] = image[:, y + dy, x + dx]
    return moved


SHIFTS = list(product(range(-2, 3), range(-2, 3), (False, True)))


def test_each_of_the_six_views_is_one_of_the_demos_fifty():
    images = images_of(4, side=12)
    views = list(six_views(images))
    assert len(views) == 6
    for n, image in enumerate(images.numpy()):
        possible = [demo_view(image, *shift) for shift in SHIFTS]
        for view in views:
            assert sum(np.array_equal(view[n].numpy(), candidate) for candidate in possible) == 1


def drawn(images: Tensor) -> Tensor:
    """Which of the fifty shifts and flips each of the six views of each image is: int64 (6, N)."""
    found = torch.full((6, len(images)), -1)
    for number, shift in enumerate(SHIFTS):
        candidates = torch.from_numpy(np.stack([demo_view(image, *shift) for image in images.numpy()]))
        for place, view in zip(found, six_views(images), strict=True):
            place[(view == candidates).flatten(1).all(dim=1)] = number
    return found


def test_all_fifty_views_are_equally_likely_in_each_place_and_across_places():
    places = drawn(images_of(300, side=5))
    assert places.min() >= 0
    for place in places:
        assert chisquare(torch.bincount(place // 2, minlength=25).numpy()).pvalue > 0.005
    assert chisquare(torch.bincount(places.flatten(), minlength=50).numpy()).pvalue > 0.01
    # Of two independent draws among fifty, one pair in fifty is equal: 90 of 15 pairs x 300 images.
    pairs = sum(int((places[a] == places[b]).sum()) for a in range(6) for b in range(a))
    assert abs(pairs - 90) < 5 * 90**0.5


def test_the_six_views_of_an_image_do_not_depend_on_batch_order_or_process():
    images = images_of(9)
    whole = torch.stack(list(six_views(images)))
    order = torch.tensor([4, 0, 8, 2])
    assert torch.equal(torch.stack(list(six_views(images[order]))), whole[:, order])
    assert torch.equal(torch.stack(list(six_views(images[5:6]))), whole[:, 5:6])
    assert torch.equal(torch.stack(list(six_views(images))), whole)
    assert next(six_views(images[:0])).shape == (0, 3, 32, 32)


def test_images_that_differ_in_the_place_of_two_pixels_are_keyed_apart():
    image = images_of(1)[0]
    swapped = [image.clone() for _ in range(20)]
    for n, other in enumerate(swapped):
        other[0, 0, 0], other[0, 1, n] = image[0, 1, n], image[0, 0, 0]
    # A view that moved differently differs in thousands of pixels, one that moved alike in two at most.
    twins = torch.stack([image, *swapped])
    moved = sum((view[1:] != view[:1]).flatten(1).sum(dim=1).gt(100).long() for view in six_views(twins))
    assert moved.ge(3).all()


def test_six_views_take_rounding_in_their_stride():
    # Another device may round the last bit of p / 255 - 0.5 in another way.
    images = images_of(5)
    for view, other in zip(six_views(images), six_views(images * (1 + 3e-7)), strict=True):
        assert torch.allclose(view, other, atol=1e-6)


@pytest.mark.parametrize("side", [24, 32])
def test_the_mirror_protocol_is_the_middle_and_its_mirror_image(side):
    images = images_of(3, side)
    middle = images[:, :, 4:28, 4:28] if side == 32 else images
    first, second = protocol("mirror").views(images, (24, 24))
    assert torch.equal(first, middle)
    assert torch.equal(second, torch.from_numpy(middle.numpy()[:, :, :, ::-1].copy()))


def test_nine_crops_are_the_3_by_3_offsets_of_the_2012_code():
    images = images_of(3)
    expected = [images[:, :, y : y + 24, x : x + 24] for y in (0, 4, 8) for x in (0, 4, 8)]
    for view, crop in zip(nine_crops(images, 24), expected, strict=True):
        assert torch.equal(view, crop)


@pytest.mark.parametrize(("side", "size", "border"), [(32, 24, 4), (256, 224, 16)])
def test_ten_crops_are_corners_and_centre_with_their_mirror_images(side, size, border):
    images = images_of(2, side)
    starts = [(0, 0), (0, 2 * border), (2 * border, 0), (2 * border, 2 * border), (border, border)]
    expected = []
    for y, x in starts:
        crop = images[:, :, y : y + size, x : x + size].numpy()
        expected += [crop, crop[:, :, :, ::-1]]
    views = [view.numpy() for view in ten_crops(images, size)]
    assert len(views) == len(expected)
    for view, crop in zip(views, expected, strict=True):
        assert np.array_equal(view, crop)


def test_ten_crops_are_torchvisions():
    functional = pytest.importorskip("torchvision.transforms.functional")
    images = images_of(2)
    views = {view.numpy().tobytes() for view in ten_crops(images, 24)}
    assert views == {view.numpy().tobytes() for view in functional.ten_crop(images, [24, 24])}


def test_averaged_is_the_log_of_the_mean_probability():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 7)).double()
    images = images_of(5).double()
    probabilities = np.zeros((5, 7))
    for view in nine_crops(images, 24):
        scores = np.exp(network(view).detach().numpy())
        probabilities += scores / scores.sum(axis=1, keepdims=True) / 9
    found = averaged(network, nine_crops(images, 24)).detach()
    np.testing.assert_allclose(found.numpy(), np.log(probabilities), rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.exp().sum(dim=1).numpy(), 1, atol=1e-12)


def test_a_mean_of_probabilities_is_not_a_mean_of_logits():
    views = [torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 200.0]])]
    found = averaged(lambda view: view, views)
    np.testing.assert_allclose(found.exp().numpy(), [[0.25, 0.75]], rtol=1e-6)
    assert torch.isfinite(found).all()
