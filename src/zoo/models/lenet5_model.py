"""How LeNet-5 learns (LeCun et al. 1998): the LightningModule of ``zoo.models.lenet5``, and its loss."""

import math
from typing import Any

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor

from zoo.errors import InputError
from zoo.models.classifier import Classifier
from zoo.models.curvature import Curvatures, diagonal
from zoo.models.lenet5 import LeNet5
from zoo.models.options import takes_options_of
from zoo.optim import SDLM, AnySchedule


def map_losses(logits: Tensor, labels: Tensor, j: float) -> Tensor:
    """Equation 9 an image: y_D + log(exp(-j) + sum_i exp(-y_i)), with y = -logits; shapes (N, classes), (N,) to (N,).

    It is the cross-entropy of the logits with one extra "rubbish" logit -j.
    """
    rubbish = logits.new_full((len(logits), 1), -j)
    return torch.logsumexp(torch.cat([logits, rubbish], dim=1), dim=1) - logits.gather(1, labels[:, None])[:, 0]


def map_curvatures(features: Tensor, codes: Tensor, j: float, scale: float = 1.0) -> Tensor:
    """The exact second derivative of each image's equation 9 by each of its F6 outputs, (N, 84); never negative.

    ``features`` are those outputs, (N, 84), ``codes`` the bitmaps (classes, 84), ``scale`` the ``distance_scale``.
    With p_i the share of class i among all classes and the rubbish class, and d_i the derivative of its distance, it
    is d2 (1 - sum p_i) + sum p_i d_i^2 - (sum p_i d_i)^2: the label itself falls out, for its distance has the same
    second derivative as every other.
    """
    differences = features[:, None, :] - codes
    logits = -differences.square().sum(dim=2) / scale
    shares = torch.cat([logits, logits.new_full((len(logits), 1), -j)], dim=1).softmax(dim=1)[:, :-1, None]
    slopes = 2 * differences / scale
    spread = (shares * slopes.square()).sum(dim=1) - (shares * slopes).sum(dim=1).square()
    return 2 / scale * (1 - shares.sum(dim=1)) + spread


class LeNet5Model(Classifier):
    """LeNet-5 with the loss of equation 9 (paper form) or cross-entropy (the others).

    With the optimiser ``SDLM`` the second derivatives are measured anew on ``num_curvature`` training images before
    each epoch, as Appendix C has it.

    Deviations and guesses: ``j`` of equation 9 is not printed; 10 is a guess. The second derivatives of the subsampling
    coefficients take the four connections of a sum one by one. Unless another optimiser is given it is SGD with
    momentum.

    Args:
        j: the constant of equation 9, the penalty of the rubbish class
        num_curvature: training images on which SDLM measures second derivatives before each epoch
    """

    @takes_options_of(LeNet5)
    def __init__(
        self,
        *args: Any,
        j: float = 10.0,
        num_curvature: int = 500,
        optimizer: OptimizerCallable = lambda groups: torch.optim.SGD(groups, lr=0.01, momentum=0.9),
        schedule: AnySchedule | None = None,
        **options: Any,
    ) -> None:
        super().__init__(LeNet5(*args, **options), optimizer, schedule)
        if not 0 < j < math.inf:
            raise ValueError(f"j must be a number above 0, as the paper has it, not {j}")
        if num_curvature < 1:
            raise ValueError(f"num_curvature must be at least 1, not {num_curvature}")
        self.j, self.num_curvature = j, num_curvature

    def on_train_epoch_start(self) -> None:
        """Measures the second derivatives that SDLM wants, on the first images of the epoch."""
        optimizer = self.optimizers(use_pl_optimizer=False)
        if isinstance(optimizer, SDLM):
            optimizer.set_curvatures(self._curvatures())

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Equation 9 where the output units are RBFs, cross-entropy where they are linear."""
        if self.network.variant == "paper":
            return map_losses(logits, labels, self.j)
        return super().losses(logits, labels)

    def _curvatures(self) -> Curvatures:
        network: Any = self.network
        if network.variant != "paper":
            raise InputError("SDLM knows the layers of LeNet-5's paper form only: give this form another optimizer.")
        loader: Any = self.trainer.train_dataloader
        batches: list[Tensor] = []
        for images, _ in loader:
            batches.append(images.to(self.device))
            if sum(map(len, batches)) >= self.num_curvature:
                break
        return diagonal(
            network[: -len(("output", "logits"))],
            torch.cat(batches)[: self.num_curvature],
            lambda features: map_curvatures(features, network.output.codes, self.j, network.logits.scale),
        )
