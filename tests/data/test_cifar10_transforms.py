"""What the networks of ConvNetJS and cuda-convnet see: image by image loops, the mean image, who may shape it."""

import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from zoo import keyed
from zoo.data import CIFAR10, transforms
from zoo.data.base import InMemoryDataModule
from zoo.data.memory import InMemory
from zoo.data.sampling import Draw

NUM, SEED = 120, 5


def random_images(num: int, seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (num, 3, 32, 32), np.uint8))


class Small(InMemoryDataModule):
    """Random images in CIFAR-10's shape; ``changed`` replaces the training images at these positions."""

    name = "small"

    def __init__(self, transform: str, num_held_out: int = 20, changed: Tensor | None = None) -> None:
        super().__init__(10, num_held_out, SEED, transforms.CIFAR10[transform])
        self.class_names, self.changed = [str(n) for n in range(10)], changed
        self.images = {"train": random_images(NUM, 1), "test": random_images(30, 2)}
        if changed is not None:
            self.images["train"][changed] = 255

    def read(self) -> dict[str, tuple[Tensor, Tensor]]:
        return {name: (images, torch.arange(len(images)) % 10) for name, images in self.images.items()}


def prepared(*args, **kwargs) -> Small:
    data = Small(*args, **kwargs)
    data.setup()
    return data


def numbers_of(positions: Tensor, epoch: int) -> np.ndarray:
    return keyed.uniforms(keyed.key(SEED, "augment", epoch), positions, 3).numpy()


def demo_view(image: np.ndarray, dx: int, dy: int, flip: bool) -> np.ndarray:
    """The demo's augmentation of one normalised image (C, 32, 32), as its loops over x and y have it."""
    moved = np.zeros_like(image)
    for x in range(32):
        for y in range(32):
            if 0 <= x + dx < 32 and 0 <= y + dy < 32:
                moved[:, y, x] = image[:, y + dy, x + dx]
    if not flip:
        return moved
    mirrored = np.zeros_like(moved)
    for x in range(32):
        mirrored[:, :, x] = moved[:, :, 31 - x]
    return mirrored


def test_convnetjs_is_the_demos_augmentation_of_normalised_images():
    data = prepared("convnetjs")
    train = data.splits["train"]
    indices = torch.arange(0, 100, 3)
    seen, _ = train[Draw(4, indices)]
    positions = train.positions[indices]
    assert (seen.dtype, seen.shape) == (torch.float32, (34, 3, 32, 32))
    for view, position, (u, v, w) in zip(seen, positions, numbers_of(positions, 4), strict=True):
        image = data.images["train"][position].numpy() / 255 - 0.5
        expected = demo_view(image, dx=int(5 * v) - 2, dy=int(5 * u) - 2, flip=w < 0.5)
        np.testing.assert_allclose(view.numpy(), expected, rtol=0, atol=1e-7)


def test_in_convnetjs_what_moves_in_is_exactly_zero_which_no_pixel_is():
    train = prepared("convnetjs").splits["train"]
    seen, _ = train[Draw(0, torch.arange(100))]
    vertical = (numbers_of(train.positions, 0)[:, 0] * 5).astype(int) - 2
    assert np.array_equal((seen == 0).all(dim=3).all(dim=1).sum(dim=1).numpy(), np.abs(vertical))
    assert prepared("convnetjs").splits["val"][Draw(0, torch.arange(20))][0].abs().min() > 1e-3


def test_convnetjs_draws_all_fifty_views_equally_often():
    # Every image is a ramp down and a finer one across, so that each view tells its shift and flip.
    n = 5000
    ramp = (torch.arange(32)[:, None] * 5 + torch.arange(32)).to(torch.uint8)
    split = InMemory(
        ramp.expand(n, 3, 32, 32), torch.zeros(n).long(), torch.arange(n), transforms.CIFAR10["convnetjs"], 0
    )
    seen, _ = split[Draw(0, torch.arange(n))]
    grey = ((seen[:, 0] + 0.5) * 255).round().long()
    flip = grey[:, 10, 11] < grey[:, 10, 10]
    # Less its place, a pixel is 5 dy + dx.
    shift = torch.where(flip, grey[:, 10, 21], grey[:, 10, 10]) - 60 + 12
    counts = torch.bincount(shift * 2 + flip, minlength=50)
    assert len(counts) == 50
    assert chisquare(counts.numpy()).pvalue > 0.01


@pytest.mark.parametrize("name", ["mean_image", "cuda_convnet"])
def test_the_mean_image_is_numpys_mean_of_the_training_images(name):
    data = prepared(name)
    train = data.splits["train"]
    expected = data.images["train"].numpy()[train.positions.numpy()].mean(axis=0)
    for split in data.splits.values():
        np.testing.assert_allclose(split.transform.mean_image.numpy(), expected, rtol=1e-7)
    for split, num, source in (("val", 20, "train"), ("test", 30, "test")):
        seen, _ = data.splits[split][Draw(0, torch.arange(num))]
        pixels = data.images[source].numpy()[data.splits[split].positions.numpy()]
        assert seen.dtype == torch.float32
        np.testing.assert_allclose(seen.numpy(), pixels - expected, rtol=0, atol=1e-4)


def test_held_out_and_test_images_have_no_part_in_the_mean_image():
    plain = prepared("mean_image")
    held_out, kept = plain.splits["val"].positions, plain.splits["train"].positions
    mean = plain.splits["train"].transform.mean_image
    assert torch.equal(prepared("mean_image", changed=held_out).splits["train"].transform.mean_image, mean)
    assert not torch.equal(prepared("mean_image", changed=kept[:1]).splits["train"].transform.mean_image, mean)
    everything = prepared("mean_image", num_held_out=0).splits["train"].transform.mean_image
    np.testing.assert_allclose(everything.numpy(), plain.images["train"].numpy().mean(axis=0), rtol=1e-7)


def test_mean_image_does_not_augment():
    data = prepared("mean_image")
    train = data.splits["train"]
    seen = [train[Draw(epoch, torch.arange(50))][0] for epoch in (0, 1)]
    pixels = data.images["train"].numpy()[train.positions[:50].numpy()]
    assert torch.equal(*seen)
    np.testing.assert_allclose(seen[0].numpy(), pixels - train.transform.mean_image.numpy(), rtol=0, atol=1e-4)


def test_cuda_convnet_cuts_24_of_32_out_of_the_image_less_its_mean():
    data = prepared("cuda_convnet")
    train = data.splits["train"]
    seen, _ = train[Draw(7, torch.arange(100))]
    assert seen.shape == (100, 3, 24, 24)
    mean = train.transform.mean_image.numpy().astype(float)
    for view, position, (u, v, w) in zip(seen, train.positions, numbers_of(train.positions, 7), strict=True):
        top, left = int(9 * u), int(9 * v)
        expected = (data.images["train"][position].numpy() - mean)[:, top : top + 24, left : left + 24]
        expected = expected[:, :, ::-1] if w < 0.5 else expected
        np.testing.assert_allclose(view.numpy(), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["convnetjs", "mean_image", "cuda_convnet"])
def test_images_stay_bytes_in_memory_and_survive_pickling(name):
    train = prepared(name).splits["train"]
    assert train.images.dtype == torch.uint8
    draw = Draw(1, torch.arange(10))
    again = pickle.loads(pickle.dumps(train))
    assert torch.equal(again[draw][0], train[draw][0])


@pytest.mark.parametrize("name", ["convnetjs", "cuda_convnet"])
def test_a_view_depends_on_seed_epoch_and_position_alone(name):
    train = prepared(name).splits["train"]
    alone = train[Draw(2, torch.tensor([41]))][0][0]
    assert torch.equal(train[Draw(2, torch.tensor([7, 41, 3]))][0][1], alone)
    assert not torch.equal(train[Draw(3, torch.tensor([41]))][0][0], alone)
    assert train[Draw(0, torch.arange(0))][0].shape == (0, *alone.shape)


FROZEN = [
    ("CIFAR10", "standard", 3, 32, "6d8097b501c3ab47"),
    ("CIFAR10", "crop_flip", 3, 32, "ab8fafc911b3bd71"),
    ("MNIST", "lenet5", 1, 28, "3e24984b1f852e65"),
    ("MNIST", "standard", 1, 28, "d87cd746ddcef18b"),
    ("DIGITS", "lenet5", 1, 8, "bd36917a628350a4"),
]


@pytest.mark.parametrize(("table", "name", "channels", "side", "expected"), FROZEN)
def test_what_older_records_were_measured_on_is_frozen_to_the_bit(table, name, channels, side, expected):
    n = 50
    codes = keyed.hashes(keyed.key("frozen"), torch.arange(n * channels * side**2))
    images = (codes & 255).to(torch.uint8).view(n, channels, side, side)
    split = InMemory(images, torch.arange(n), torch.arange(n), getattr(transforms, table)[name], 3)
    seen, _ = split[Draw(2, torch.arange(0, n, 2))]
    assert hashlib.sha256(seen.numpy().tobytes()).hexdigest()[:16] == expected


def test_the_mean_image_of_the_real_training_images():
    folder = os.environ.get("ZOO_TEST_DATA")
    if not folder or not Path(folder, "cifar-10-batches-bin").is_dir():
        pytest.skip("needs the real CIFAR-10: set ZOO_TEST_DATA to the folder that holds cifar-10-batches-bin")
    data = CIFAR10(folder, transform="cuda_convnet", batch_size=64)
    data.setup()
    found = data.splits["test"].transform.mean_image
    files = [np.fromfile(Path(folder, "cifar-10-batches-bin", f"data_batch_{n}.bin"), np.uint8) for n in range(1, 6)]
    pixels = np.concatenate([file.reshape(-1, 3073)[:, 1:] for file in files])[data.splits["train"].positions.numpy()]
    np.testing.assert_allclose(found.flatten().numpy(), pixels.sum(axis=0, dtype=np.int64) / 45_000, rtol=1e-7)
    # The channels' means that everybody prints, 0.4914, 0.4822 and 0.4465, are of all 50,000.
    np.testing.assert_allclose(found.mean((1, 2)).numpy() / 255, [0.4914, 0.4822, 0.4465], atol=1e-3)
    assert next(iter(data.train_dataloader()))[0].shape == (64, 3, 24, 24)
    assert next(iter(data.test_dataloader()))[0].shape == (64, 3, 32, 32)
