"""Several descriptions of the same test images: pixels, and what networks make of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from zoo.errors import InputError
from zoo.figures.examples import Sample, sample, seen
from zoo.figures.features import last_hidden
from zoo.figures.kinds import PIXELS
from zoo.weights.find import find
from zoo.weights.trained import Weights


@dataclass(frozen=True)
class Description:
    """One row of numbers an image: ``features`` float32 (N, D), with the name of where they are from."""

    name: str
    features: Tensor


def described(
    names: "Sequence[str | Path | Weights]", count: int, seed: int, root: str | None, download: bool
) -> tuple[Sample, list[Description], list[str]]:
    """Test images, what each of ``names`` makes of them, and the names of their classes.

    A name is that of weights, whose last hidden layer it is, or ``pixels``: brightness from 0 to 1. Raises InputError
    where there is no name of weights, and where they are for different data.
    """
    trained = {name: find(name) for name in names if name != PIXELS}
    if not trained:
        raise InputError("Pixels are those of the data that weights are for: name weights as well.")
    first = next(iter(trained.values()))
    given = sample(first, count, seed, root, download)
    found = []
    for name in names:
        if name == PIXELS:
            found.append(Description(PIXELS, given.images.flatten(1).float() / 255))
            continue
        weights = trained[name]
        with torch.no_grad():
            features = last_hidden(weights.network(), seen(weights, given).inputs)
        found.append(Description(weights.name, features))
    return given, found, first.class_names
