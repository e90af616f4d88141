"""How ConvNetJS's CIFAR-10 demo learns: the LightningModule of ``zoo.models.convnetjs``."""

from typing import Any

import torch
from lightning.pytorch.cli import OptimizerCallable

from zoo.evaluation.protocols import SIX_VIEWS
from zoo.models.classifier import Classifier
from zoo.models.convnetjs import ConvNetJS
from zoo.models.options import takes_options_of
from zoo.optim import AnySchedule


class ConvNetJSModel(Classifier):
    """The demo's network with cross-entropy and Adadelta (Zeiler 2012), tested on the mean over six views.

    The demo adds 1e-4 w to the sum of four gradients and then divides by four: against the mean gradient its weight
    decay is 2.5e-5, and none for biases. Its Adadelta has no rate, which is torch's with a rate of 1.

    Deviations and guesses: the demo draws images with replacement, from a thousand of them at first and a thousand
    more every 2,000 steps; here an epoch visits every image once. The demo validates on every tenth image, augmented,
    and its test figure is that of the last 200 images that it drew out of a thousand test images, with new views each
    time; here the held-out slice is stratified and seen as it is, all test images count once, and an image's views stay
    the same.
    """

    protocol = SIX_VIEWS

    @takes_options_of(ConvNetJS, without=("variant",))
    def __init__(
        self,
        *args: Any,
        optimizer: OptimizerCallable = lambda groups: torch.optim.Adadelta(
            groups, lr=1.0, rho=0.95, eps=1e-8, weight_decay=2.5e-5
        ),
        schedule: AnySchedule | None = None,
        **options: Any,
    ) -> None:
        super().__init__(ConvNetJS("paper", *args, **options), optimizer, schedule)
