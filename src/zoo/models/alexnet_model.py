"""How AlexNet learns (Krizhevsky, Sutskever, Hinton 2012): the LightningModule of ``zoo.models.alexnet``."""

from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.trainer.states import TrainerFn

from zoo.errors import InputError
from zoo.layers.towers import beside_their_weights
from zoo.models.alexnet import AlexNet
from zoo.models.classifier import Classifier
from zoo.models.options import takes_options_of
from zoo.optim import AnySchedule, MomentumSGD


class AlexNetModel(Classifier):
    """AlexNet with cross-entropy and the paper's rule, which keeps the learning rate inside the momentum (section 5).

    Deviations and guesses: the 2012 code gives biases twice the rate and no weight decay, which this follows though
    the paper states one rate for all; a schedule drops the rates of weights and biases together, while the code's notes
    drop that of the weights only and that of conv1 apart. ``label_smoothing``, a share of each target that is spread
    over all classes, and ``cutmix``, the probability that a step's images are mixed (Yun et al. 2019), are later than
    the paper and 0 unless they are given.
    """

    bias_rate = 2.0

    @takes_options_of(AlexNet)
    def __init__(
        self,
        *args: Any,
        optimizer: OptimizerCallable = lambda groups: MomentumSGD(groups, lr=0.01, momentum=0.9, weight_decay=5e-4),
        schedule: AnySchedule | None = None,
        label_smoothing: float = 0.0,
        cutmix: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(AlexNet(*args, **options), optimizer, schedule)
        self.smooth_labels(label_smoothing)
        self.mix_images(cutmix)

    def setup(self, stage: str) -> None:
        """Finds the two GPUs of split towers. Raises InputError where there are none."""
        network: Any = self.network
        if network.towers == "split":
            network.place(*_two_gpus(self.trainer))
        super().setup(stage)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raises InputError where what is gone on with was trained with other towers: the optimizer's state is."""
        super().on_load_checkpoint(checkpoint)
        network: Any = self.network
        groups = [group for saved in checkpoint.get("optimizer_states", []) for group in saved["param_groups"]]
        more = sum(len(group["params"]) for group in groups) - len(list(network.parameters()))
        # Of seven layers each tower has a weight and a bias.
        if self.trainer.state.fn == TrainerFn.FITTING and more == {"together": 14, "split": -14}[network.towers]:
            other = "split" if network.towers == "together" else "together"
            raise InputError(f"The checkpoint is of a training with model.towers {other}: go on with the same.")

    def on_train_start(self) -> None:
        """Puts the optimizer's state where the weights are."""
        super().on_train_start()
        for optimizer in self.trainer.optimizers:
            beside_their_weights(optimizer)


def _two_gpus(trainer: Trainer) -> tuple[torch.device, torch.device]:
    """The run's own GPU and the one after it."""
    if trainer.world_size > 1:
        raise InputError(
            "model.towers split has one process work on two GPUs: set trainer.devices to 1, or leave model.towers out."
        )
    own = trainer.strategy.root_device
    found = torch.cuda.device_count() if own.type == "cuda" else 0
    if found < 2:
        raise InputError(
            f"model.towers split needs two GPUs, and this run has {found or 'none'}: leave model.towers out, which"
            " changes no number."
        )
    return own, torch.device("cuda", ((own.index or 0) + 1) % found)
