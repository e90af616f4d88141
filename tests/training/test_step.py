"""Of a step only what did nothing is left out: hooks that were written are called, a profiler that measures stays."""

from types import SimpleNamespace

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.profilers import PassThroughProfiler, SimpleProfiler
from torch.utils.data import DataLoader

from zoo.training.step import HOOKS, NoProfiler, WorkingHooks, lighten


class Module(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, batch_idx):
        return self.layer(batch).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


class Counting(Callback):
    """Writes one of the hooks, inherits the others, and has one set on itself."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.on_before_backward = lambda *_: self.seen.append("before_backward")

    def on_train_batch_end(self, *_):
        self.seen.append("batch_end")


class Derived(Counting):
    """Inherits what its base wrote."""


def train(*callbacks: Callback) -> Trainer:
    trainer = Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[*callbacks],
    )  # fmt: skip
    lighten(trainer)
    trainer.fit(Module(), DataLoader(torch.ones(3, 2), batch_size=1))
    return trainer


def test_hooks_that_were_written_are_called_and_the_others_are_not():
    counting, derived = Counting(), Derived()
    trainer = train(WorkingHooks(), counting, derived)
    assert counting.seen == derived.seen == ["before_backward", "batch_end"] * 3
    left_out = [name for name in HOOKS if getattr(counting, name) is None]
    assert left_out == [name for name in HOOKS if name not in ("on_train_batch_end", "on_before_backward")]
    assert type(trainer.profiler) is NoProfiler


def test_a_profiler_that_measures_stays():
    profilers = [PassThroughProfiler(), SimpleProfiler()]
    trainers = [SimpleNamespace(profiler=profiler) for profiler in profilers]
    for trainer in trainers:
        lighten(trainer)
    assert type(trainers[0].profiler) is NoProfiler
    assert trainers[1].profiler is profilers[1]
