"""How the symmetry network learns (Rumelhart, Hinton and Williams 1986): its LightningModule."""

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor
from torch.nn.functional import one_hot

from zoo.models.classifier import Classifier
from zoo.models.symmetry import SymmetryNetwork


class SymmetryModel(Classifier):
    """The squared error of equation 3, summed over the sweep, and gradient descent with momentum, equation 9.

    Deviations and guesses: none; torch's SGD with momentum 0.9 and a constant rate of 0.1 makes the very steps of
    equation 9, dw(t) = -0.1 dE/dw + 0.9 dw(t-1), where a batch is the whole sweep.
    """

    def __init__(
        self, optimizer: OptimizerCallable = lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    ) -> None:
        super().__init__(SymmetryNetwork(), optimizer)

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """E = 1/2 sum (y - d)^2 over the output units, one an image: (N,)."""
        if logits.shape[1] == 2:
            return 0.5 * (logits.softmax(dim=1)[:, 1] - labels).square()
        return 0.5 * (logits.sigmoid() - one_hot(labels, logits.shape[1])).square().sum(dim=1)

    def _step_loss(self, losses: Tensor) -> Tensor:
        # E is the sum over the patterns; several processes average over themselves.
        return losses.sum() * self.trainer.world_size
