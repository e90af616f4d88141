"""The way back from a network's input to an image, and what ``zoo data info`` shows of a data set."""

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.cli import main
from zoo.data import CIFAR10, Digits, ImageNet, SmokeImageNet, Symmetry, smoke, transforms
from zoo.data.photos import transforms as of_photos
from zoo.data.photos.decoders import read_rgb
from zoo.data.sampling import Draw

TABLES = {
    f"{table} {name}": transform
    for table in ("DIGITS", "MNIST", "CIFAR10")
    for name, transform in getattr(transforms, table).items()
}


def levels(channels: int, side: int) -> torch.Tensor:
    """Images that hold each of the 256 levels in each channel, in an order of their own."""
    random = np.random.default_rng(0)
    values = np.stack([random.permutation(side * side) % 256 for _ in range(4 * channels)])
    return torch.from_numpy(values.astype(np.uint8)).view(4, channels, side, side)


@pytest.mark.parametrize("name", TABLES)
def test_a_normalised_image_comes_back_to_the_bit(name):
    images = levels(3 if "CIFAR10" in name else 1, 32)
    transform = TABLES[name].fitted(images.flip(0, 3))
    assert torch.equal(transform.displayed(transform(images)), images)


# Those with a mean image are in test_photo_transforms.
@pytest.mark.parametrize("name", [name for name, each in of_photos.TRANSFORMS.items() if not each.with_mean_image])
def test_a_normalised_photograph_comes_back_to_the_bit(name):
    images, transform = levels(3, 32), of_photos.TRANSFORMS[name]
    assert torch.equal(transform.displayed(transform.normalize(images, torch.zeros(4, 3))), images)
    shifts = torch.tensor([10.0, -20.0, 0.4]).expand(4, 3)
    shifted = (images.int() + torch.tensor([10, -20, 0])[:, None, None]).clamp(0, 255)
    assert torch.equal(transform.displayed(transform.normalize(images, shifts)).int(), shifted)


def test_a_crop_of_an_image_less_the_mean_image_comes_back_as_the_crop_of_the_image():
    images, transform = levels(3, 32), transforms.CIFAR10["cuda_convnet"]
    numbers = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
    fitted = transform.fitted(images.flip(0))
    assert torch.equal(fitted.displayed(fitted(images, numbers), numbers), transform.augment(images, numbers))


def test_what_moves_in_for_convnetjs_is_grey():
    transform = transforms.CIFAR10["convnetjs"]
    moved = transform.displayed(transform(torch.full((1, 3, 32, 32), 255, dtype=torch.uint8), torch.zeros(1, 3)))
    assert moved.unique(return_counts=True)[0].tolist() == [128, 255]


@pytest.fixture
def cifar(monkeypatch):
    """CIFAR-10's module on twenty images of its shape."""
    images, labels = levels(3, 32).repeat(5, 1, 1, 1), torch.arange(20) % 10
    monkeypatch.setattr(CIFAR10, "read", lambda self: {"train": (images, labels), "test": (images, labels)})
    monkeypatch.setattr(CIFAR10, "prepare_data", lambda self: None)
    return images


@pytest.mark.parametrize("transform", transforms.CIFAR10)
def test_training_images_of_a_data_module_are_its_batches_seen(cifar, transform):
    data = CIFAR10(transform=transform, num_held_out=0)
    data.setup()
    draw = Draw(3, torch.tensor([4, 0, 9]))
    images, batch = data.displayed(draw), data.splits["train"][draw][0]
    assert (images.shape, images.dtype) == (batch.shape, torch.uint8)
    if not data.transform.num_random:
        assert torch.equal(images, cifar[draw.indices])
    else:
        assert not torch.equal(images, data.displayed(Draw(4, draw.indices)))


def test_info_of_digits_counts_them_and_draws_their_sheet(capsys, tmp_path):
    sheet = tmp_path / "sheet.png"
    assert main(["data", "info", "digits", "--transform", "raw", "--output", str(sheet)]) == 0
    shown = capsys.readouterr().out
    assert "Digits train: 1,437 images of 10 classes" in shown
    assert "size 8x8 pixels, 1 channel" in shown
    assert f"storage {1797 * 64 / 1e6:.1f} MB in memory" in shown
    assert "(pixels and labels)" in shown
    data = Digits(transform="raw")
    data.setup()
    # The first row is the first training image of class 0, eight times over: digits are not augmented.
    split = data.splits["train"]
    expected = split.images[int((split.labels == 0).nonzero()[0]), 0].numpy()
    with Image.open(sheet) as image:
        assert np.array_equal(np.asarray(image)[4:100:12, 120:216:12, 0], expected)
        assert np.array_equal(np.asarray(image)[4:100:12, 220:316:12, 2], expected)


def test_info_of_an_image_folder_gives_sizes_and_storage(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(smoke, "NUM_CLASSES", 3)
    monkeypatch.setattr(smoke, "NUM_TRAIN", 2)
    monkeypatch.setattr(smoke, "NUM_VAL", 1)
    root = tmp_path / "images"
    words = ["data", "info", "SmokeImageNet", "--root", str(root), "--transform", "alexnet"]
    assert main([*words, "--output", str(tmp_path / "sheet.png")]) == 0
    shown = capsys.readouterr().out
    widths = sorted(read_rgb(path).width for path in root.rglob("*.JPEG"))
    assert f"width {widths[0]} to {widths[-1]} pixels, median {widths[4]} (headers of 9 of 9 files)" in shown
    assert f"storage {sum(path.stat().st_size for path in root.rglob('*.JPEG')) / 1e6:.1f} MB in 9 files" in shown
    assert "(names and sizes of the files)" in shown
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.size == (120 + 8 * 228, 4 + 3 * 228)
    assert main(["data", "verify", "SmokeImageNet", "--root", str(root)]) == 0
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert f"median {widths[4]} (manifest, 9 files)" in shown
    assert "(names, sizes and contents of the files)" in shown


def test_images_of_photographs_are_the_augmented_crops(tmp_path, monkeypatch):
    monkeypatch.setattr(smoke, "NUM_CLASSES", 2)
    SmokeImageNet(str(tmp_path / "images")).prepare_data()
    data = ImageNet(str(tmp_path / "images"), transform="vgg", num_held_out=0, num_workers=0)
    data.setup()
    draw = Draw(1, torch.tensor([0, 30]))
    crops, _, shifts = data.splits["train"][draw]
    expected = (crops.float() + shifts[:, :, None, None]).clamp(0, 255)
    assert (data.displayed(draw).float() - expected).abs().max() <= 0.51


def test_info_of_the_symmetry_patterns_works_where_there_is_no_root(capsys, tmp_path):
    assert main(["data", "info", "Symmetry", "--output", str(tmp_path / "sheet.png")]) == 0
    assert "size 6x1 pixels" in capsys.readouterr().out
    assert Symmetry.name == "symmetry"
