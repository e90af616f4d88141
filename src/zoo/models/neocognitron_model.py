"""How the neocognitron learns (Fukushima 1980): the LightningModule of ``zoo.models.neocognitron``, and its rule."""

import math
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.layers import CCells, SCells, TopCells
from zoo.models.classifier import Batch, Classifier
from zoo.models.ledger import Work
from zoo.models.neocognitron import Neocognitron
from zoo.models.options import takes_options_of

# Of the layers US1, US2, US3: the step q of a reinforcement, and the side of a column, within which cells compete.
STEPS = (1.0, 16.0, 16.0)


COLUMNS = (5, 5, 2)


def representatives(outputs: Tensor, column: int) -> Tensor:
    """The cell of each plane that is reinforced, as a place in row-major order, or -1: int64 (planes,).

    ``outputs`` (planes, H, W) are those of one layer of S-cells. A column is all cells within ``column`` x ``column``
    places; columns overlap, one around each place where the layer is larger than one. The strongest cell of a column is
    a candidate, unless it is silent; a plane's representative is the strongest of its candidates. Of equal cells the
    first wins.
    """
    planes, height, width = outputs.shape
    best, plane = outputs.max(dim=0)
    _, places = F.max_pool2d(best[None], column, stride=1, padding=(column - 1) // 2, return_indices=True)
    candidate = torch.zeros(height * width, dtype=torch.bool, device=outputs.device)
    candidate[places.flatten()] = True
    candidate &= best.flatten() > 0
    mine = candidate & (plane.flatten() == torch.arange(planes, device=outputs.device)[:, None])
    most, place = torch.where(mine, outputs.flatten(1), 0).max(dim=1)
    return torch.where(most > 0, place, -1)


def reinforcement(cells: SCells, u: Tensor, places: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """What is added to a and b: step c u and step / 2 v at each plane's representative, 0 where it has none.

    ``u`` (1, in_planes, H, W) is the input of ``cells``, ``places`` (planes,) come from ``representatives``. All cells
    of a plane share a and b: they change together with their representative.
    """
    _, in_planes, size, _ = cells.a.shape
    fields = F.unfold(u, size, padding=cells.padding)[0].view(in_planes, size, size, -1)
    chosen = places >= 0
    at = places.clamp(min=0)
    a = step * cells.c * fields[..., at].permute(3, 0, 1, 2)
    b = step / 2 * cells.inhibition(u).flatten()[at]
    return a * chosen[:, None, None, None], b * chosen


class NeocognitronModel(Classifier):
    """The neocognitron, learning without a teacher: in each presentation the winning S-cells are reinforced.

    Images are presented strictly one after another; a batch only delivers them together. The labels teach nothing:
    they only name the top cells. Nothing is drawn at random, so the weights are a function of the images and their
    order. A resumed run goes on with the same weights and names.

    Deviations and guesses: all three layers learn in every presentation, each from the others' state before it; a
    column of US1 or US2 is centred on each cell, so columns overlap. A top cell is named after the digit to which its
    outputs, summed over the presentations of training as they were met, are largest. An image that no named cell
    answers is an error, and the loss counts it as chance; the paper has neither names nor a loss.
    """

    work = Work(1, "reinforcement, 1 x macs an image: the forward pass; what the winners add is not counted")

    @takes_options_of(Neocognitron, without=("variant",))
    def __init__(self, *args: Any, **options: Any) -> None:
        # One step of this optimiser adds exactly what the rule says.
        super().__init__(Neocognitron("paper", *args, **options), lambda groups: torch.optim.SGD(groups, lr=1.0))
        self.automatic_optimization = False

    def setup(self, stage: str) -> None:
        """Raises InputError for several processes: the rule is sequential."""
        super().setup(stage)
        if stage == "fit" and self.trainer.world_size > 1:
            raise InputError("The neocognitron learns one presentation after another: set trainer.devices to 1.")

    @torch.no_grad()
    def training_step(self, batch: Batch, batch_idx: int) -> None:  # type: ignore[override]
        """Presents the batch's images in order; errors and loss are those met before each reinforcement."""
        images, labels = batch
        logits = torch.cat([self.present(*pair) for pair in zip(images.split(1), labels.split(1), strict=True)])
        losses = self.losses(logits, labels)
        self.train_counts.later(logits, labels, losses)
        self._log_step(losses)

    def present(self, image: Tensor, label: Tensor) -> Tensor:
        """Shows one image (1, 1, 16, 16), reinforces, and notes who answered; logits (1, num_classes) before that."""
        layers, top = list(self.network), self.network.top_cells
        assert isinstance(top, TopCells)
        u = image
        for (cells, gather), step, column in zip(_stages(layers), STEPS, COLUMNS, strict=True):
            outputs = cells(u)
            places = representatives(outputs[0], column)
            a, b = reinforcement(cells, u, places, step)
            cells.a.grad, cells.b.grad = -a, -b
            u = gather(outputs)
        logits: Tensor = top(u)
        top.note(u, label)
        optimizer: Any = self.optimizers()
        optimizer.step()
        return logits

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy, (N,), and that of a guess where no cell answers; nothing is trained by it."""
        silent = logits.isnan().any(dim=1)
        return torch.where(silent, math.log(logits.shape[1]), super().losses(logits, labels))


def _stages(layers: list[nn.Module]) -> list[tuple[SCells, CCells]]:
    """Each layer of S-cells with the layer of C-cells behind it."""
    return [(s, c) for s, c in pairwise(layers) if isinstance(s, SCells) and isinstance(c, CCells)]
