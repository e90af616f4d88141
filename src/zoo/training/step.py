"""Lightning's step without the calls that do nothing, of which there are a hundred."""

from contextlib import AbstractContextManager, nullcontext

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.profilers import PassThroughProfiler

# What every callback is asked between forward pass and optimizer step, and in every step.
BETWEEN = ("on_before_zero_grad", "on_before_backward", "on_after_backward", "on_before_optimizer_step")
HOOKS = ("on_train_batch_start", "on_train_batch_end", *BETWEEN)


class NoProfiler(PassThroughProfiler):
    """Lightning's profiler that measures nothing, without a generator for each of the fifty actions of a step."""

    _NOTHING = nullcontext()

    def profile(self, action_name: str) -> AbstractContextManager[None]:  # type: ignore[override]
        """One context for all actions."""
        return self._NOTHING


class WorkingHooks(Callback):
    """Has Lightning leave out the hooks of a step that a callback only inherits: it calls what can be called."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """By now the callbacks that the model brings along are there."""
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            for name in HOOKS:
                if getattr(callback, name) and getattr(type(callback), name) is getattr(Callback, name):
                    # A hook that was set on the callback itself is somebody's own.
                    vars(callback).setdefault(name, None)


def lighten(trainer: Trainer) -> None:
    """Takes the profiler that measures nothing for one that also costs nothing; another one stays."""
    if type(trainer.profiler) is PassThroughProfiler:  # type: ignore[attr-defined]
        trainer.profiler = NoProfiler()  # type: ignore[attr-defined]
