"""A run whose loss or weights are no longer finite ends at once, and leaves no checkpoint and no Record of them."""

import math
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from zoo.errors import Diverged


class FiniteLoss(Callback):
    """Raises ``Diverged``, on every process, after a loss that is not finite, and before such weights are saved.

    The sum of an epoch's losses tells: once one of them was not finite, it is not either. It is looked at where the
    loggers read a loss, at the end of an epoch and before a checkpoint is written, so that no other step waits for the
    device. ``checkpoint`` is the last good state, where there is one.
    """

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint
        # Steps, their rates and their losses since the last look, and the one before them; losses are on the device.
        self._recent: list[tuple[int, float, Tensor]] = []
        self._rate = 0.0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Notes the rate: when the step is over, a schedule has changed it already."""
        self._rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Notes the loss, where the model has one, and looks at all of them where the loggers do."""
        loss, step = outputs.get("loss") if isinstance(outputs, dict) else outputs, trainer.global_step
        if isinstance(loss, Tensor):
            self._recent.append((step, self._rate, loss.detach() if loss.requires_grad else loss))
        if step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self._check_loss(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Looks before the sum starts anew."""
        self._check_loss(trainer, pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Looks at the weights too: those of the last step have had no loss yet."""
        self._check_loss(trainer, pl_module)
        self._check_weights(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Also where nothing is saved."""
        self._check_weights(trainer, pl_module)

    def _check_loss(self, trainer: Trainer, module: Any) -> None:
        module.train_counts.settle()
        total = module.train_counts.loss_sum
        if not _anywhere(trainer, ~torch.isfinite(total)):
            self._recent = self._recent[-1:]
            return
        step, rate, loss, finite = trainer.global_step, self._rate, float(total), ""
        for number, at, value in self._values(trainer):
            step, rate, loss = number, at, value
            if not math.isfinite(value):
                break
            finite = f"; the last finite loss was {value:.6g}, in step {number:,}"
        raise self._diverged(trainer, f"The loss is {loss} in step {step:,}, at a learning rate of {rate:g}{finite}")

    def _check_weights(self, trainer: Trainer, module: LightningModule) -> None:
        weights = [~torch.isfinite(weight.detach()).all() for weight in module.parameters()]
        if weights and _anywhere(trainer, torch.stack(weights).any()):
            finite = "".join(f"; the last finite loss was {value:.6g}" for _, _, value in self._values(trainer)[-1:])
            fault = f"The weights are not finite after step {trainer.global_step:,}"
            raise self._diverged(trainer, f"{fault}, at a learning rate of {self._rate:g}{finite}")

    def _values(self, trainer: Trainer) -> list[tuple[int, float, float]]:
        """What was noted, losses as numbers: of several processes the mean, which is that over the step's images."""
        if not self._recent:
            return []
        losses = torch.stack([loss.float() for _, _, loss in self._recent])
        values = torch.as_tensor(trainer.strategy.reduce(losses, reduce_op="mean")).tolist()
        return [(step, rate, value) for (step, rate, _), value in zip(self._recent, values, strict=True)]

    def _diverged(self, trainer: Trainer, fault: str) -> Diverged:
        way = "there is no checkpoint from before: start again with a lower rate."
        if self.checkpoint.is_file():
            way = f"the last good checkpoint is {self.checkpoint}: go on from it with a lower rate."
        return Diverged(f"{fault}; {way}" if trainer.is_global_zero else "")


def _anywhere(trainer: Trainer, found: Tensor) -> bool:
    """Whether it is so on any process: all of them have to stop together."""
    return bool(trainer.strategy.reduce(found.to(trainer.strategy.root_device).int(), reduce_op="max"))
