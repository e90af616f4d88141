"""The perceptron with Rosenblatt's error-correction rule (Rosenblatt 1960 and 1962; the 1958 paper has other rules)."""

import copy
from dataclasses import asdict
from typing import Any, Literal

import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.layers import AUnits, Retina
from zoo.models.classifier import Batch, Classifier
from zoo.models.ledger import Work
from zoo.models.network import Network, check_sizes, check_variant
from zoo.models.options import takes_options_of
from zoo.optim.error_correction import LearningHistory, corrections
from zoo.options import Chance

Variant = Literal["paper", "mark1"]
RETINA = 20
DEFAULTS = {
    "paper": {"num_classes": 10, "in_channels": 3, "input_size": 32},
    "mark1": {
        "num_classes": 8,
        "in_channels": 1,
        "input_size": RETINA,
        "num_a_units": 512,
        "excitatory": 3,
        "inhibitory": 2,
        "threshold": 1,
        "wiring_seed": 0,
    },
}


class Perceptron(Network):
    """Threshold units ("R-units"), one a class, starting from zero; logits are their sums before the threshold.

    ``paper``: the R-units read all pixels and a constant 1. ``mark1``: the Mark I perceptron of 1960, a retina of
    20x20 photocells, 512 A-units with fixed random wiring and 8 R-units, 4,096 values between them and no constant.
    An option that is None has the variant's own value; the last five exist in ``mark1`` alone: the number of A-units,
    their ``excitatory`` and ``inhibitory`` origin points, the ``threshold`` of their sum, the seed of the wiring.

    Deviations and guesses: in ``paper``, pixels stand in for the 1958 A-units. Among several units that fire, or none,
    the class is the unit with the largest sum. In ``mark1``, 400 photocells, 512 A-units and 8 R-units are what
    secondary sources say; the machine had 8 R-units, so ten classes take two more than it had. Guesses: 3 excitatory
    and 2 inhibitory connections an A-unit, all to different photocells, its threshold of 1, reached or passed, and an
    R-unit's threshold fixed at 0. An image is averaged to grey and brought to 20x20 by averaging areas; a photocell
    is on where it is lighter than the middle between the darkest and the lightest.
    """

    name = "perceptron"

    def __init__(
        self,
        variant: Variant = "paper",
        num_classes: int | None = None,
        in_channels: int | None = None,
        input_size: int | None = None,
        num_a_units: int | None = None,
        excitatory: int | None = None,
        inhibitory: int | None = None,
        threshold: int | None = None,
        wiring_seed: Chance[int | None] = None,
    ) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: paper reads the pixels, mark1 the A-units of the Mark I
            num_classes: how many classes there are logits for; unless given 10, or 8 in mark1
            in_channels: channels of an image: 1 is grey, 3 is colour; unless given 3, or 1 in mark1
            input_size: pixels a side of the image; unless given 32, or 20 in mark1
            num_a_units: mark1: how many A-units there are, 512 unless given
            excitatory: mark1: photocells that speak for an A-unit, 3 unless given
            inhibitory: mark1: photocells that speak against it, 2 unless given
            threshold: mark1: the sum from which an A-unit is active, 1 unless given
            wiring_seed: mark1: seed of the random wiring, 0 unless given
        """
        check_variant(variant, tuple(DEFAULTS))
        check_sizes(num_classes=num_classes, in_channels=in_channels, input_size=input_size)
        given = {"num_classes": num_classes, "in_channels": in_channels, "input_size": input_size}
        wiring = {"num_a_units": num_a_units, "excitatory": excitatory, "inhibitory": inhibitory}
        options = _settled(variant, given | wiring | {"threshold": threshold, "wiring_seed": wiring_seed})
        channels, size = options["in_channels"], options["input_size"]
        before = _mark1(options) if variant == "mark1" else {"flatten": nn.Flatten()}
        width = options["num_a_units"] if variant == "mark1" else channels * size**2
        r_units = nn.Linear(width, options["num_classes"], bias=variant == "paper")
        for parameter in r_units.parameters():
            nn.init.zeros_(parameter)
        super().__init__(before | {"r_units": r_units}, variant, (channels, size, size), options)

    def takes(self, shape: tuple[int, ...]) -> bool:
        """The retina of ``mark1`` brings any image to its own size and to grey."""
        return super().takes(shape) or (self.variant == "mark1" and len(shape) == len(self.input_shape))


def _settled(variant: str, given: dict[str, int | None]) -> dict[str, int]:
    """The variant's options, as given or else its own; raises ValueError for one that it does not have."""
    own = DEFAULTS[variant]
    for name, value in given.items():
        if value is not None and name not in own:
            raise ValueError(f"the perceptron's variant {variant!r} has no A-units, so no {name}: 'mark1' has")
    return {name: value if (chosen := given[name]) is None else chosen for name, value in own.items()}


def _mark1(options: dict[str, int]) -> dict[str, nn.Module]:
    wiring = (options[name] for name in ("num_a_units", "excitatory", "inhibitory", "threshold", "wiring_seed"))
    return {"s_points": Retina(RETINA), "a_units": AUnits(RETINA**2, *wiring)}


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
        self.train_counts.update(sums, labels, losses)
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
