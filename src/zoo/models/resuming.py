"""Goes on from a checkpoint, taken at any moment of a run, as if there had been no interruption."""

from collections.abc import Iterable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from zoo.models.saved_training import check_optimizers, check_progress, read_from, unlike
from zoo.optim.torch_schedules import cycles_momentum

COUNTS_KEY = "zoo_train_counts"
SCHEDULES_KEY = "zoo_schedules"
COUNTS = ("num_images", "top1_wrong", "top5_wrong")


class ExactResume(Callback):
    """Puts right what Lightning's fit loop makes of a checkpoint, and lets typed values win over those it remembers.

    Every ``Classifier`` brings one along, so that a plain Trainer resumes as exactly as ``zoo fit``.
    """

    def __init__(self) -> None:
        self._checkpoint: dict[str, Any] | None = None
        # What earlier validations of the epoch counted, where one is made again.
        self._validated: int | None = None

    def on_save_checkpoint(self, trainer: Trainer, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Adds the training errors counted so far in this epoch, those of each process apart."""
        counts = pl_module.train_counts
        counts.settle()
        # The bits of the sum, made float64 where a device has float32 alone, travel as a whole number.
        bits = counts.loss_sum.cpu().double().view(torch.int64).to(counts.num_images.device)
        sums = [*(getattr(counts, name) for name in COUNTS), bits]
        checkpoint[COUNTS_KEY] = trainer.strategy.all_gather(torch.stack(sums)).cpu().view(trainer.world_size, -1)
        if pl_module.schedule_starts:
            checkpoint[SCHEDULES_KEY] = pl_module.schedule_starts

    def on_load_checkpoint(self, trainer: Trainer, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Settles the loop's progress and takes the counts up again.

        Raises InputError where the checkpoint is not one of such a training.
        """
        if trainer.state.fn != TrainerFn.FITTING:
            return
        check_progress(trainer, checkpoint)
        self._checkpoint = checkpoint
        with read_from(trainer):
            self._validated = settle(checkpoint["loops"]["fit_loop"])
            if COUNTS_KEY in checkpoint:
                _take_up(pl_module.train_counts, checkpoint[COUNTS_KEY], trainer.global_rank, trainer.world_size)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """By now the optimizers are made, with the current values, but not yet restored.

        Raises InputError where they cannot be.
        """
        if trainer.ckpt_path is not None and self._checkpoint is None:
            # Lightning tells no callback of such a checkpoint, and would go on from it inexactly.
            raise unlike(str(trainer.ckpt_path), "its callbacks are missing")
        if self._checkpoint is not None:
            check_optimizers(trainer, self._checkpoint)
            schedulers = [config.scheduler for config in trainer.lr_scheduler_configs]
            typed_values_win(self._checkpoint, trainer.optimizers, schedulers)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Corrects the loop where its progress alone cannot say what is left to do."""
        if self._checkpoint is None:
            return
        self._checkpoint = None
        _go_on_in_epoch(trainer)
        loop = trainer.fit_loop.epoch_loop
        if self._validated is not None:
            # Where to go on has been read from the total by now: it counts on from what it was.
            total = loop.val_loop.batch_progress.total
            total.load_state_dict(dict.fromkeys(total.state_dict(), self._validated))
        done = loop.batch_progress.current.ready
        # With max_steps Lightning takes every checkpoint for one of the middle of an epoch.
        if loop.restarting and not done:
            loop.restarting = False
        # An epoch that lacks only its end, and no validation: nothing would count its last step for the loggers.
        fetcher: Any = trainer.fit_loop._data_fetcher
        if loop.restarting and done == trainer.num_training_batches and not loop._should_check_val_fx(fetcher):
            loop._batches_that_stepped += 1


def _go_on_in_epoch(trainer: Trainer) -> None:
    """Draws the training batches anew, from the step on that the loop has come to."""
    loop: Any = trainer.fit_loop
    for loader in loop._combined_loader.flattened:
        if hasattr(loader.sampler, "go_on_at"):
            steps = loop.epoch_loop.batch_progress.current.processed
            loader.sampler.go_on_at(loop.epoch_progress.current.processed, steps)
    with read_from(trainer):
        loop._load_combined_loader_states()
    # Whatever asked for the length of an epoch has set the loaders, and their workers, off already.
    iter(loop._data_fetcher)


def _take_up(counts: Any, gathered: Tensor, rank: int, num_processes: int) -> None:
    """Restores a process's own sums; where there were more or fewer processes, the first one takes all."""
    integers, losses = gathered[:, :-1], gathered[:, -1].contiguous().view(torch.float64)
    if len(gathered) == num_processes:
        integers, losses = integers[rank], losses[rank]
    else:
        integers, losses = integers.sum(0) * (rank == 0), losses.sum() * (rank == 0)
    counts.reset()
    # An epoch that lacks nothing but its end computes without a further update, which the metric would warn of.
    counts.update(torch.zeros(0, 1), torch.zeros(0, dtype=torch.int64), torch.zeros(0))
    for name, value in zip(COUNTS, integers, strict=True):
        getattr(counts, name).copy_(value)
    counts.loss_sum.copy_(losses)


def settle(fit: dict[str, Any]) -> int | None:
    """Brings a fit loop's saved progress, from whatever hook, to a state that the loop goes on from exactly.

    Between two steps: to that which the loop saves at the end of a step. In a validation or at the end of the last
    step: to that of a validation not yet begun, where Lightning would leave it out, or the epoch's end with it. Between
    two epochs: to an epoch not yet begun, which Lightning would count as done where ``max_steps`` is set.
    Returns how many batches the epoch's validations had before one that is made again; None where none is.
    """
    epoch, step = fit["epoch_progress"], fit["epoch_loop.batch_progress"]
    validation = fit["epoch_loop.val_loop.batch_progress"]
    if epoch["total"]["processed"] == epoch["total"]["started"] or step["current"]["processed"] == 0:
        _all_equal(epoch, "processed")
        step["current"] = dict.fromkeys(step["current"], 0)
        step["total"] = dict.fromkeys(step["total"], step["total"]["processed"])
        step["is_last_batch"] = False
        return None
    if step["current"]["ready"] > step["current"]["processed"]:
        # Saved when the next batch was there and its step not begun.
        _all_equal(step, "processed")
        for part in ("total", "current"):
            step[part]["completed"] -= 1
        fit["epoch_loop.state_dict"]["_batches_that_stepped"] -= 1
        step["is_last_batch"] = False
    elif not _validated(step, validation) and (step["is_last_batch"] or _equal(step)):
        # At the end of a step the last validation is over; in a validation its own batches are made again.
        earlier = validation["total"]["ready"] - (validation["current"]["ready"] if _equal(step) else 0)
        _all_equal(step, "processed")
        validation["total"] = {"ready": 1, "started": 1, "processed": 0, "completed": 0}
        validation["current"] = dict.fromkeys(validation["current"], 0)
        return int(earlier)
    return None


def _all_equal(progress: dict[str, Any], name: str) -> None:
    for part in ("total", "current"):
        progress[part] = dict.fromkeys(progress[part], progress[part][name])


def _equal(progress: dict[str, Any]) -> bool:
    return len(set(progress["current"].values())) == 1


def _validated(step: dict[str, Any], validation: dict[str, Any]) -> bool:
    """Whether the validation after the last step was over; at the end of a step it has not begun."""
    return _equal(step) and validation["is_last_batch"] and _equal(validation)


def typed_values_win(checkpoint: dict[str, Any], optimizers: Iterable[Any], schedulers: Iterable[Any]) -> None:
    """Replaces the values in ``checkpoint`` (rate, momentum, decay, ...) by the current ones of the optimizers.

    A schedule goes on with its factor, on the current rate. Of torch's schedules, what they started with is compared:
    what differs was typed. What is the same stays untouched, to the bit.
    """
    schedulers = list(schedulers)
    cycled = {"momentum", "betas"} if any(map(cycles_momentum, schedulers)) else set()
    for optimizer, saved in zip(optimizers, checkpoint.get("optimizer_states", []), strict=False):
        for group, old in zip(optimizer.param_groups, saved["param_groups"], strict=False):
            scheduled = "initial_lr" in group and "initial_lr" in old
            if scheduled and group["initial_lr"] != old["initial_lr"]:
                old["lr"] *= group["initial_lr"] / old["initial_lr"] if old["initial_lr"] else 1
            kept = {"params", "lr"} | cycled if scheduled else {"params"}
            old.update({key: value for key, value in group.items() if key in old and key not in kept})
    for scheduler, saved in zip(schedulers, checkpoint.get("lr_schedulers", []), strict=False):
        if "base_lrs" in saved:
            saved["base_lrs"] = list(scheduler.base_lrs)
    starts = checkpoint.get(SCHEDULES_KEY, [])
    for scheduler, saved, start in zip(schedulers, checkpoint.get("lr_schedulers", []), starts, strict=False):
        typed = {key: value for key, value in scheduler.state_dict().items() if value != start.get(key, value)}
        saved.update({key: value for key, value in typed.items() if key != "_last_lr"})
