"""The papers' preprocessing against torchvision, against pixels that tell where they came from, and in numbers."""

import pickle

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as tv
from PIL import Image
from scipy.stats import ks_2samp
from torchvision.transforms import CenterCrop, Compose, Normalize, RandomResizedCrop, Resize, ToTensor

from zoo import keyed
from zoo.data import transforms
from zoo.data.photos import transforms as of_photos
from zoo.data.photos.transforms import (
    TRANSFORMS,
    crop_anywhere,
    crop_from_center_square,
    crop_from_warped,
    random_resized_crop,
    scale_short_side,
)

SIZES = [(500, 375), (375, 500), (256, 256), (257, 300), (100, 333), (224, 224), (1001, 703), (343, 256), (256, 343)]
# Width and height where multiplying by 256 / short, rounded first, falls one pixel short of torchvision's size.
TREACHEROUS = [(98, 49), (49, 147), (206, 103), (103, 721)]


def photo(width: int, height: int) -> Image.Image:
    """Noise over a slope: every pixel counts, and no two parts are alike."""
    noise = np.random.default_rng([width, height]).integers(0, 120, (height, width, 3))
    slope = np.linspace(0, 135, width)[None, :, None] * np.array([1, 0.5, 0])
    return Image.fromarray((noise + slope).astype(np.uint8))


def coordinates(width: int, height: int) -> Image.Image:
    """A photo whose red and green are each pixel's own column and row, modulo 256."""
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([columns, rows, 0 * rows], axis=2).astype(np.uint8))


def corner(view: Image.Image) -> tuple[int, ...]:
    """The column and row that the view's upper left pixel had in ``coordinates``."""
    return view.getpixel((0, 0))[:2]


# Every transform at one size; every size at either short side.
@pytest.mark.parametrize(
    ("name", "size"),
    [
        *((name, SIZES[0]) for name in sorted(set(TRANSFORMS) - {"caffe"})),
        *((name, size) for name in ("torchvision", "vgg_384") for size in SIZES[1:]),
    ],
)
def test_the_central_view_is_torchvisions_resize_and_center_crop_224(name, size):
    assert TRANSFORMS[name].short_side == {"vgg_384": 384, "vgg_256_512": 384}.get(name, 256)
    expected = Compose([Resize(TRANSFORMS[name].short_side), CenterCrop(224)])(photo(*size))
    view = TRANSFORMS[name].central(photo(*size))
    assert view.dtype == torch.uint8
    assert np.array_equal(view.permute(1, 2, 0).numpy(), np.asarray(expected))


@pytest.mark.parametrize("size", SIZES)
def test_caffes_central_view_is_cut_from_the_photo_warped_to_a_square(size):
    expected = tv.crop(tv.resize(photo(*size), [256, 256]), 14, 14, 227, 227)
    view = TRANSFORMS["caffe"].central(photo(*size))
    assert np.array_equal(view.permute(1, 2, 0).numpy(), np.asarray(expected))


def test_caffes_crop_has_exactly_30_offsets_each_way():
    for axis in (0, 1):
        numbers = [[(n + 0.5) / 300 if a == axis else 0.0 for a in (0, 1)] for n in range(300)]
        reached = {corner(crop_from_warped(coordinates(256, 256), u))[axis] for u in numbers}
        assert reached == set(range(30))


def test_the_scaled_size_is_torchvisions():
    random = np.random.default_rng(0)
    for size in TREACHEROUS + SIZES + random.integers(20, 700, (60, 2)).tolist():
        image = Image.new("L", size)
        assert scale_short_side(image, 256).size == tv.resize(image, 256).size, size


@pytest.mark.parametrize("size", [(256, 256), (400, 256), (256, 401)])
def test_alexnets_crop_has_exactly_33_offsets_each_way_about_the_centre(size):
    image, center = coordinates(*size), [(side - 256) // 2 for side in size]
    for axis in (0, 1):
        reached = set()
        for number in torch.linspace(0, 1 - 2**-24, 331).tolist():
            numbers = [0.0, 0.0, 0.9]
            numbers[axis] = number
            view = crop_from_center_square(image, numbers)
            assert view.size == (224, 224)
            assert corner(view)[1 - axis] == center[1 - axis]
            reached.add(corner(view)[axis] - center[axis])
        assert reached == set(range(33))


@pytest.mark.parametrize("size", [(256, 256), (300, 256), (256, 310)])
def test_vggs_crop_reaches_every_part_of_the_scaled_photo_and_nothing_beyond(size):
    image = coordinates(*size)
    for axis, side in enumerate(size):
        views = [
            crop_anywhere(image, [number * (axis == 0), number * (axis == 1), 0.9])
            for number in torch.linspace(0, 1 - 2**-24, 10 * (side - 223)).tolist()
        ]
        # 224 columns and rows without a gap: the crop never leaves the photo, where pixels would be 0.
        assert {corner(view)[axis] for view in views} == set(range(side - 223))
        assert all(view.getpixel((223, 223))[axis] == (corner(view)[axis] + 223) % 256 for view in views)


@pytest.mark.parametrize("crop", [crop_from_center_square, crop_anywhere, random_resized_crop])
@pytest.mark.parametrize("size", [(30, 20), (224, 1000), (1, 1)])
def test_a_crop_is_224_by_224_whatever_the_photo(crop, size):
    for number in (0.0, 0.5, 1 - 2**-24):
        assert crop(photo(*size), [number] * 41).size == (224, 224)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_second_training_view_is_mirrored(name):
    transform, image = TRANSFORMS[name], photo(300, 280)
    numbers = [0.3] * (transform.num_random - 1)
    plain = transform.random(image, [*numbers, 0.5])
    mirrored = transform.random(image, [*numbers, 0.5 - 2**-24])
    assert plain.shape == (3, transform.size, transform.size)
    assert torch.equal(mirrored, plain.flip(2))
    assert not torch.equal(mirrored, plain)


class Sheet:
    """Stands in for a photo and notes which box is cut out of it."""

    def __init__(self, width: int, height: int) -> None:
        self.size = (width, height)

    def crop(self, box: tuple[int, ...]) -> "Sheet":
        self.box = box
        return self

    def resize(self, size: tuple[int, int], resample: int) -> "Sheet":
        return self


def box(width: int, height: int, numbers: list[float]) -> tuple[int, int, int, int]:
    """(left, top, width, height) of the part that random_resized_crop takes."""
    left, top, right, bottom = random_resized_crop(Sheet(width, height), numbers).box
    return left, top, right - left, bottom - top


def boxes(width: int, height: int, num: int = 3000) -> np.ndarray:
    numbers = keyed.uniforms(keyed.key("boxes", width, height), torch.arange(num), 41).tolist()
    return np.array([box(width, height, row) for row in numbers])


def torchvisions_boxes(width: int, height: int, num: int = 3000) -> np.ndarray:
    image = Image.new("L", (width, height))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = [RandomResizedCrop.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(num)]
    return np.array(drawn)[:, [1, 0, 3, 2]]


@pytest.mark.parametrize("size", [(500, 375), (224, 500), (300, 40), (7, 5), (1, 1)])
def test_the_random_box_is_never_empty_and_never_leaves_the_photo(size):
    left, top, width, height = boxes(*size).T
    assert min(left.min(), top.min()) >= 0
    assert min(width.min(), height.min()) >= 1
    assert (left + width).max() <= size[0]
    assert (top + height).max() <= size[1]


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (500, 150)])
def test_random_boxes_are_distributed_as_torchvisions(size):
    ours, theirs = boxes(*size).T, torchvisions_boxes(*size).T
    for name, measure in {
        "area": lambda left, top, width, height: width * height,
        "aspect": lambda left, top, width, height: width / height,
        "left": lambda left, top, width, height: left,
        "top": lambda left, top, width, height: top,
        "horizontal place": lambda left, top, width, height: left / (size[0] - width + 1),
    }.items():
        assert ks_2samp(measure(*ours), measure(*theirs)).pvalue > 1e-3, name


@pytest.mark.parametrize("size", [(2000, 100), (100, 2000), (301, 100), (100, 302), (135, 100)])
def test_after_ten_misses_the_box_is_torchvisions_central_one(size):
    # Of the whole area, no aspect from 3/4 to 4/3 fits into photos as long as these.
    top, left, height, width = RandomResizedCrop.get_params(Image.new("L", size), [1.0, 1.0], [3 / 4, 4 / 3])
    assert box(*size, [1 - 2**-24] * 41) == (left, top, width, height)


def test_the_pixels_of_a_random_box_are_torchvisions():
    image = photo(500, 375)
    for numbers in keyed.uniforms(keyed.key("pixels"), torch.arange(10), 41).tolist():
        left, top, width, height = box(500, 375, numbers)
        expected = tv.resized_crop(image, top, left, height, width, [224, 224])
        assert np.array_equal(np.asarray(random_resized_crop(image, numbers)), np.asarray(expected))


def test_the_torchvision_input_is_what_totensor_and_normalize_make():
    transform, image = TRANSFORMS["torchvision"], photo(300, 280)
    recipe = [Resize(256), CenterCrop(224), ToTensor(), Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    made = transform.normalize(transform.central(image)[None], torch.zeros(1, 3))
    assert made.dtype == torch.float32
    torch.testing.assert_close(made[0], Compose(recipe)(image), rtol=0, atol=2e-6)


@pytest.mark.parametrize(("name", "mean"), [("alexnet", [127.30, 119.72, 104.91]), ("vgg", [123.68, 116.779, 103.939])])
def test_both_papers_subtract_a_mean_colour_and_add_the_shift(name, mean):
    images = torch.full((2, 3, 4, 4), 100, dtype=torch.uint8)
    shifts = torch.tensor([[0.0, 0.0, 0.0], [1.5, -2.0, 30.0]])
    made = TRANSFORMS[name].normalize(images, shifts)
    expected = (100 - torch.tensor(mean) + shifts)[:, :, None, None].expand(2, 3, 4, 4)
    torch.testing.assert_close(made, expected)


def test_colour_shifts_have_the_covariance_of_the_papers_scaled_by_a_hundredth():
    normals = keyed.normals(keyed.key("color"), torch.arange(200_000), 3)
    shifts = TRANSFORMS["alexnet"].color_shifts(normals).double()
    components, deviations = of_photos.PCA_COMPONENTS.double(), of_photos.PCA_STD.double()
    expected = 0.1**2 * sum(
        deviation**2 * torch.outer(row, row) for row, deviation in zip(components, deviations, strict=True)
    )
    torch.testing.assert_close(torch.cov(shifts.T), expected, rtol=0.02, atol=0.2)
    assert shifts.mean(0).abs().max() < 0.1
    assert TRANSFORMS["torchvision"].color_shifts(normals).abs().max() == 0


def test_the_principal_components_are_orthonormal_and_near_those_that_others_print():
    torch.testing.assert_close(of_photos.PCA_COMPONENTS @ of_photos.PCA_COMPONENTS.T, torch.eye(3), rtol=0, atol=2e-3)
    # The eigenvalues on the 0..1 scale that fb.resnet.torch took from another sample of ImageNet.
    others = torch.tensor([0.2175, 0.0188, 0.0045]).sqrt() * 255
    torch.testing.assert_close(of_photos.PCA_STD, others, rtol=0.2, atol=0)


def test_small_images_are_enlarged_linearly_into_the_middle():
    ramp = (torch.arange(8, dtype=torch.uint8) * 30).expand(1, 1, 8, 8)
    made = transforms.placed(ramp, size=32, content=20)
    assert (made.shape, made.dtype) == ((1, 1, 32, 32), torch.uint8)
    # Pixel x of 20 has its centre at (x + 0.5) * 8 / 20 - 0.5 of 8; beyond the outermost centres the edge goes on.
    place = ((torch.arange(20) + 0.5) * 8 / 20 - 0.5).clamp(0, 7)
    assert (made[0, 0, 6:26, 6:26] - 30 * place).abs().max() <= 0.5
    assert made.long().sum() == made[0, 0, 6:26, 6:26].long().sum() > 0


def test_images_of_the_right_size_are_only_set_amid_zeros():
    image = torch.arange(784).view(1, 1, 28, 28).to(torch.uint8)
    made = transforms.placed(image, size=32, content=28)
    assert torch.equal(made[:, :, 2:30, 2:30], image)
    assert made.long().sum() == image.long().sum()


@pytest.mark.parametrize("table", [transforms.DIGITS, transforms.MNIST, transforms.CIFAR10, of_photos.TRANSFORMS])
def test_every_transform_can_be_pickled_as_spawned_processes_need_it(table):
    for name, transform in table.items():
        again = pickle.loads(pickle.dumps(transform))
        numbers = [(getattr(t, "mean", None), getattr(t, "std", None), t.num_random) for t in (again, transform)]
        assert type(again) is type(transform), name
        assert numbers[0] == numbers[1], name
