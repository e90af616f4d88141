"""Lightning's loop over the steps of an epoch, with its calls straight to what works in a step of one CPU process."""

from collections import OrderedDict
from operator import is_
from typing import Any

import lightning
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.core.hooks import DataHooks
from lightning.pytorch.loops.fetchers import _DataFetcher, _DataLoaderIterDataFetcher
from lightning.pytorch.loops.optimization.automatic import Closure, ClosureResult
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.plugins import Precision
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.trainer import call
from torch import Tensor

from zoo.training.step import BETWEEN, NoProfiler

# Releases whose loop was read: what it counts, and in which order it calls. With another one it is Lightning's own.
READ = ("2.6.6",)
# What a module may do between forward pass and optimizer step.
OF_MODULE = (
    *BETWEEN, "backward", "optimizer_step", "optimizer_zero_grad", "configure_gradient_clipping", "clip_gradients",
)  # fmt: skip
# What of a module may have been replaced in the midst of an epoch.
OF_INSTANCE = (*OF_MODULE, "training_step")
# What a module or its data may do with a batch on its way to the device.
OF_BATCH = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")


class DirectLoop(_TrainingEpochLoop):
    """Counts, logs, calls and computes what Lightning's loop does, to the bit, in less time between steps.

    Lightning asks strategy, precision, profiler, module and callbacks sixty times a step, and of one process in float32
    on a CPU most of them have nothing to do. Where strategy, precision or profiler are others, which is looked at when
    an epoch begins, and in the first step after a checkpoint was loaded, the step is Lightning's own; where callbacks
    or module work between forward pass and optimizer step, which is looked at in every step, that part is.
    """

    _direct = False

    def on_run_start(self, data_fetcher: _DataFetcher) -> None:
        """Looks at what does not change in an epoch."""
        super().on_run_start(data_fetcher)
        trainer, module = self.trainer, self.trainer.lightning_module
        self._handed_on: list[Any] = []
        self._direct = is_direct(trainer) and not isinstance(data_fetcher, _DataLoaderIterDataFetcher)
        self._takes_index = "batch_idx" in self._build_kwargs(OrderedDict(), None, 0)
        self._bare = all(getattr(type(module), name) is getattr(LightningModule, name) for name in OF_MODULE)
        owners = (module, trainer.datamodule)  # type: ignore[attr-defined]
        self._transfers = not all(_is_inherited(owner, name, DataHooks) for owner in owners for name in OF_BATCH)

    def advance(self, data_fetcher: _DataFetcher) -> None:
        """A step. Raises StopIteration where the module's ``on_train_batch_start`` wants no more of this epoch."""
        if not self._direct or self.restarting or self.val_loop.restarting:
            super().advance(data_fetcher)
            return
        trainer, module, progress = self.trainer, self.trainer.lightning_module, self.batch_progress
        batch, _, _ = next(data_fetcher)
        batch_idx = progress.current.ready
        progress.is_last_batch = data_fetcher.done
        batch = self._on_device(batch)
        progress.increment_ready()
        trainer._logger_connector.on_batch_start(batch)

        outputs: Any = None
        if batch is None:
            self._warning_cache.warn("train_dataloader yielded None. If this was on purpose, ignore this warning...")
        else:
            if self._call("on_train_batch_start", batch, batch_idx) == -1:
                progress.increment_by(0, is_last_batch=True)
                progress.increment_processed()
                self._step_schedules()
                raise StopIteration
            progress.increment_started()
            outputs = self._train_on(module, batch, batch_idx)
        progress.increment_processed()
        self._step_schedules()
        self._call("on_train_batch_end", outputs, batch, batch_idx)
        self._hand_on()
        progress.increment_completed()
        if trainer._logger_connector.should_update_logs or trainer.fast_dev_run:  # type: ignore[attr-defined]
            trainer._logger_connector.update_train_step_metrics()

    def on_advance_end(self, data_fetcher: _DataFetcher) -> None:
        """A validation where it is time for one, and the step's count. Raises SIGTERMException after that signal."""
        trainer = self.trainer
        rare = not self._direct or self._skip_next_val or trainer.accumulate_grad_batches != 1 or trainer.should_stop
        if rare or trainer.received_sigterm or self._may_validate():
            super().on_advance_end(data_fetcher)
            return
        if trainer.lr_scheduler_configs:
            self.update_lr_schedulers("step", update_plateau_schedulers=True)
        self._batches_that_stepped += 1

    def _may_validate(self) -> bool:
        """Whether Lightning is to look closer: validations are at the end of epochs unless somebody wants more."""
        trainer = self.trainer
        return (
            trainer.val_check_batch != trainer.num_training_batches
            or trainer.check_val_every_n_epoch is None
            or self._num_ready_batches_reached()
        )

    def _hand_on(self) -> None:
        """Gives what was logged to those who may ask for it, where they do not have it from an earlier step."""
        known = self._known()
        if len(known) == len(self._handed_on) and all(map(is_, known, self._handed_on)):
            self._results.batch = self._results.batch_size = None
        else:
            self.trainer._logger_connector.on_batch_end()
            self._handed_on = self._known()

    def _known(self) -> list[Any]:
        """What was logged, and what is kept of it, which others may write into too; all of it by identity."""
        connector = self.trainer._logger_connector
        kept = connector._callback_metrics, connector._logged_metrics, connector._progress_bar_metrics
        # A metric may change its value in its place.
        logged = [metric._forward_cache if metric.is_tensor else object() for metric in self._results.values()]
        return logged + [value for metrics in kept for value in metrics.values()]

    def _on_device(self, batch: Any) -> Any:
        """The batch as Lightning hands it on: containers made anew, tensors on the CPU as they are."""
        if not self._transfers and type(batch) in (list, tuple) and all(map(_is_on_cpu, batch)):
            return type(batch)(batch)
        batch = self.trainer.lightning_module._on_before_batch_transfer(batch, dataloader_idx=0)
        return call._call_strategy_hook(self.trainer, "batch_to_device", batch, dataloader_idx=0)

    def _call(self, name: str, *words: Any) -> Any:
        """Calls the callbacks' hook, then the module's; by its name ``log`` knows what may be logged, and when."""
        trainer, module = self.trainer, self.trainer.lightning_module
        before, module._current_fx_name = module._current_fx_name, name
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        for callback in callbacks:
            hook = getattr(callback, name)
            if callable(hook):
                hook(trainer, module, *words)
        hook = getattr(module, name)
        result = hook(*words) if callable(hook) else None
        module._current_fx_name = before
        return result

    def _train_on(self, module: LightningModule, batch: Any, batch_idx: int) -> Any:
        """Forward pass, loss, gradients and optimizer step; what ``training_step`` returned, for the hooks after it."""
        if self._is_bare(module):
            return self._optimize(module, (batch, batch_idx) if self._takes_index else (batch,))
        words = self._build_kwargs(OrderedDict(), batch, batch_idx)
        if module.automatic_optimization:
            return self.automatic_optimization.run(self.trainer.optimizers[0], batch_idx, words)
        return self.manual_optimization.run(words)

    def _is_bare(self, module: LightningModule) -> bool:
        """Whether between forward pass and optimizer step there are backward pass and cleared gradients alone."""
        trainer = self.trainer
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        return (
            self._bare
            and vars(module).keys().isdisjoint(OF_INSTANCE)
            and module.automatic_optimization
            and not self.automatic_optimization._skip_backward
            and trainer.accumulate_grad_batches == 1
            and not trainer.gradient_clip_val
            and not any(callable(getattr(callback, name)) for callback in callbacks for name in BETWEEN)
        )

    def _optimize(self, module: LightningModule, words: tuple[Any, ...]) -> dict[str, Any]:
        optimizer, progress = self.trainer.optimizers[0], self.automatic_optimization.optim_progress.optimizer
        result: ClosureResult | None = None

        def look() -> Any:
            nonlocal result
            with torch.enable_grad():
                module._current_fx_name = "training_step"
                output: Any = module.training_step(*words)
                module._current_fx_name = "optimizer_step"
                plain = isinstance(output, Tensor)
                found = ClosureResult(output) if plain else ClosureResult.from_training_step_output(output)
                if found.closure_loss is None:
                    # Lightning's warning.
                    Closure(lambda: found)()
                progress.zero_grad.increment_ready()
                progress.zero_grad.increment_started()
                module._current_fx_name = "optimizer_zero_grad"
                optimizer.zero_grad()
                progress.zero_grad.increment_completed()
                if found.closure_loss is not None:
                    module._current_fx_name = "backward"
                    found.closure_loss.backward()
                module._current_fx_name = "optimizer_step"
            # Not before: an optimizer may go on after an error of its closure.
            result = found
            return result.loss

        before, module._current_fx_name = module._current_fx_name, "optimizer_step"
        progress.step.increment_ready()
        optimizer.step(closure=look)
        module._current_fx_name = before
        progress.step.increment_completed()
        if result is None:
            # Lightning's error: the optimizer has not looked at all.
            return Closure(lambda: ClosureResult(None)).consume_result().asdict()
        return {} if result.loss is None else result.asdict()

    def _step_schedules(self) -> None:
        if self.trainer.lr_scheduler_configs:
            self.update_lr_schedulers("step", update_plateau_schedulers=False)
            if self._num_ready_batches_reached():
                self.update_lr_schedulers("epoch", update_plateau_schedulers=False)


def take_steps_directly(trainer: Trainer) -> None:
    """Gives a Trainer the direct loop, where no profiler measures Lightning's; before anything was trained."""
    loop = trainer.fit_loop.epoch_loop
    if type(loop) is _TrainingEpochLoop and type(trainer.profiler) is NoProfiler:  # type: ignore[attr-defined]
        trainer.fit_loop.epoch_loop = DirectLoop(trainer, loop.min_steps, loop.max_steps)


def is_direct(trainer: Trainer) -> bool:
    """Whether strategy, precision and profiler have nothing to do in a step."""
    strategy: Any = trainer.strategy
    return (
        lightning.__version__ in READ
        and type(strategy) is SingleDeviceStrategy
        and strategy.root_device.type == "cpu"
        and strategy.model is trainer.lightning_module
        and type(strategy.precision_plugin) is Precision
        and type(trainer.profiler) is NoProfiler  # type: ignore[attr-defined]
    )


def _is_inherited(owner: Any, name: str, base: type) -> bool:
    return owner is None or (name not in vars(owner) and getattr(type(owner), name) is getattr(base, name))


def _is_on_cpu(part: Any) -> bool:
    return type(part) is Tensor and part.is_cpu
