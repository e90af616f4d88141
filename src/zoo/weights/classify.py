"""What trained networks say about images: files and folders to the classes that lead."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import Tensor

from zoo.data.photos.decode import decode
from zoo.errors import InputError
from zoo.files import given_path
from zoo.weights.doubts import UNSURE
from zoo.weights.preprocessing import is_ink, taken_for
from zoo.weights.regions import Region, regions_of
from zoo.weights.trained import Weights

# Images that go through a network at a time: as many numbers as 64 images of 64x64.
_NUMBERS_AT_A_TIME = 64 * 3 * 64 * 64
_PREPARATIONS = {
    "ink": "went the way of MNIST's digits: ink found, its box scaled to 20 pixels, its mass centred in 28x28",
    "photo": "went the way of CIFAR-10's photographs: the centre square, averaged down to 32x32",
}


@dataclass(frozen=True)
class Guess:
    """A class, its number among the outputs and its probability."""

    name: str
    index: int
    probability: float


@dataclass(frozen=True)
class Answer:
    """The classes that lead for one region, the likeliest first; none where the network gives no answer (NaN)."""

    region: Region
    guesses: tuple[Guess, ...]


@dataclass(frozen=True)
class ImageFile:
    """One file to classify; ``named`` where the user named it, so that it must be an image."""

    path: Path
    named: bool


def find_images(paths: Sequence[str]) -> list[ImageFile]:
    """The files that ``paths`` name and all files below the folders among them, sorted by path.

    Raises InputError where a path does not exist or a folder holds no file.
    """
    found = []
    for given in map(given_path, paths):
        if given.is_dir():
            members = sorted(file for file in given.rglob("*") if file.is_file())
            if not members:
                raise InputError(f"The folder {given} holds no files: give images, or a folder of images.")
            found += [ImageFile(file, named=False) for file in members]
        elif given.exists():
            found.append(ImageFile(given, named=True))
        else:
            raise InputError(f"There is no file or folder {given}.")
    return found


def classify(
    weights: Weights,
    files: Sequence[ImageFile],
    top: int,
    invert: bool,
    skipped: Callable[[InputError], None],
    as_is: bool = False,
) -> Iterator[Answer]:
    """Classifies every image, or each digit in it where the network knows MNIST's; gives the ``top`` classes.

    ``invert`` turns the images into their negatives first; ``as_is`` only scales them, see ``Weights.transforms``.
    What lies in a folder and is no image goes to ``skipped``. Raises InputError where a named file is no image.
    """
    network, transforms = weights.network().eval(), weights.transforms(as_is=True)
    kind, inked = None if as_is else taken_for(weights.data.class_name), is_ink(weights.data.class_name)
    # One by one, so that no more than one image of full size is in memory.
    regions = (
        region
        for path, image in _images(files, invert, skipped)
        for region in regions_of(path, image, transforms, kind, inked)
    )
    size = max(1, _NUMBERS_AT_A_TIME // math.prod(network.input_shape))
    while batch := list(islice(regions, size)):
        with torch.inference_mode():
            logits = network(torch.stack([shown for _, shown in batch]))
        for (region, _), row in zip(batch, logits, strict=True):
            guesses = leading(row, weights.class_names, top)
            unsure = kind is not None and bool(guesses) and guesses[0].probability < 0.5
            doubts = (*region.doubts, UNSURE) if unsure else region.doubts
            yield Answer(replace(region, doubts=doubts), guesses)


def preparation_of(weights: Weights) -> str:
    """What is done to images that are not in the form of the data's images, as the end of a sentence that counts."""
    return _PREPARATIONS.get(taken_for(weights.data.class_name) or "", "")


def leading(logits: Tensor, class_names: Sequence[str], top: int) -> tuple[Guess, ...]:
    """The ``top`` classes of one image's logits (classes,) by softmax; of equal ones the smaller number first."""
    if logits.isnan().any():
        return ()
    probabilities = logits.double().softmax(dim=0)
    # By logits: probabilities far below the first are equal zeros.
    order = logits.argsort(descending=True, stable=True)[:top].tolist()
    return tuple(Guess(class_names[index], index, float(probabilities[index])) for index in order)


def _images(
    files: Sequence[ImageFile], invert: bool, skipped: Callable[[InputError], None]
) -> Iterator[tuple[Path, Image.Image]]:
    for file in files:
        try:
            image = decode(file.path)
        except InputError as error:
            if file.named:
                raise
            skipped(error)
            continue
        yield file.path, ImageOps.invert(image) if invert else image
