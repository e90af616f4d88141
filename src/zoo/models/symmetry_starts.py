"""The symmetry network from many random starts at once, to see how often the recipe of 1986 solves the task."""

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo import keyed
from zoo.data.symmetry import BITS, patterns

HIDDEN = 2


@dataclass
class Starts:
    """What became of S starts, float64.

    ``hidden`` (S, 2, 7) and ``output`` (S, 3) are the weights at the end, biases last, ``error`` (S,) their E;
    ``solved_after`` (S,) is the number of sweeps after which the answers to all 64 patterns first lay on the right
    side of one half, or -1.
    """

    hidden: Tensor
    output: Tensor
    error: Tensor
    solved_after: Tensor

    def share_within(self, sweeps: int) -> float:
        """The share of starts that were solved after at most so many sweeps."""
        return float(((self.solved_after >= 0) & (self.solved_after <= sweeps)).double().mean())

    def magnitudes(self) -> Tensor:
        """Mean magnitude of each mirrored pair of input weights, smallest first: (S, 2, 3)."""
        pairs = self.hidden[:, :, :BITS].unflatten(2, (2, BITS // 2)).abs()
        return ((pairs[:, :, 0] + pairs[:, :, 1].flip(2)) / 2).sort(dim=2).values

    def asymmetry(self) -> Tensor:
        """How far mirrored weights are from equal and opposite, as a part of their unit's largest weight: (S, 2)."""
        weights = self.hidden[:, :, :BITS]
        return (weights + weights.flip(2)).abs().amax(dim=2) / weights.abs().amax(dim=2)


def train(
    num_starts: int, sweeps: int, epsilon: float = 0.1, alpha: float = 0.9, reach: float = 0.3, seed: int = 0
) -> Starts:
    """Full-batch gradient descent, dw(t) = -epsilon dE/dw + alpha dw(t-1), for ``sweeps`` sweeps over the 64 patterns.

    Weights and biases start uniform between -``reach`` and ``reach``, start n from numbers of its own. The gradient is
    written out (equations 4 to 7 of the paper), for all starts together.
    """
    images, labels = patterns()
    inputs, wanted = torch.cat([images.flatten(1), torch.ones(len(labels), 1)], dim=1).double(), labels.double()
    start = keyed.uniforms(keyed.key(seed, "symmetry"), torch.arange(num_starts), HIDDEN * (BITS + 1) + HIDDEN + 1)
    weights = (2 * start.double() - 1) * reach
    change, solved_after = torch.zeros_like(weights), torch.full((num_starts,), -1)
    for sweep in range(sweeps + 1):
        answers, gradient = _sweep(weights, inputs, wanted)
        solved = ((answers > 0.5) == (wanted > 0.5)).all(dim=1)
        solved_after = torch.where(solved & (solved_after < 0), sweep, solved_after)
        if sweep < sweeps:
            change = alpha * change - epsilon * gradient
            weights = weights + change
    error = (answers - wanted).square().sum(dim=1) / 2
    return Starts(*_parts(weights), error, solved_after)


def _parts(weights: Tensor) -> tuple[Tensor, Tensor]:
    return weights[:, : -HIDDEN - 1].unflatten(1, (HIDDEN, BITS + 1)), weights[:, -HIDDEN - 1 :]


def _sweep(weights: Tensor, inputs: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """The answers (S, 64) and dE/dw (S, 17)."""
    hidden, output = _parts(weights)
    middle = torch.sigmoid(inputs @ hidden.transpose(1, 2))
    answers = torch.sigmoid((middle @ output[:, :HIDDEN, None])[..., 0] + output[:, HIDDEN:])
    of_output = (answers - wanted) * answers * (1 - answers)
    of_middle = of_output[..., None] * output[:, None, :HIDDEN] * middle * (1 - middle)
    to_output = (of_output[:, None] @ middle)[:, 0]
    gradient = [(of_middle.transpose(1, 2) @ inputs).flatten(1), to_output, of_output.sum(dim=1, keepdim=True)]
    return answers, torch.cat(gradient, dim=1)
