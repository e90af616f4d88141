"""How the perceptron learns (Rosenblatt 1960, 1962): the LightningModule of ``zoo.models.perceptron``."""

import copy
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.models.classifier import Batch, Classifier
from zoo.models.ledger import Work
from zoo.models.options import takes_options_of
from zoo.models.perceptron import Perceptron
from zoo.optim.error_correction import LearningHistory, corrections


class PerceptronModel(Classifier):
    """The perceptron under the error-correction rule: w += t x for each unit that answers wrongly.

    Patterns, which are what the R-units read, are learnt strictly one after another; a batch only delivers them
    together. From zero weights the rule is free of scale, so there is no learning rate. At the end of training a
    sentence says what became of it: it converged and after how many corrections, or its weights returned to an
    earlier state, or neither. An epoch without a mistake ends training, as nothing would change any more.

    Deviations and guesses: on patterns that no hyperplane separates the rule never settles; with ``average`` the
    network is the mean of the learner's weights after each batch (after Freund and Schapire 1999), without it the
    learner itself, as Rosenblatt has it.

    Args:
        average: whether the network is the mean of the learner's weights after each batch, or the learner itself
    """

    work = Work(2, "error correction, 2 x macs an image: the sums, and at most one correction of every weight")

    @takes_options_of(Perceptron)
    def __init__(self, *args: Any, average: bool = False, **options: Any) -> None:
        network = Perceptron(*args, **options)
        super().__init__(network, lambda groups: torch.optim.SGD(groups, lr=1.0))
        self.automatic_optimization = False
        self.average = average
        self.learner = copy.deepcopy(network) if average else network
        self.history = LearningHistory()
        self.corrections_of_epoch: Tensor | int = 0

    def setup(self, stage: str) -> None:
        """Raises InputError for several processes: the rule is sequential."""
        super().setup(stage)
        if stage == "fit" and self.trainer.world_size > 1:
            raise InputError("The perceptron learns one pattern after another: set trainer.devices to 1.")

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The learner's weights: where the network is their mean, it is not trained itself."""
        return [{"params": list(self.learner.parameters())}]

    def on_train_start(self) -> None:
        """Notes the weights that the rule starts from."""
        if not self.history.states:  # a resumed run may start in the middle of an epoch
            self.history.start(self._weights())

    @torch.no_grad()
    def training_step(self, batch: Batch, batch_idx: int) -> None:  # type: ignore[override]
        """Learns the batch's patterns in order; one optimiser step applies all of its corrections."""
        images, labels = batch
        unit = self.learner.r_units
        assert isinstance(unit, nn.Linear)
        patterns = self.learner[:-1](images)
        sums = unit(patterns)
        # The bias, where there is one, is the weight of a constant input of 1.
        gram = patterns @ patterns.T + (unit.bias is not None)
        change = corrections(sums, gram, targets_of(labels, sums.shape[1]))
        unit.weight.grad = -change.T @ patterns
        if unit.bias is not None:
            unit.bias.grad = -change.sum(dim=0)
        optimizer: Any = self.optimizers()
        optimizer.step()
        if self.average:
            for mean, current in zip(self.network.parameters(), self.learner.parameters(), strict=True):
                mean.lerp_(current, 1 / self.global_step)
        self.corrections_of_epoch = self.corrections_of_epoch + change.count_nonzero()
        losses = self.losses(sums, labels)
        self.train_counts.later(sums, labels, losses)
        self._log_step(losses)

    def on_train_epoch_end(self) -> None:
        """Logs the corrections of the epoch besides the errors; ends training after an epoch without any."""
        super().on_train_epoch_end()
        made, self.corrections_of_epoch = int(self.corrections_of_epoch), 0
        self.log("train/corrections", float(made))
        # A part of the patterns proves nothing; to Lightning, 1.0 is all batches and 1 is a single one.
        limit = self.trainer.limit_train_batches
        if self.trainer.is_last_batch and isinstance(limit, float) and limit == 1:
            self.history.end(made, self._weights())
        # The mean of the weights goes on moving.
        if self.history.converged and not self.average:
            self.trainer.should_stop = True

    def on_fit_end(self) -> None:
        """Tells the user what became of the rule."""
        if self.history.epochs:
            print(self.history.sentence)

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The perceptron criterion an image, (N,): how far its wrong units' sums lie on the wrong side."""
        return (-targets_of(labels, logits.shape[1]) * logits).clamp(min=0).sum(dim=1)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds the epochs so far, so that a resumed run counts on."""
        super().on_save_checkpoint(checkpoint)
        history = asdict(self.history)
        # Here an epoch has the name that it had when the first checkpoints were written.
        history |= {"passes": history.pop("epochs"), "corrections_of_pass": int(self.corrections_of_epoch)}
        checkpoint["zoo_course"] = history

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restores the epochs, where the checkpoint has them."""
        history = dict(checkpoint.get("zoo_course", {}))
        self.corrections_of_epoch = history.pop("corrections_of_pass", 0)
        self.history = LearningHistory(history.pop("passes", 0), **history)

    def _weights(self) -> Tensor:
        return torch.cat([parameter.flatten() for parameter in self.learner.parameters()])


def targets_of(labels: Tensor, num_classes: int) -> Tensor:
    """+1 for the unit of the label and -1 for the others: float32 (N, num_classes)."""
    return 2.0 * nn.functional.one_hot(labels, num_classes) - 1
