"""The progress line of a run: the loss first, then how fast it goes, what it waits for and holds, when it was saved."""

import sys
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, RichProgressBar, TQDMProgressBar
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm
from lightning.pytorch.trainer.states import TrainerFn
from rich.progress import TimeRemainingColumn

from zoo.evaluation.loader_report import LoaderReport
from zoo.training.checkpoints import LastCheckpoint

#: Columns that a line has at most: those of two windows side by side, and of most logs.
WIDTH = 100
# Which of a network's own figures are shown, and as what; metrics.csv has the others too.
SHOWN = {"train/loss": "loss", "val/top1_error": "val", "train/top1_error": "train"}
HIDDEN = ("val/loss", "v_num")


def figures(trainer: Trainer, metrics: dict[str, Any]) -> dict[str, str]:
    """What the line says in the course of a training, by short names, the most important first; else ``metrics``.

    The loss; the error on the held-out slice, or without one on the training images; ``img/s`` of all processes and
    ``wait``, the share of the epoch in which no batch was at hand; ``GB`` of memory; ``saved``, the age of the last
    checkpoint; what else a model shows.
    """
    if "val/top1_error" in metrics:
        metrics = {name: value for name, value in metrics.items() if name != "train/top1_error"}
    watched = _watched(trainer) if trainer.state.fn == TrainerFn.FITTING else {}
    own = {short: _text(name, metrics[name]) for name, short in SHOWN.items() if name in metrics}
    others = {name: _text(name, value) for name, value in metrics.items() if name not in (*SHOWN, *HIDDEN)}
    return own | watched | others


def _text(name: str, value: Any) -> str:
    return f"{value:.3g}{'%' if name.endswith('_error') else ''}" if isinstance(value, float) else str(value)


def _watched(trainer: Trainer) -> dict[str, str]:
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    found: dict[str, str] = {}
    for report in callbacks:
        if isinstance(report, LoaderReport) and (pace := report.pace(trainer)):
            rate, share = pace
            found |= {"img/s": f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}", "wait": f"{share:.0%}"}
    if memory := _memory(trainer.strategy.root_device):
        found["GB"] = f"{memory / 1e9:.1f}"
    for last in callbacks:
        if isinstance(last, LastCheckpoint):
            found["saved"] = "never" if last.age is None else _rounded(last.age)
    return found


def _memory(device: torch.device) -> int:
    """Bytes that this process holds on its GPU; without one, the most that it has held of the machine's; 0: unknown."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    try:
        import resource
    except ImportError:  # on Windows
        return 0
    # Kilobytes, but on a Mac bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _rounded(seconds: float) -> str:
    """A duration in its largest unit."""
    if seconds < 60:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}m" if seconds < 5400 else f"{seconds / 3600:.0f}h"


class RichBar(RichProgressBar):
    """A line that is drawn anew in its place."""

    def configure_columns(self, trainer: Trainer) -> list[Any]:
        """While training, room for the figures."""
        columns = super().configure_columns(trainer)
        if trainer.state.fn != TrainerFn.FITTING:
            return columns
        description, bar, batches, *_ = columns
        bar.bar_width = 4
        return [description, bar, batches, TimeRemainingColumn()]

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """See ``figures``."""
        return {**figures(trainer, super().get_metrics(trainer, pl_module))}


class PlainBar(TQDMProgressBar):
    """Lines one after another."""

    def init_train_tqdm(self) -> Tqdm:
        """The bar takes the room that the figures and the time that remains leave."""
        bar = super().init_train_tqdm()
        bar.bar_format = "{desc}{bar} {n_fmt}/{total_fmt} [{remaining}{postfix}]"
        bar.dynamic_ncols, bar.ncols = None, WIDTH
        return bar

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """See ``figures``."""
        return {**figures(trainer, super().get_metrics(trainer, pl_module))}


def progress_bar() -> Callback:
    """A bar that suits where standard output goes."""
    # Rich redraws in place, which only a terminal can; a log file gets a plain line now and then.
    return RichBar() if sys.stdout.isatty() else PlainBar(refresh_rate=50)
