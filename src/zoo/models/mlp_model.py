"""How the multilayer perceptron learns: the LightningModule of ``zoo.models.mlp``."""

from typing import Any

import torch
from lightning.pytorch.cli import OptimizerCallable

from zoo.models.classifier import Classifier
from zoo.models.mlp import MLP
from zoo.models.options import takes_options_of
from zoo.optim import AnySchedule


class MLPModel(Classifier):
    """An MLP with softmax output, mean cross-entropy and weight decay on the weights only."""

    @takes_options_of(MLP, without=("variant",))
    def __init__(
        self,
        *args: Any,
        optimizer: OptimizerCallable = lambda groups: torch.optim.SGD(groups, lr=0.01, momentum=0.9),
        schedule: AnySchedule | None = None,
        **options: Any,
    ) -> None:
        super().__init__(MLP("paper", *args, **options), optimizer, schedule)
