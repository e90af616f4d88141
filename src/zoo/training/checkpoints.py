"""When ``checkpoints/last.ckpt`` is written, which is between two steps, and which checkpoints stay beside it."""

import math
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.trainer.states import TrainerFn

from zoo.errors import InputError, Stopped
from zoo.models.saved_training import unlike
from zoo.training.checkpoint_files import keep_as_step, kept_before
from zoo.training.loggers import MetricsFile, send_again

# SIGUSR1, which Windows has not, is what a job's script has SLURM send before the time is over, to be started again.
SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1") if hasattr(signal, name))
ROWS_KEY = "zoo_metrics_rows"
BEST_KEY = "zoo_fewest_errors"
# Epochs of milliseconds need no checkpoint each.
SHORTEST = 1.0


class LastCheckpoint(Checkpoint):
    """Writes ``path`` after each epoch, every so many steps or minutes, and when one of ``SIGNALS`` asks to stop.

    With ``keep`` the last so many stay, ``path`` among them and the others as step-N.ckpt beside it; so does that with
    the fewest errors on the held-out slice, the earliest of several, as best.ckpt.

    A signal sets a flag; the next step that is over saves, and ``Stopped`` leaves the run with ``how_to_go_on``. A
    second signal acts as if nobody had caught it. With several processes all stop after the same step.
    """

    def __init__(
        self, path: Path, steps: int | None, minutes: float | None, how_to_go_on: str, keep: int | None = None
    ) -> None:
        if keep is not None and keep < 1:
            raise InputError(f"--keep is how many of the last checkpoints stay, at least 1, not {keep}.")
        for name, value in {"steps": steps, "minutes": minutes}.items():
            if value is not None and value <= 0:
                raise InputError(f"save_every_n_{name} must be above 0, or null for never, not {value}.")
        self.path, self.steps, self.minutes, self.how_to_go_on = path, steps, minutes, how_to_go_on
        self.keep, self.best = keep, path.with_name("best.ckpt")
        self._signum = 0
        self._saved_at, self._saved_step = 0.0, 0
        # Whether ``path`` is what this run saved at that step, or went on from: it may be damaged, or another run's.
        self._own = False
        self._fewest = math.inf
        self._rows: int | None = None

    @property
    def age(self) -> float | None:
        """Seconds of work that a kill would cost now: since ``path`` was saved or gone on from; None before that."""
        return time.monotonic() - self._saved_at if self._own else None

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listens to signals."""
        self._listen(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listens to signals, starts the clock; what an earlier start logged that left no checkpoint is removed."""
        self._listen(trainer)
        if not trainer.global_step:
            _cut(trainer, 0)
        self._saved_at, self._saved_step = time.monotonic(), trainer.global_step
        self._own = trainer.ckpt_path is not None and Path(trainer.ckpt_path) == self.path

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Between two steps, when what the last one logged is written down: saves where it is time to."""
        if trainer.fit_loop.epoch_loop.batch_progress.current.completed % trainer.accumulate_grad_batches:
            return  # the gradients gathered so far would be lost
        signum, due = self._agreed(trainer, self._due(trainer, batch_idx == 0))
        allowed = batch_idx == 0 or pl_module.resumes_in_epoch
        if (due or signum) and allowed and trainer.global_step:
            self._save(trainer)
        self._leave_if(signum, trainer)

    def on_validation_batch_start(self, trainer: Trainer, pl_module: Any, *ignored: Any) -> None:
        """Does not wait for the end of a validation, which is run again."""
        signum, _ = self._agreed(trainer, False)
        if signum and not trainer.sanity_checking and trainer.state.fn == "fit" and pl_module.resumes_in_epoch:
            self._save(trainer)
        self._leave_if(signum, trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves the best so far, before its weights change."""
        error = trainer.callback_metrics.get("val/top1_error")
        training = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if self.keep is None or error is None or not training or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        if self._any(trainer, float(error) < self._fewest):
            self._fewest = float(error)
            trainer.save_checkpoint(self.best)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listens to signals."""
        self._listen(trainer)

    def on_test_batch_start(self, trainer: Trainer, pl_module: LightningModule, *ignored: Any) -> None:
        """Does not wait for the end of a test, which is run again; the training before it is saved."""
        self._leave_if(self._agreed(trainer, False)[0], trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves the end of training, also where all steps are in the checkpoint and the epoch's end is not."""
        self._save(trainer)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Writes down what was logged so far and notes how much that is, and the fewest errors of a validation."""
        if self.keep is not None:
            checkpoint[BEST_KEY] = self._fewest
        for logger in trainer.loggers:
            if isinstance(logger, MetricsFile):
                checkpoint[ROWS_KEY] = logger.flush()

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Notes how much was logged before the checkpoint. Raises InputError where it does not say that."""
        rows, fewest = checkpoint.get(ROWS_KEY, 0), checkpoint.get(BEST_KEY, 0.0)
        if not isinstance(rows, int) or rows < 0 or not isinstance(fewest, float):
            raise unlike(str(trainer.ckpt_path), f"its {ROWS_KEY} is {str(rows)[:20]}, {BEST_KEY} {str(fewest)[:20]}")
        if self.best.is_file():
            self._fewest = checkpoint.get(BEST_KEY, math.inf)
        self._rows = checkpoint.get(ROWS_KEY)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Removes what was logged after the checkpoint, which has passed for sound: those steps are made again."""
        if self._rows is not None:
            _cut(trainer, self._rows)
            send_again(trainer.loggers)
            self._rows = None

    def _listen(self, trainer: Trainer) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        # Lightning's own handler, there by now, makes processes talk to each other in the middle of anything.
        for signum in SIGNALS:
            signal.signal(signum, self._note)
        if trainer.received_sigterm:
            # It came before this. With several processes Lightning ends the run by a SIGTERMException before the first
            # step; with one it would after that step, which does not begin.
            self._signum = signal.SIGTERM

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self._signum = signum
        for each in SIGNALS:
            signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL)

    def _due(self, trainer: Trainer, at_epoch: bool) -> bool:
        steps, seconds = trainer.global_step - self._saved_step, time.monotonic() - self._saved_at
        return bool(
            (at_epoch and steps and (seconds >= SHORTEST or not self.path.exists()))
            or (self.steps and steps >= self.steps)
            or (self.minutes and seconds >= 60 * self.minutes)
        )

    def _agreed(self, trainer: Trainer, due: bool) -> tuple[int, bool]:
        """The signal that any process got, 0 for none, and whether any finds it time to save."""
        if trainer.world_size == 1:
            return self._signum, due
        wishes = torch.tensor([self._signum, due], device=trainer.strategy.root_device)
        signum, any_due = trainer.strategy.reduce(wishes, reduce_op="max").tolist()
        return signum, bool(any_due)

    def _any(self, trainer: Trainer, wish: bool) -> bool:
        """Whether any process wishes it, so that all do the same."""
        if trainer.world_size > 1:
            wishes = torch.tensor(int(wish), device=trainer.strategy.root_device)
            return bool(trainer.strategy.reduce(wishes, reduce_op="max"))
        return wish

    def _save(self, trainer: Trainer) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        keeps = self.keep is not None and trainer.is_global_zero
        if keeps and self.keep != 1 and self._own and self._saved_step and self.path.is_file():
            keep_as_step(self.path, self._saved_step)
        trainer.save_checkpoint(self.path)
        self._saved_at, self._saved_step, self._own = time.monotonic(), trainer.global_step, True
        if keeps:
            self._forget(trainer.global_step)

    def _forget(self, step: int) -> None:
        """Removes all but the last checkpoints before ``step``; later ones are of a part of the run that was undone."""
        earlier = kept_before(self.path)
        before = [number for number in earlier if number < step]
        kept = before[max(0, len(before) - (self.keep or 1) + 1) :]
        for number, path in earlier.items():
            if number not in kept:
                with suppress(OSError):
                    path.unlink()

    def _leave_if(self, signum: int, trainer: Trainer) -> None:
        if signum:
            name, step = signal.Signals(signum).name, trainer.global_step
            message = f"Stopped by {name} after step {step:,}; {self.how_to_go_on}"
            raise Stopped(message if trainer.is_global_zero else "", 128 + signum)


def _cut(trainer: Trainer, num_rows: int) -> None:
    for logger in trainer.loggers:
        if isinstance(logger, MetricsFile):
            logger.cut(num_rows)
