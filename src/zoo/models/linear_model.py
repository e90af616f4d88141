"""How the linear softmax classifier learns: the LightningModule of ``zoo.models.linear``."""

from typing import Any

import torch
from lightning.pytorch.cli import OptimizerCallable

from zoo.models.classifier import Classifier
from zoo.models.linear import Linear
from zoo.models.options import takes_options_of
from zoo.optim import AnySchedule


class LinearModel(Classifier):
    """Softmax regression: mean cross-entropy, weight decay on the weights but not on the biases."""

    @takes_options_of(Linear, without=("variant",))
    def __init__(
        self,
        *args: Any,
        optimizer: OptimizerCallable = lambda groups: torch.optim.SGD(groups, lr=0.01, momentum=0.9),
        schedule: AnySchedule | None = None,
        **options: Any,
    ) -> None:
        super().__init__(Linear("paper", *args, **options), optimizer, schedule)
