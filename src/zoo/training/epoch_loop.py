"""Lightning's loop over the steps of an epoch, with its calls straight to what works in a step of one CPU process."""

from collections import OrderedDict
from typing import Any

import lightning
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.core.hooks import DataHooks
from lightning.pytorch.loops.fetchers import _DataFetcher, _DataLoaderIterDataFetcher
from lightning.pytorch.loops.optimization.automatic import Closure, ClosureResult
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.plugins import Precision
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.trainer import call
from torch import Tensor

# Releases whose loop was read: what it counts, and in which order it calls. With another one it is Lightning's own.
READ = ("2.6.6",)
# Hooks between forward pass and optimizer step, of callbacks and of the module.
BETWEEN = ("on_before_zero_grad", "on_before_backward", "on_after_backward", "on_before_optimizer_step")
# What else a module may do otherwise.
OF_MODULE = (*BETWEEN, "backward", "optimizer_step", "optimizer_zero_grad", "configure_gradient_clipping")
# What a module or its data may do with a batch on its way to the device.
OF_BATCH = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")


class DirectLoop(_TrainingEpochLoop):
    """Counts, logs, calls and computes what Lightning's loop does, to the bit, in half of its time between two steps.

    Lightning asks strategy, precision, profiler, module and callbacks sixty times a step, and of one process in float32
    on a CPU most of them have nothing to do. Whether that is so is looked at when an epoch begins, and wherever it is
    not, and in the first step after a checkpoint was loaded, the step is Lightning's own.
    """

    _direct = False

    def on_run_start(self, data_fetcher: _DataFetcher) -> None:
        """Looks at what will work in the steps of this epoch."""
        super().on_run_start(data_fetcher)
        trainer = self.trainer
        self._direct = is_direct(trainer) and not isinstance(data_fetcher, _DataLoaderIterDataFetcher)
        owners = (trainer.lightning_module, trainer.datamodule)  # type: ignore[attr-defined]
        self._transfers = not all(_is_inherited(owner, name, DataHooks) for owner in owners for name in OF_BATCH)
        self._takes_index = "batch_idx" in self._build_kwargs(OrderedDict(), None, 0)
        callbacks = trainer.callbacks  # type: ignore[attr-defined]
        self._at_start = [hook for callback in callbacks if callable(hook := callback.on_train_batch_start)]
        self._at_end = [hook for callback in callbacks if callable(hook := callback.on_train_batch_end)]

    def advance(self, data_fetcher: _DataFetcher) -> None:
        """A step. Raises StopIteration where the module's ``on_train_batch_start`` wants no more of this epoch."""
        if not self._direct or self.restarting or self.val_loop.restarting:
            super().advance(data_fetcher)
            return
        trainer, module, progress = self.trainer, self.trainer.lightning_module, self.batch_progress
        batch, _, _ = next(data_fetcher)
        if self._transfers:
            batch = module._on_before_batch_transfer(batch, dataloader_idx=0)
            batch = call._call_strategy_hook(trainer, "batch_to_device", batch, dataloader_idx=0)
        batch_idx = progress.current.ready
        progress.is_last_batch = data_fetcher.done
        progress.increment_ready()
        trainer._logger_connector.on_batch_start(batch)

        # By this name ``log`` knows what may be logged, and when.
        module._current_fx_name = "on_train_batch_start"
        for hook in self._at_start:
            hook(trainer, module, batch, batch_idx)
        if module.on_train_batch_start(batch, batch_idx) == -1:
            module._current_fx_name = None
            progress.increment_by(0, is_last_batch=True)
            progress.increment_processed()
            self._step_schedules()
            raise StopIteration
        progress.increment_started()
        outputs = self._optimize(module, (batch, batch_idx) if self._takes_index else (batch,))
        progress.increment_processed()
        self._step_schedules()

        module._current_fx_name = "on_train_batch_end"
        for hook in self._at_end:
            hook(trainer, module, outputs, batch, batch_idx)
        module.on_train_batch_end(outputs, batch, batch_idx)
        module._current_fx_name = None
        trainer._logger_connector.on_batch_end()
        progress.increment_completed()
        trainer._logger_connector.update_train_step_metrics()

    def _optimize(self, module: LightningModule, words: tuple[Any, ...]) -> dict[str, Any]:
        """Forward pass, loss, gradients and optimizer step; what ``training_step`` returned, for the callbacks."""
        optimizer, progress = self.trainer.optimizers[0], self.automatic_optimization.optim_progress.optimizer

        def forward() -> ClosureResult:
            module._current_fx_name = "training_step"
            output = module.training_step(*words)
            module._current_fx_name = None
            return (
                ClosureResult(output) if isinstance(output, Tensor) else ClosureResult.from_training_step_output(output)
            )

        def zero_grad() -> None:
            progress.zero_grad.increment_ready()
            progress.zero_grad.increment_started()
            optimizer.zero_grad()
            progress.zero_grad.increment_completed()

        closure = Closure(forward, Tensor.backward, zero_grad)
        progress.step.increment_ready()
        optimizer.step(closure)  # type: ignore[arg-type]
        progress.step.increment_completed()
        result = closure.consume_result()
        return {} if result.loss is None else result.asdict()

    def _step_schedules(self) -> None:
        if self.trainer.lr_scheduler_configs:
            self.update_lr_schedulers("step", update_plateau_schedulers=False)
            if self._num_ready_batches_reached():
                self.update_lr_schedulers("epoch", update_plateau_schedulers=False)


def is_direct(trainer: Trainer) -> bool:
    """Whether nothing works between the forward pass and the optimizer step but backward pass and optimizer."""
    module: LightningModule = trainer.lightning_module
    strategy: Any = trainer.strategy
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    profiler = trainer.profiler  # type: ignore[attr-defined]
    return (
        lightning.__version__ in READ
        and type(strategy) is SingleDeviceStrategy
        and strategy.root_device.type == "cpu"
        and strategy.model is module
        and type(strategy.precision_plugin) is Precision
        and isinstance(profiler, PassThroughProfiler)
        and module.automatic_optimization
        and trainer.accumulate_grad_batches == 1
        and not trainer.gradient_clip_val
        and all(_is_inherited(module, name, LightningModule) for name in OF_MODULE)
        and not any(callable(getattr(callback, name)) for callback in callbacks for name in BETWEEN)
    )


def _is_inherited(owner: Any, name: str, base: type) -> bool:
    return owner is None or (name not in vars(owner) and getattr(type(owner), name) is getattr(base, name))
