"""The named preprocessing of photographs: evaluation against torchvision's, colours against slow loops in float64."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, PILToTensor, Resize

from zoo import keyed
from zoo.data import ImageNet
from zoo.data.photos.decoders import read_rgb
from zoo.data.photos.transforms import PCA_COMPONENTS, PCA_STD, TRANSFORMS
from zoo.data.sampling import Draw
from zoo.data.statistics import PixelStatistics, PixelSums
from zoo.errors import InputError

# From Python 3.12 on, forking a process that has threads, as torch has, warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks")


def photographs() -> list[Path]:
    folder = os.environ.get("ZOO_TEST_DATA")
    if not folder or not Path(folder, "photos").is_dir():
        pytest.skip("needs the 64 photographs: set ZOO_TEST_DATA to the folder that holds photos/<class>/*.JPEG")
    return sorted(Path(folder, "photos").glob("*/*.JPEG"))


def statistics() -> PixelStatistics:
    """Of six noisy photos, brighter to the right."""
    sums = PixelSums.zero(3, 256, 256)
    for number in range(6):
        noise = np.random.default_rng(number).integers(0, 120, (3, 256, 256))
        sums.add((noise + np.arange(256) // 2).astype(np.uint8))
    return PixelStatistics.of(sums)


def fitted(name: str):
    return TRANSFORMS[name].fitted(statistics(), everything=TRANSFORMS[name].with_own_colors)


def images(n: int = 5, size: int = 224) -> torch.Tensor:
    generator = torch.Generator().manual_seed(size)
    return torch.randint(0, 256, (n, 3, size, size), generator=generator, dtype=torch.uint8)


def normals(n: int = 5) -> torch.Tensor:
    return keyed.normals(keyed.key("test"), torch.arange(n), 3)


def test_evaluation_of_every_photograph_is_torchvisions_bit_for_bit():
    for side in (256, 384):
        recipe = Compose([Resize(side), CenterCrop(224), PILToTensor()])
        for file in photographs():
            with Image.open(file) as image:
                expected = recipe(image.convert("RGB"))
            for name in ("torchvision", "vgg_384"):
                if TRANSFORMS[name].short_side == side:
                    assert torch.equal(TRANSFORMS[name].central(read_rgb(file)), expected), file


def test_torchvisions_way_through_tensors_gives_the_same_view_but_for_rounding():
    recipe = Compose([PILToTensor(), Resize(256, antialias=True), CenterCrop(224)])
    for file in photographs():
        image = read_rgb(file)
        difference = TRANSFORMS["torchvision"].central(image).int() - recipe(image).int()
        assert difference.abs().max() <= 1, file


@pytest.mark.parametrize("decoder", ["pil", "fast"])
def test_the_test_loader_hands_over_torchvisions_pixels_with_either_decoder(tmp_path, decoder):
    files = photographs()[:12]
    for split in ("train", "val"):
        for file in files:
            link = tmp_path / split / file.parent.name / file.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)
    data = ImageNet(str(tmp_path), batch_size=5, num_held_out=6, num_workers=1, decoder=decoder)
    data.setup()
    recipe = Compose([Resize(256), CenterCrop(224), PILToTensor()])
    for loader, split in ((data.test_dataloader(), "test"), (data.val_dataloader(), "val")):
        made = torch.cat([batch[0] for batch in loader])
        members = data.splits[split]
        expected = [recipe(read_rgb(members.files[position])) for position in members.positions.tolist()]
        assert torch.equal(made, torch.stack(expected))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_has_its_inverse(name):
    transform = fitted(name)
    pixels = images(size=transform.size)
    made = transform.normalize(pixels, torch.zeros(5, 3))
    assert made.dtype == torch.float32
    assert torch.equal(transform.displayed(made), pixels)


@pytest.mark.parametrize("name", ["alexnet", "caffe", "vgg", "torchvision"])
def test_names_of_old_give_the_bits_of_the_plain_formula(name):
    transform = TRANSFORMS[name]
    for n in (0, 1, 3, 4, 9):
        pixels, shifts = images(n, 40), transform.color_shifts(normals(n))
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (transform.mean, transform.std))
        assert torch.equal(
            transform.normalize(pixels, shifts), (pixels.float() + (shifts[:, :, None, None] - mean)) / std
        )


@pytest.mark.parametrize("name", ["alexnet", "alexnet_mean_image", "alexnet_own", "alexnet_code", "alexnet_formula"])
def test_alexnets_colours_are_those_of_a_slow_loop(name):
    transform, found = fitted(name), statistics()
    own = name == "alexnet_own"
    deviations = found.std if own else PCA_STD.double().numpy()
    components = found.components if own else PCA_COMPONENTS.double().numpy()
    lengths = deviations**2 / 255 if name == "alexnet_formula" else deviations
    mean = np.array([127.30, 119.72, 104.91])[:, None, None]
    if name not in ("alexnet", "alexnet_formula"):
        mean = found.mean_image.astype(np.float64)[:, 16:240, 16:240]
    pixels, draws = images(), normals()
    made = transform.normalize(pixels, transform.color_shifts(draws))
    tested = transform.normalize(pixels, torch.zeros(5, 3))
    for image, row, trained, still in zip(pixels.numpy(), draws.numpy(), made, tested, strict=True):
        expected = image - mean
        np.testing.assert_allclose(still, expected, atol=1e-4)
        for component, length, alpha in zip(components, lengths, row.astype(np.float64), strict=True):
            expected = expected + (0.1 * alpha * length * component)[:, None, None]
        np.testing.assert_allclose(trained, expected / (1.1 if name == "alexnet_code" else 1), atol=2e-4)


def test_the_mean_image_is_of_the_middle_and_refuses_larger_images():
    transform = fitted("alexnet_mean_image")
    assert transform.normalize(images(2, 256), torch.zeros(2, 3)).shape == (2, 3, 256, 256)
    with pytest.raises(InputError, match="300x300 pixels are larger than the mean image"):
        transform.normalize(images(1, 300), torch.zeros(1, 3))


def test_vggs_third_number_is_its_scale():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8))
    transform = TRANSFORMS["vgg_256_512"]
    for number, side in ((0.0, 256), (0.5, 384), (1 - 2**-24, 512)):
        scaled = Resize(side)(image)
        left, top = (int(0.25 * (length - 223)) for length in scaled.size)
        expected = PILToTensor()(scaled.crop((left, top, left + 224, top + 224)))
        assert torch.equal(transform.random(image, [0.25, 0.25, number, 0.9]), expected)
        assert torch.equal(transform.random(image, [0.25, 0.25, number, 0.1]), expected.flip(2))


def test_a_view_depends_on_seed_epoch_and_index_alone(tmp_path):
    for split in ("train", "val"):
        for number in range(6):
            path = tmp_path / split / "n00000001" / f"{number}.JPEG"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.random.default_rng(number).integers(0, 256, (60, 90, 3), np.uint8)).save(path, "JPEG")
    modules = [ImageNet(str(tmp_path), 3, "vgg_256_512", 0, 0, seed) for seed in (1, 1, 2)]
    for data in modules:
        data.setup()
    made = [data.splits["train"] for data in modules]
    one, again, other = (split[Draw(4, torch.tensor([2, 5]))] for split in made)
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[0], other[0])
    assert torch.equal(made[0][Draw(4, torch.tensor([5]))][0][0], one[0][1])
    assert not torch.equal(made[0][Draw(5, torch.tensor([5]))][0][0], one[0][1])
