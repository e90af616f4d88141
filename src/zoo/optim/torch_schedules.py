"""torch's own schedules of the learning rate, over parameter groups whose rates differ by a factor."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, OneCycleLR
from torch.optim.lr_scheduler import ReduceLROnPlateau as TorchPlateau

from zoo.errors import InputError
from zoo.optim.schedules import Schedule

#: A class of torch's with its options but for the optimizer, or a function that makes one.
SchedulerCallable = Callable[[Optimizer], LRScheduler]
AnySchedule = Schedule | SchedulerCallable
#: What torch's ReduceLROnPlateau watches where nothing else is said.
MONITOR = "val/loss"


class ReduceLROnPlateau(TorchPlateau):
    """torch's schedule of this name, with the name of the metric that it watches once an epoch.

    Args:
        optimizer: whose rates are reduced
        monitor: a metric as metrics.csv names it, such as val/loss, val/top1_error or train/loss
        mode: whether the metric is to become small or large
        factor: what rates are multiplied by
        patience: epochs without an improvement that are borne
        threshold: what counts as an improvement
        threshold_mode: whether the threshold is a share of the best value, or a difference
        cooldown: epochs to wait after a reduction
        min_lr: a rate that is not gone below
        eps: a reduction by less is left out
    """

    def __init__(
        self,
        optimizer: Optimizer,
        monitor: str = MONITOR,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(optimizer, mode, factor, patience, threshold, threshold_mode, cooldown, min_lr, eps)
        self.monitor = monitor


def by_steps(scheduler: LRScheduler) -> bool:
    """Whether torch means a schedule to be stepped after every batch; all others count epochs."""
    return isinstance(scheduler, (OneCycleLR, CyclicLR))


def cycles_momentum(scheduler: Any) -> bool:
    """Whether it sets the optimizer's momentum too."""
    return bool(getattr(scheduler, "cycle_momentum", False))


def monitor_of(scheduler: TorchPlateau) -> str:
    """The metric that it watches."""
    return str(getattr(scheduler, "monitor", MONITOR))


def made(schedule: SchedulerCallable, optimizer: Optimizer, rates: Sequence[float], steps: Callable[[], int]) -> Any:
    """The schedule of ``optimizer``, whose groups have the ``rates`` as factors on the learning rate.

    A OneCycleLR that is not told its length gets that of the run, ``steps()``. Raises InputError where it cannot be
    built.
    """
    make: Any = schedule
    try:
        try:
            scheduler = make(optimizer)
        except ValueError as error:
            # What torch says where OneCycleLR has neither total_steps nor epochs.
            if "total_steps" not in str(error):
                raise
            scheduler = make(optimizer, total_steps=steps())
    except InputError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"The schedule cannot be built ({error}): change model.schedule.") from error
    if not isinstance(scheduler, LRScheduler):
        raise InputError(f"model.schedule makes {type(scheduler).__name__}, which is no schedule of torch or zoo.")
    if by_steps(scheduler):
        _scale(scheduler, rates)
    for group in optimizer.param_groups:
        # By which a resumed run tells a rate that was typed anew from one that was reduced.
        group.setdefault("initial_lr", group["lr"])
    return scheduler


def _scale(scheduler: Any, rates: Sequence[float]) -> None:
    """Puts the factors of the groups into schedules that have rates of their own and forget those of the optimizer."""
    own = ("lr", "initial_lr", "max_lr", "min_lr")
    for number, (group, rate) in enumerate(zip(scheduler.optimizer.param_groups, rates, strict=True)):
        for key in own:
            if key in group:
                group[key] *= rate
        scheduler.base_lrs[number] *= rate
        if isinstance(scheduler, CyclicLR):
            scheduler.max_lrs[number] *= rate
