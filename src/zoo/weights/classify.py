"""What trained networks say about images: files and folders to the classes that lead."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import Tensor

from zoo.data.photos.decode import decode
from zoo.errors import InputError
from zoo.files import given_path
from zoo.weights.preprocessing import is_ink
from zoo.weights.trained import Weights

# Images that go through a network at a time: as many numbers as 64 images of 64x64.
_NUMBERS_AT_A_TIME = 64 * 3 * 64 * 64


@dataclass(frozen=True)
class Guess:
    """A class, its number among the outputs and its probability."""

    name: str
    index: int
    probability: float


@dataclass(frozen=True)
class Answer:
    """The classes that lead for one image, the likeliest first; none where the network gives no answer (NaN).

    ``dark_on_light`` where a network of light ink on black was shown what looks like the opposite.
    """

    image: Path
    guesses: tuple[Guess, ...]
    dark_on_light: bool = False


@dataclass(frozen=True)
class Found:
    """One file to look at; ``named`` where the user named it, so that it must be an image."""

    path: Path
    named: bool


def find_images(paths: Sequence[str]) -> list[Found]:
    """The files that ``paths`` name and all files below the folders among them, sorted by path.

    Raises InputError where a path does not exist or a folder holds no file.
    """
    found = []
    for given in map(given_path, paths):
        if given.is_dir():
            members = sorted(file for file in given.rglob("*") if file.is_file())
            if not members:
                raise InputError(f"The folder {given} holds no files: give images, or a folder of images.")
            found += [Found(file, named=False) for file in members]
        elif given.exists():
            found.append(Found(given, named=True))
        else:
            raise InputError(f"There is no file or folder {given}.")
    return found


def classify(
    weights: Weights, found: Sequence[Found], top: int, invert: bool, skipped: Callable[[InputError], None]
) -> Iterator[Answer]:
    """Looks once at every image, through the preprocessing of ``weights``; gives the ``top`` classes of each.

    ``invert`` turns the images into their negatives first. What lies in a folder and is no image goes to
    ``skipped``. Raises InputError where a named file is no image.
    """
    network, transforms = weights.network().eval(), weights.transforms()
    inked = is_ink(weights.data.class_name)
    # One by one, so that no more than one image of full size is in memory.
    inputs = (
        (path, transforms(image), inked and dark_on_light(image)) for path, image in _images(found, invert, skipped)
    )
    size = max(1, _NUMBERS_AT_A_TIME // math.prod(network.input_shape))
    while batch := list(islice(inputs, size)):
        with torch.inference_mode():
            logits = network(torch.stack([image for _, image, _ in batch]))
        for (path, _, dark), row in zip(batch, logits, strict=True):
            yield Answer(path, leading(row, weights.class_names, top), dark)


def leading(logits: Tensor, class_names: Sequence[str], top: int) -> tuple[Guess, ...]:
    """The ``top`` classes of one image's logits (classes,) by softmax; of equal ones the smaller number first."""
    if logits.isnan().any():
        return ()
    probabilities = logits.double().softmax(dim=0)
    # By logits: probabilities far below the first are equal zeros.
    order = logits.argsort(descending=True, stable=True)[:top].tolist()
    return tuple(Guess(class_names[index], index, float(probabilities[index])) for index in order)


def dark_on_light(image: Image.Image) -> bool:
    """Whether the outermost pixels of an image are lighter, in the mean, than its middle grey value."""
    grey = torch.frombuffer(bytearray(image.convert("L").tobytes()), dtype=torch.uint8).float()
    grey = grey.view(image.height, image.width)
    edge = torch.cat([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return bool(edge.mean() > (grey.min() + grey.max()) / 2 and edge.mean() > 127)


def _images(
    found: Sequence[Found], invert: bool, skipped: Callable[[InputError], None]
) -> Iterator[tuple[Path, Image.Image]]:
    for file in found:
        try:
            image = decode(file.path)
        except InputError as error:
            if file.named:
                raise
            skipped(error)
            continue
        yield file.path, ImageOps.invert(image) if invert else image
