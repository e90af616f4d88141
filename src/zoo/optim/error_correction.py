"""Rosenblatt's error-correction rule and what is known of it: the mistake bound, and the cycle where there is none.

The rule is of 1960 and 1962 (Principles of Neurodynamics); the 1958 paper reinforces active units without asking
whether the answer was wrong. That it ends on separable patterns was proved by Block (1962) and Novikoff (1962).
"""

import hashlib
from dataclasses import dataclass, field

import torch
from torch import Tensor

GROUP = 128


def corrections(sums: Tensor, gram: Tensor, targets: Tensor) -> Tensor:
    """The error-correction rule over a batch of patterns, one after another.

    ``sums`` (N, units) are the units' sums before the batch, ``gram`` (N, N) the patterns' inner products, ``targets``
    (N, units) are +1 and -1. Returns c (N, units) in {-1, 0, +1}: pattern n adds c_n x_n to the weights. A unit is
    corrected where it answers wrongly after all corrections of the patterns before; a sum of 0 answers wrongly.
    """
    sums, result = sums.clone(), torch.zeros_like(sums)
    for n in range(len(sums)):
        wrong = targets[n] * sums[n] <= 0
        result[n] = targets[n] * wrong
        # What this pattern's correction adds to the sums of the patterns that are still to come.
        sums[n + 1 :] += gram[n + 1 :, n : n + 1] * result[n]
    return result


@dataclass
class LearningHistory:
    """Follows the rule from epoch to epoch and knows what has become of it.

    An epoch without a correction ends the search: the weights separate all patterns. Weights that return to a state met
    before, with corrections in between, prove that no hyperplane separates them, whatever the order of the patterns:
    were there one, each correction would move the weights further along its normal (the step of Novikoff's proof).
    ``returned`` is then the first epoch that ended so, ``repeats`` the earlier epoch with its weights; 0 is the start.
    """

    epochs: int = 0
    corrections: int = 0
    corrections_of_last: int = 0
    returned: int | None = None
    repeats: int | None = None
    states: dict[str, int] = field(default_factory=dict)

    def start(self, weights: Tensor) -> None:
        """Notes the weights before the first epoch."""
        self.states.setdefault(_digest(weights), 0)

    def end(self, corrections: int, weights: Tensor) -> None:
        """Notes the corrections of a whole epoch and the weights after it."""
        self.epochs += 1
        self.corrections += corrections
        self.corrections_of_last = corrections
        earlier = self.states.setdefault(_digest(weights), self.epochs)
        if corrections and earlier < self.epochs and self.repeats is None:
            self.returned, self.repeats = self.epochs, earlier

    @property
    def converged(self) -> bool:
        """Whether the last epoch met no mistake."""
        return self.epochs > 0 and not self.corrections_of_last

    @property
    def sentence(self) -> str:
        """What to tell the user."""
        total = f"{self.corrections:,} corrections"
        epochs = f"{self.epochs:,} {'epoch' if self.epochs == 1 else 'epochs'}"
        if self.converged:
            return f"The perceptron converged: no mistake in epoch {self.epochs:,}, after {total}."
        if self.repeats is not None:
            earlier = f"after epoch {self.repeats:,}" if self.repeats else "at the start"
            return (
                f"The perceptron cycles: its weights after epoch {self.returned:,} were again those {earlier}, which"
                f" proves that no hyperplane separates the classes; {total} in {epochs}."
            )
        return (
            f"The perceptron found no hyperplane: {self.corrections_of_last:,} corrections in the last of {epochs},"
            f" {total} in all; more epochs may find one, or there is none."
        )


def learn(
    patterns: Tensor, targets: Tensor, max_epochs: int, weights: Tensor | None = None
) -> tuple[Tensor, LearningHistory]:
    """Trains threshold units epoch by epoch, in the patterns' order, until one of three ends.

    ``patterns`` (N, features), ``targets`` (N, units) of +1 and -1, ``weights`` (units, features), zero unless given.
    Stops after an epoch without a mistake, when the weights return to an earlier state, or after ``max_epochs``;
    returns the weights and the LearningHistory. The order is fixed, so a return means the same cycle for ever, which
    is ``epochs - repeats`` epochs long. From zero weights the rule is free of scale: c times the patterns, c > 0,
    gives the same decisions and corrections, and c times the weights.
    """
    weights = patterns.new_zeros(targets.shape[1], patterns.shape[1]) if weights is None else weights.clone()
    history = LearningHistory()
    history.start(weights)
    while history.epochs < max_epochs and not history.converged and history.repeats is None:
        made = 0
        # Groups only bound the size of the table of inner products: the order is that of the patterns.
        for group, wanted in zip(patterns.split(GROUP), targets.split(GROUP), strict=True):
            change = corrections(group @ weights.T, group @ group.T, wanted)
            weights += change.T @ group
            made += int(change.count_nonzero())
        history.end(made, weights)
    return weights, history


def mistake_bound(patterns: Tensor, targets: Tensor, normal: Tensor) -> float:
    """(R / gamma)^2, the most corrections that one unit can need from zero weights (Block 1962, Novikoff 1962).

    ``patterns`` (N, features), ``targets`` (N,) of +1 and -1. R is the longest pattern, gamma the distance of the
    nearest to the hyperplane with the given ``normal`` (features,). Raises ValueError where that separates nothing.
    """
    margin = float((targets * (patterns @ normal)).min() / normal.norm())
    if margin <= 0:
        raise ValueError(f"the hyperplane does not separate the patterns: its margin is {margin:g}")
    return float(patterns.square().sum(dim=1).max()) / margin**2


def _digest(weights: Tensor) -> str:
    # Adding 0 turns -0 into 0, which is the same weight.
    return hashlib.sha256((weights.detach() + 0.0).cpu().contiguous().numpy().tobytes()).hexdigest()
