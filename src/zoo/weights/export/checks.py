"""Whether an exported form still is the network: the same logits on real and on random images."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.weights.trained import Weights

# Programs add up in another order, and each keeps some seven digits of the largest logit.
TOLERANCE = 1e-4
TOP = 5
NUM_REAL, NUM_RANDOM = 16, 8
# Of inputs larger than this side, a quarter as many.
_SMALL = 64


@dataclass(frozen=True)
class Agreement:
    """Logits against logits: the ``largest`` difference, the ``scale`` of the largest logit, and the leading classes.

    ``same_top`` of ``num_images`` images have the same ``TOP`` classes in the same order; classes whose logits are
    closer than the forms are to each other count as equal, and may change places.
    """

    largest: float
    scale: float
    num_images: int
    same_top: int
    same_first: int

    @property
    def holds(self) -> bool:
        """Whether the two are one network but for rounding."""
        return self.largest <= TOLERANCE * max(1.0, self.scale) and self.same_top == self.num_images


def compare(expected: Tensor, found: Tensor) -> Agreement:
    """Logits (N, classes) of the network and of its exported form; NaN, "no answer", must stand in the same places."""
    silent = expected.isnan().any(dim=1)
    if found.shape != expected.shape or not torch.equal(silent, found.isnan().any(dim=1)):
        return Agreement(math.inf, 0.0, len(expected), 0, 0)
    answered, theirs = expected[~silent].double(), found[~silent].double()
    if not answered.numel():
        return Agreement(0.0, 0.0, len(expected), len(expected), len(expected))
    difference, scale = (answered - theirs).abs(), float(answered.abs().max())
    largest = float(difference.max()) if theirs.isfinite().all() else math.inf
    order = theirs.argsort(dim=1, descending=True, stable=True)[:, :TOP]
    # Rank by rank, the class that leads there must have the logit that leads there in the network itself.
    misplaced = (answered.gather(1, order) - answered.sort(dim=1, descending=True).values[:, :TOP]).abs()
    near = 2 * min(largest, TOLERANCE * max(1.0, scale))
    same = int((misplaced <= near).all(dim=1).sum()) + int(silent.sum())
    first = int((misplaced[:, 0] <= near).sum()) + int(silent.sum())
    return Agreement(largest, scale, len(expected), same, first)


@torch.inference_mode()
def check(
    network: nn.Module, module: nn.Module, form: Callable[[Tensor], Tensor], images: tuple[Tensor, Tensor], what: str
) -> tuple[Agreement, Agreement | None]:
    """How ``form`` agrees with ``module`` and, where that is the network rounded, what the rounding costs.

    Raises InputError where ``form`` is not ``module``.
    """
    inputs = torch.cat(images)
    original, expected, found = network(inputs), module(inputs), form(inputs)
    # A batch of one, and with it another size than that of the export.
    found[:1] = form(inputs[:1])
    agreement = compare(expected, found)
    if not agreement.holds:
        raise InputError(
            f"{what} is not the network: its logits, of up to {agreement.scale:.3g}, differ by {agreement.largest:.3g},"
            f" and the leading classes are the same on {agreement.same_top} of {agreement.num_images} images only:"
            " nothing was written."
        )
    return agreement, compare(original, found) if module is not network else None


def check_images(weights: Weights) -> tuple[Tensor, Tensor]:
    """Real and random images through the preprocessing of ``weights``: two batches of a network's inputs.

    The real ones come with scikit-learn: handwritten digits for one channel, parts of two photographs for three.
    """
    channels, side, _ = weights.bare_network().input_shape
    transforms = weights.transforms(as_is=True)
    share = 1 if side <= _SMALL else 4
    real = (_digits() if channels == 1 else _photographs())[::share]
    drawn = np.random.default_rng(0)
    noise = [Image.fromarray(drawn.integers(0, 256, (side, side, 3), np.uint8)) for _ in range(NUM_RANDOM // share)]
    return transforms(real), transforms(noise)


def _digits() -> list[Image.Image]:
    from sklearn.datasets import load_digits

    images = (load_digits().images[:NUM_REAL] * (255 / 16)).round().astype(np.uint8)
    return [Image.fromarray(image) for image in images]


def _photographs() -> list[Image.Image]:
    """Squares of 240 pixels side by side, from both."""
    from sklearn.datasets import load_sample_images

    photographs = [Image.fromarray(image) for image in load_sample_images().images]
    corners = [(left, top) for top in (0, 180) for left in (0, 130, 260, 390)]
    return [photo.crop((left, top, left + 240, top + 240)) for left, top in corners for photo in photographs]
