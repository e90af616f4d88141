"""Every protocol on photographs against slow loops: one crop, one window of the map, one softmax at a time, float64."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zoo
from zoo.data.imagenet import ImageNet
from zoo.data.protocol_images import ProtocolImages
from zoo.data.smoke import drawn_photo
from zoo.evaluation.protocols import protocol
from zoo.evaluation.protocols.scores import scores
from zoo.models import fully_convolutional

NUM_CLASSES = 5


def generated(folder):
    return [drawn_photo(label, 3) for label in range(3)]


def photographs(folder):
    root = os.environ.get("ZOO_TEST_DATA")
    if not root or not Path(root, "photos").is_dir():
        pytest.skip("needs photographs: set ZOO_TEST_DATA to the folder that holds photos/<wnid>/*.JPEG")
    files = sorted(Path(root, "photos").rglob("*.JPEG"))
    return [Image.open(file).convert("RGB") for file in (files[0], files[17], files[40])]


@pytest.fixture(
    scope="module",
    params=[generated, pytest.param(photographs, marks=pytest.mark.slow)],
    ids=lambda images: images.__name__,
)
def root(request, tmp_path_factory):
    """An ImageNet folder of three photos of different shapes; the first two classes hold them in ``val``."""
    folder = tmp_path_factory.mktemp("imagenet")
    for number, image in enumerate(request.param(folder)):
        for split in ("train", "val"):
            place = folder / split / f"n{number % 2:08d}"
            place.mkdir(parents=True, exist_ok=True)
            image.save(place / f"{number}.JPEG", quality=95)
    return folder


def thin(name, size, factor):
    """The real chain of layers with a ``factor``-th of the maps and 16 units in fc6 and fc7; logits of order 1."""
    torch.manual_seed(0)
    with torch.device("meta"):
        network = zoo.get_model(name, num_classes=NUM_CLASSES, input_size=size)
        channels = 3
        for layer, module in [*network.named_children()]:
            if isinstance(module, nn.Conv2d):
                width = module.out_channels // factor
                how = {key: getattr(module, key) for key in ("stride", "padding", "groups")}
                setattr(network, layer, nn.Conv2d(channels, width, module.kernel_size, **how))
                channels = width
        for layer, sizes in {"fc6": (channels, 16), "fc7": (16, 16), "fc8": (16, NUM_CLASSES)}.items():
            setattr(network, layer, nn.Linear(*sizes))
    network = network.to(torch.float64).to_empty(device="cpu").eval()
    for parameter in network.parameters():
        reach = (6 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.1
        parameter.data.uniform_(-reach, reach)
    # Pixels are of order 100.
    next(network.parameters()).data /= 60
    network.fc8.weight.data *= 4
    return network


def measured(network, root, transform, names, batch_size=2, limit=7):
    """Probabilities (number of files, classes) under each protocol, from one measurement."""
    protocols = [protocol(name) for name in names]
    data = ImageNet(str(root), transform=transform, num_held_out=0, num_workers=0)
    looks = ProtocolImages(data, {scale for one in protocols for scale in one.scales or (None,)}, batch_size)
    looks.setup("test")
    found, indices = [[] for _ in protocols], []
    with torch.inference_mode():
        for packed in looks.test_dataloader():
            batch = looks.on_after_batch_transfer(packed, 0)
            results = scores(
                network, fully_convolutional(network), protocols, batch.groups, size=network.input_shape[1:], own=256,
                limit=limit, normalize=lambda images: looks.normalized(images).double(),
            )  # fmt: skip
            indices += batch.indices.tolist()
            for parts, logits in zip(found, results, strict=True):
                parts.append(logits.softmax(dim=1))
    assert indices == [0, 1, 2]
    return [torch.cat(parts).numpy() for parts in found]


# The loops: nothing below uses zoo.evaluation, zoo.views or zoo.models.dense.


def scaled(path, side, mean):
    """Pixels less their mean, float64 (3, H, W), of the photo with ``side`` pixels on its shorter side."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    if width < height:
        image = image.resize((side, height * side // width), Image.Resampling.BILINEAR)
    else:
        image = image.resize((width * side // height, side), Image.Resampling.BILINEAR)
    # The first subtraction is the one in float32 that training makes, too.
    return (np.asarray(image, np.float32) - np.float32(mean)).astype(np.float64).transpose(2, 0, 1)


def softmax(logits):
    scores = np.exp(logits - logits.max())
    return scores / scores.sum()


def of_crop(network, image, top, left, mirrored):
    size = network.input_shape[1]
    crop = image[:, top : top + size, left : left + size]
    crop = crop[:, :, ::-1] if mirrored else crop
    return softmax(network(torch.from_numpy(crop.copy())[None])[0].numpy())


def single_view(network, path, mean):
    image, size = scaled(path, 256, mean), network.input_shape[1]
    return of_crop(network, image, round((image.shape[1] - size) / 2), round((image.shape[2] - size) / 2), False)


def ten_crops(network, path, mean):
    image, size = scaled(path, 256, mean), network.input_shape[1]
    top, left = (image.shape[1] - 256) // 2, (image.shape[2] - 256) // 2
    square = image[:, top : top + 256, left : left + 256]
    last, middle = 256 - size, (256 - size) // 2
    total = np.zeros(NUM_CLASSES)
    for y, x in ((0, 0), (0, last), (last, 0), (last, last), (middle, middle)):
        total += of_crop(network, square, y, x, False)
        total += of_crop(network, square, y, x, True)
    return total / 10


def multi_crop(network, path, mean, sides):
    total, size = np.zeros(NUM_CLASSES), network.input_shape[1]
    for side in sides:
        image = scaled(path, side, mean)
        for row in range(5):
            for column in range(5):
                top, left = (
                    int(n * (length - size) / 4) for n, length in zip((row, column), image.shape[1:], strict=True)
                )
                total += of_crop(network, image, top, left, False)
                total += of_crop(network, image, top, left, True)
    return total / (50 * len(sides))


def dense(network, path, mean, sides):
    """The fully connected layers, as they are, on every window of the last pooling's map."""
    names = [name for name, _ in network.named_children()]
    flat = names.index("flatten")
    total = np.zeros(NUM_CLASSES)
    for side in sides:
        image = scaled(path, side, mean)
        for view in (image, image[:, :, ::-1]):
            maps = network[:flat](torch.from_numpy(view.copy())[None])
            window = network[:flat](torch.zeros(1, *network.input_shape, dtype=torch.float64)).shape[2]
            logits = [
                network[flat:](maps[:, :, y : y + window, x : x + window])[0].numpy()
                for y in range(maps.shape[2] - window + 1)
                for x in range(maps.shape[3] - window + 1)
            ]
            total += softmax(np.mean(logits, axis=0))
    return total / (2 * len(sides))


ALEXNET_MEAN, VGG_MEAN = (127.30, 119.72, 104.91), (123.68, 116.779, 103.939)


def compare(network, root, transform, expected, **how):
    found = measured(network, root, transform, list(expected), **how)
    files = sorted((root / "val").rglob("*.JPEG"))
    with torch.inference_mode():
        for (name, loop), probabilities in zip(expected.items(), found, strict=True):
            wanted = np.stack([loop(file) for file in files])
            np.testing.assert_allclose(probabilities, wanted, rtol=0, atol=1e-9, err_msg=name)
            # The photos are told apart, and the probabilities are neither flat nor all on one class.
            assert wanted.std(axis=0).max() > 1e-4
            assert 0.25 < wanted.max() < 0.999


def test_alexnet_under_every_protocol_in_one_measurement(root):
    network = thin("alexnet", 64, 4)
    sides, mean = (64, 80, 97), ALEXNET_MEAN
    compare(
        network, root, "alexnet",
        {
            "centre": lambda path: single_view(network, path, mean),
            "ten-crop": lambda path: ten_crops(network, path, mean),
            "dense-97": lambda path: dense(network, path, mean, (97,)),
            "dense-64-80-97": lambda path: dense(network, path, mean, sides),
            "multi-crop-64-80-97": lambda path: multi_crop(network, path, mean, sides),
            "multi-crop+dense-64-80-97": lambda path: (
                multi_crop(network, path, mean, sides) + dense(network, path, mean, sides)
            ) / 2,
        },
    )  # fmt: skip


def test_vgg16_under_every_protocol_in_one_measurement(root):
    network = thin("vgg16", 32, 8)
    mean = VGG_MEAN
    compare(
        network, root, "vgg",
        {
            "centre": lambda path: single_view(network, path, mean),
            "ten-crop": lambda path: ten_crops(network, path, mean),
            "dense-32-45-70": lambda path: dense(network, path, mean, (32, 45, 70)),
            "multi-crop-45": lambda path: multi_crop(network, path, mean, (45,)),
            "multi-crop+dense-45": lambda path: (
                multi_crop(network, path, mean, (45,)) + dense(network, path, mean, (45,))
            ) / 2,
        },
    )  # fmt: skip
