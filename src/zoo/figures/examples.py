"""The images of a picture: some of the test set that weights are for, or somebody's own, as a network sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoo import keyed
from zoo.errors import InputError
from zoo.views import center
from zoo.weights.classify import find_images
from zoo.weights.trained import Weights


@dataclass(frozen=True)
class Sample:
    """Test images as they are stored, uint8 (N, C, H, W), with labels int64 (N,); ``line`` says what they are."""

    class_name: str
    images: Tensor
    labels: Tensor
    line: str


@dataclass(frozen=True)
class Seen:
    """Images as one network sees them.

    ``pixels`` are uint8 (N, C, S, S), ``inputs`` float32 of the same shape, ``labels`` int64 (N,) where the classes are
    known and None where not; ``line`` says what they are.
    """

    pixels: Tensor
    inputs: Tensor
    labels: Tensor | None
    line: str


def sample(
    weights: Weights, count: int | None, seed: int = 0, root: str | None = None, download: bool = False
) -> Sample:
    """``count`` test images of the data that weights are for, all where None, in an order that ``seed`` chooses.

    Raises InputError for no images or a seed below 0, where they cannot be read, and for data that are files: ImageNet
    and one's own.
    """
    if count is not None and count < 1:
        raise InputError(f"A figure is of at least one image, not of {count}: give another --count.")
    # What scikit-learn takes, too.
    if not 0 <= seed < 2**32:
        raise InputError(f"--seed is a whole number from 0 to {2**32 - 1}, not {seed}.")
    module: Any = weights.data_module(root, download=download)
    if not hasattr(module, "read"):
        raise InputError(f"The images of {weights.name} are files: name some, or a folder of them, with --images.")
    # It refuses the images of another data set; what it holds has already gone through the preprocessing.
    module.setup("test")
    images, labels = module.read()["test"]
    order = keyed.permutation(keyed.key(seed, "figure"), len(labels))[:count]
    line = f"{len(order):,} of {len(labels):,} test images of {module.name}, drawn with seed {seed}"
    if len(order) == len(labels):
        line = f"all {len(labels):,} test images of {module.name}"
    return Sample(weights.data.class_name, images[order], labels[order], line)


def seen(weights: Weights, given: Sample) -> Seen:
    """Test images through the preprocessing of these weights. Raises InputError where they are for other data."""
    if weights.data.class_name != given.class_name:
        raise InputError(f"{weights.name} is for {weights.data.class_name}, not for {given.class_name}: leave it out.")
    side = weights.bare_network().input_shape[1]
    steps: Any = weights.steps()
    placed = steps.place(given.images)
    inputs: Tensor = steps(placed)
    return Seen(center(placed, side), center(inputs, side), given.labels, given.line)


def seen_files(weights: Weights, paths: Sequence[str]) -> Seen:
    """Somebody's own images, or all in folders, through the preprocessing of these weights, as ``zoo classify`` has it.

    Raises InputError where one is missing, or is no image.
    """
    files = [found.path for found in find_images(list(paths))]
    inputs = weights.transforms(whole=True)(files)
    steps: Any = weights.steps()
    side = weights.bare_network().input_shape[1]
    names = weights.class_names
    folders = [file.parent.name for file in files]
    labels = torch.tensor([names.index(name) for name in folders]) if set(folders) <= set(names) else None
    line = f"image {files[0].name}" if len(files) == 1 else f"{len(files):,} images"
    return Seen(center(steps.displayed(inputs), side), center(inputs, side), labels, line)


def shown_to(
    weights: Weights, images: Sequence[str] | None, count: int, seed: int, root: str | None, download: bool
) -> Seen:
    """The images that were named, or else ``count`` test images."""
    if images is not None:
        return seen_files(weights, images)
    return seen(weights, sample(weights, count, seed, root, download))
