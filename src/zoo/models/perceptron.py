"""The perceptron with Rosenblatt's error-correction rule (Rosenblatt 1960 and 1962; the 1958 paper has other rules)."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.models.classifier import Batch, Classifier
from zoo.models.network import Network, check_variant


class Perceptron(Network):
    """One threshold unit ("R-unit") a class on all pixels, starting from zero; logits are the sums before it.

    Deviations and guesses: pixels stand in for the 1958 A-units; among several units that fire, or none, the class is
    the unit with the largest sum.
    """

    name = "perceptron"

    def __init__(
        self, variant: str = "paper", num_classes: int = 10, in_channels: int = 3, input_size: int = 32
    ) -> None:
        check_variant(variant, ("paper",))
        r_units = nn.Linear(in_channels * input_size**2, num_classes)
        nn.init.zeros_(r_units.weight)
        nn.init.zeros_(r_units.bias)
        super().__init__(
            {"flatten": nn.Flatten(), "r_units": r_units},
            variant,
            (in_channels, input_size, input_size),
            {"num_classes": num_classes, "in_channels": in_channels, "input_size": input_size},
        )


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


class PerceptronModel(Classifier):
    """The perceptron under the error-correction rule: w += t x for each unit that answers wrongly.

    Patterns are learnt strictly one after another; a batch only delivers them together. From zero weights the rule is
    free of scale, so there is no learning rate.

    Deviations and guesses: on patterns that no hyperplane separates the rule never settles; with ``average`` the
    network is the mean of the learner's weights after each batch (after Freund and Schapire 1999), without it the
    learner itself, as Rosenblatt has it.
    """

    def __init__(
        self, num_classes: int = 10, in_channels: int = 3, input_size: int = 32, average: bool = False
    ) -> None:
        network = Perceptron(num_classes=num_classes, in_channels=in_channels, input_size=input_size)
        super().__init__(network, lambda groups: torch.optim.SGD(groups, lr=1.0))
        self.automatic_optimization = False
        self.average = average
        self.learner = copy.deepcopy(network) if average else network

    def setup(self, stage: str) -> None:
        """Raises InputError for several processes: the rule is sequential."""
        super().setup(stage)
        if stage == "fit" and self.trainer.world_size > 1:
            raise InputError("The perceptron learns one pattern after another: set trainer.devices to 1.")

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The learner's weights: where the network is their mean, it is not trained itself."""
        return [{"params": list(self.learner.parameters())}]

    @torch.no_grad()
    def training_step(self, batch: Batch, batch_idx: int) -> None:  # type: ignore[override]
        """Learns the batch's patterns in order; one optimiser step applies all of its corrections."""
        images, labels = batch
        unit = self.learner.r_units
        assert isinstance(unit, nn.Linear)
        patterns = images.flatten(1)
        sums = self.learner(images)
        # The bias is the weight of a constant input of 1.
        change = corrections(sums, patterns @ patterns.T + 1, targets_of(labels, sums.shape[1]))
        unit.weight.grad, unit.bias.grad = -change.T @ patterns, -change.sum(dim=0)
        optimizer: Any = self.optimizers()
        optimizer.step()
        if self.average:
            for mean, current in zip(self.network.parameters(), self.learner.parameters(), strict=True):
                mean.lerp_(current, 1 / self.global_step)
        losses = self.losses(sums, labels)
        self.train_counts.update(sums, labels, losses)
        self._log_step(losses)

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The perceptron criterion an image, (N,): how far its wrong units' sums lie on the wrong side."""
        return (-targets_of(labels, logits.shape[1]) * logits).clamp(min=0).sum(dim=1)


def targets_of(labels: Tensor, num_classes: int) -> Tensor:
    """+1 for the unit of the label and -1 for the others: float32 (N, num_classes)."""
    return 2.0 * nn.functional.one_hot(labels, num_classes) - 1
