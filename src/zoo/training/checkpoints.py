"""When and how ``checkpoints/last.ckpt`` is written: between two steps, and whole or not at all."""

import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import IO, Any, cast

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from zoo.errors import InputError, Stopped
from zoo.files import whole
from zoo.training.loggers import MetricsFile
from zoo.weights.sources.seal import Sealing, check_whole

SIGNALS = (signal.SIGTERM, signal.SIGINT)
ROWS_KEY = "zoo_metrics_rows"
# Epochs of milliseconds need no checkpoint each.
SHORTEST = 1.0
_SAVE = 1  # below every number of a signal in SIGNALS


class WholeFile(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it: whoever looks finds the old one or the new one, whole.

    What is written is sealed, and what is read has to be what was written.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Raises InputError where the disk refuses; the old checkpoint stays."""
        if "://" in str(path):
            return super().save_checkpoint(checkpoint, path, storage_options)
        target = Path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with (
                whole(target, target.with_name(f"{target.name}.part"), durable=True) as draft,
                draft.open("wb") as file,
            ):
                sealing = Sealing(file)
                torch.save(checkpoint, cast(IO[bytes], sealing))
                sealing.seal()
        except (OSError, RuntimeError) as error:
            # torch's writer reports a full disk as a RuntimeError about its archive.
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise InputError(f"{target} cannot be written ({reason}): make room and go on from the old one.") from error
        return None

    def load_checkpoint(self, path: Any, *args: Any, **options: Any) -> dict[str, Any]:
        """What Lightning reads, of a file that is whole. Raises InputError for one that is damaged."""
        if "://" not in str(path):
            check_whole(Path(path))
        return super().load_checkpoint(path, *args, **options)


class LastCheckpoint(Checkpoint):
    """Writes ``path`` after each epoch, every so many steps or minutes, and when SIGTERM or SIGINT asks to stop.

    A signal sets a flag; the next step that is over saves, and ``Stopped`` leaves the run with ``how_to_go_on``. A
    second signal acts as if nobody had caught it. With several processes all stop after the same step.
    """

    def __init__(self, path: Path, steps: int | None, minutes: float | None, how_to_go_on: str) -> None:
        for name, value in {"steps": steps, "minutes": minutes}.items():
            if value is not None and value <= 0:
                raise InputError(f"save_every_n_{name} must be above 0, or null for never, not {value}.")
        self.path, self.steps, self.minutes, self.how_to_go_on = path, steps, minutes, how_to_go_on
        self._signum = 0
        self._saved_at, self._saved_step = 0.0, 0

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listens to signals."""
        self._listen(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listens to signals, starts the clock."""
        self._listen(trainer)
        self._saved_at, self._saved_step = time.monotonic(), trainer.global_step

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
        """A validation is not waited for: it is made again."""
        signum, _ = self._agreed(trainer, False)
        if signum and not trainer.sanity_checking and trainer.state.fn == "fit" and pl_module.resumes_in_epoch:
            self._save(trainer)
        self._leave_if(signum, trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listens to signals."""
        self._listen(trainer)

    def on_test_batch_start(self, trainer: Trainer, pl_module: LightningModule, *ignored: Any) -> None:
        """A test is made again; the training before it is saved."""
        self._leave_if(self._agreed(trainer, False)[0], trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves the end of training."""
        if trainer.global_step != self._saved_step or not self.path.exists():
            self._save(trainer)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Writes down what was logged so far and notes how much that is."""
        for logger in trainer.loggers:
            if isinstance(logger, MetricsFile):
                checkpoint[ROWS_KEY] = logger.flush()

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Removes what was logged after the checkpoint: those steps are made again."""
        for logger in trainer.loggers:
            if isinstance(logger, MetricsFile) and trainer.is_global_zero and ROWS_KEY in checkpoint:
                logger.cut(checkpoint[ROWS_KEY])

    def _listen(self, trainer: Trainer) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        # Lightning's own handler, there by now, makes processes talk to each other in the middle of anything.
        for signum in SIGNALS:
            signal.signal(signum, self._note)
        if trainer.received_sigterm:
            self._signum, trainer._signal_connector.received_sigterm = signal.SIGTERM, False

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
        wish = self._signum or (_SAVE if due else 0)
        if trainer.world_size > 1:
            wishes = torch.tensor(wish, device=trainer.strategy.root_device)
            wish = int(trainer.strategy.reduce(wishes, reduce_op="max"))
        return (0, True) if wish == _SAVE else (wish, due)

    def _save(self, trainer: Trainer) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        trainer.save_checkpoint(self.path)
        self._saved_at, self._saved_step = time.monotonic(), trainer.global_step

    def _leave_if(self, signum: int, trainer: Trainer) -> None:
        if signum:
            name, step = signal.Signals(signum).name, trainer.global_step
            message = f"Stopped by {name} after step {step:,}; {self.how_to_go_on}"
            raise Stopped(message if trainer.is_global_zero else "", 128 + signum)
