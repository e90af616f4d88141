"""The direct loop against Lightning's own: after every hook the same progress, weights, logs and checkpoint."""

import contextlib
import copy
import os
from typing import Any
from unittest import mock

import lightning
import pytest
import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler, LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loops.optimization.automatic import _AutomaticOptimization
from lightning.pytorch.loops.optimization.manual import _ManualOptimization
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanMetric

from zoo.training import epoch_loop
from zoo.training.epoch_loop import take_steps_directly
from zoo.training.step import WorkingHooks, lighten

# Lightning warns of most of these modules.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class Module(LightningModule):
    """Logs in every hook where that is allowed, each step and each epoch."""

    def __init__(self, optimizer: str = "SGD", interval: str | None = "step") -> None:
        super().__init__()
        self.optimizer, self.interval = optimizer, interval
        self.layer = torch.nn.Linear(2, 1)
        with torch.no_grad():
            self.layer.weight.fill_(0.5)
            self.layer.bias.fill_(0.1)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        self.log("start", float(batch_idx), on_step=True, on_epoch=True)
        return None

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.log("end", outputs["loss"] if outputs else 0.0)

    def loss(self, batch: list[torch.Tensor]) -> torch.Tensor:
        loss = self.layer(batch[0]).square().mean()
        self.log("loss", loss, on_step=True, on_epoch=True, prog_bar=True)
        return loss

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> Any:
        return self.loss(batch)

    def validation_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
        self.log("val", self.layer(batch[0]).mean())

    def configure_optimizers(self) -> Any:
        optimizer = getattr(torch.optim, self.optimizer)(self.parameters(), lr=0.1)
        if self.interval is None:
            return optimizer
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": self.interval}}


class LogsAtTimes(Module):
    """In a step of each epoch, by one name also in validations."""

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        if batch_idx == self.current_epoch:
            self.log("val", float(self.global_step), prog_bar=True)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        pass

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> Any:
        return self.layer(batch[0]).square().mean()


class LogsRateAtTimes(LogsAtTimes):
    """By the name that LearningRateMonitor writes into the same dict."""

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            self.log("lr-SGD", 7.0, on_step=True, on_epoch=False)


class InPlace(MeanMetric):
    """Changes the value that it gave before."""

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        self.update(value)
        self._forward_cache = self.mean_value
        return self.mean_value


class LogsMetric(LogsAtTimes):
    """One that was logged in an epoch's first step, and is brought up to date in each."""

    def __init__(self) -> None:
        super().__init__()
        self.metric = InPlace()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.metric(batch[0].mean())
        if batch_idx == 0:
            self.log("metric", self.metric, on_step=True, on_epoch=False, prog_bar=True)


class OfBatchAlone(Module):
    def training_step(self, batch: list[torch.Tensor]) -> Any:
        return self.loss(batch)


class WithMore(Module):
    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> Any:
        return {"loss": self.loss(batch), "index": batch_idx}


class WithoutLoss(Module):
    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> Any:
        return self.loss(batch) if batch_idx != 1 else None


class EndsEarly(Module):
    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        return -1 if batch_idx == 3 else super().on_train_batch_start(batch, batch_idx)


class Doubles(Module):
    def on_after_batch_transfer(self, batch: list[torch.Tensor], dataloader_idx: int) -> list[torch.Tensor]:
        return [2 * part for part in batch]


class WithoutHooks(Module):
    on_train_batch_start = None
    on_train_batch_end = None


class LogsInBetween(Module):
    """From hooks of torch, which run within the backward pass and the optimizer step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer.weight.register_hook(lambda gradient: self.log("gradient", gradient.sum()))

    def configure_optimizers(self) -> Any:
        made = super().configure_optimizers()
        made["optimizer"].register_step_post_hook(lambda *_: self.log("start", 1.0))
        return made


class OwnBackward(Module):
    def backward(self, loss: torch.Tensor) -> None:
        (2 * loss).backward()


class OwnStep(Module):
    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        optimizer.step(closure=optimizer_closure)
        self.layer.weight.data.mul_(0.5)


class OwnClipping(Module):
    def clip_gradients(self, *args: Any, **options: Any) -> None:
        self.layer.weight.grad.zero_()


class ByKeyword(torch.optim.SGD):
    """An optimizer whose closure comes second."""

    def step(self, gradients: None = None, closure: Any = None) -> Any:
        assert gradients is None
        return super().step(closure)


class GoesOn(torch.optim.SGD):
    """An optimizer that looks twice, and passes over an error."""

    def step(self, closure: Any = None) -> Any:
        closure()
        with contextlib.suppress(RuntimeError):
            closure()
        return super().step()


class FailsOnceMore(Module):
    """In the backward pass of each step's second look."""

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> Any:
        self.looks = 1 if getattr(self, "looked", None) != self.global_step else 2
        self.looked = self.global_step
        loss = (1 + self.looks) * self.layer(batch[0]).square().mean()
        if self.looks == 2:
            loss.register_hook(fail)
        return loss

    def configure_optimizers(self) -> Any:
        return GoesOn(self.parameters(), lr=0.1)


def fail(gradient: torch.Tensor) -> None:
    raise RuntimeError("no gradient")


class OfKeyword(Module):
    def configure_optimizers(self) -> Any:
        return ByKeyword(self.parameters(), lr=0.1)


class ByHand(OfBatchAlone):
    def __init__(self) -> None:
        super().__init__(interval=None)
        self.automatic_optimization = False

    def training_step(self, batch: list[torch.Tensor]) -> Any:
        self.optimizers().zero_grad()
        self.manual_backward(self.loss(batch))
        self.optimizers().step()


class OfIterator(WithoutHooks):
    def training_step(self, dataloader_iter: Any) -> Any:
        return self.layer(next(dataloader_iter)[0][0]).square().mean()


class TakesApart(WithoutHooks):
    """Leaves its batch empty."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        return self.layer(batch.pop() if isinstance(batch, list) else batch.pop("images")).square().mean()


class Data(LightningDataModule):
    """Five batches, and two of validation."""

    def train_dataloader(self) -> DataLoader:
        return DataLoader(TensorDataset(torch.arange(20.0).view(10, 2) / 20), batch_size=2)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(TensorDataset(torch.ones(4, 2)), batch_size=2)


class Halves(Data):
    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        return [part / 2 for part in batch]


class Holes(Data):
    """Without a batch at times."""

    def train_dataloader(self) -> DataLoader:
        return DataLoader(range(4), collate_fn=lambda rows: None if rows[0] == 2 else [torch.ones(1, 2) * rows[0]])


class Lists(Data):
    """The same lists in every epoch."""

    def train_dataloader(self) -> DataLoader:
        batches = [self.batch(torch.ones(1, 2) * number) for number in range(3)]
        return DataLoader(batches, batch_size=None, collate_fn=lambda batch: batch)

    def batch(self, images: torch.Tensor) -> Any:
        return [images]


class Dicts(Lists):
    def batch(self, images: torch.Tensor) -> Any:
        return {"images": images}


class Between(Callback):
    def on_before_optimizer_step(self, trainer, pl_module, optimizer) -> None:
        pl_module.layer.weight.grad.mul_(3)


class NoBackward(Callback):
    def on_train_epoch_start(self, trainer, pl_module) -> None:
        trainer.fit_loop._skip_backward = trainer.current_epoch == 1


class Leaves(Callback):
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if batch_idx == 1:
            trainer.callbacks.remove(self)


class Takes(Callback):
    """Out of what was logged."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        trainer._logger_connector._callback_metrics.pop("val", None)


class Changes(Callback):
    """Calls a function at the start of an epoch's third step."""

    def __init__(self, change: Any) -> None:
        self.change = change

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        if batch_idx == 2:
            self.change(trainer, pl_module)


# What has a dict each of what was logged.
KINDS = ("callback", "logged", "progress_bar")


class Trace(Callback):
    """What can be seen from outside at each hook."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def note(self, hook: str, trainer: Trainer, module: LightningModule, *more: Any) -> None:
        state = copy.deepcopy(trainer.fit_loop.state_dict())
        weights = module.layer.weight.detach().clone()
        rates = [group["lr"] for group in trainer.optimizers[0].param_groups]
        kept = [plain(getattr(trainer._logger_connector, f"_{kind}_metrics")) for kind in KINDS]
        # Asking for them would bring them up to date.
        asked = [plain(getattr(trainer, f"{kind}_metrics")) for kind in KINDS if hook not in ("start", "end")]
        gradient = module.layer.weight.grad
        counts = (module._current_fx_name, trainer.global_step, trainer.is_last_batch, state)
        values = (rates, kept, asked, weights.tolist(), None if gradient is None else gradient.tolist())
        self.seen.append((hook, *counts, *values, repr(more)))

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.note("start", trainer, pl_module, batch, batch_idx)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.note("end", trainer, pl_module, outputs, batch, batch_idx)

    def on_validation_end(self, trainer, pl_module) -> None:
        self.note("validated", trainer, pl_module)

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        self.note("epoch", trainer, pl_module)


def train(folder, module: LightningModule, *callbacks: Callback, data: Any = None, **options: Any) -> Trainer:
    ckpt_path = options.pop("ckpt_path", None)
    options = {"max_epochs": 3, "log_every_n_steps": 2, "num_sanity_val_steps": 0} | options
    trainer = Trainer(
        accelerator="cpu", logger=CSVLogger(folder, "", ""), enable_progress_bar=False, enable_model_summary=False,
        callbacks=[*callbacks, WorkingHooks()], default_root_dir=folder, **options,
    )  # fmt: skip
    lighten(trainer)
    take_steps_directly(trainer)
    trainer.fit(module, datamodule=(data or Data)(), ckpt_path=ckpt_path)
    return trainer


def plain(value: Any) -> Any:
    """A checkpoint with its tensors as lists, and without paths."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if not str(key).endswith(("_path", "dirpath"))}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value.tolist() if isinstance(value, torch.Tensor) else value


def sets(name: str, value: Any) -> Changes:
    return Changes(lambda trainer, module: setattr(trainer, name, value))


def thrice(module: Module) -> None:
    module.layer.weight.grad.mul_(3)


# Module, callbacks and options; below, by which part of a step is Lightning's own in the midst of the direct loop.
Case = tuple[Any, list[Any], dict[str, Any]]
DIRECT: dict[str, Case] = {
    "rates by steps": (Module, [], {}),
    "rates by epochs": (lambda: Module(interval="epoch"), [], {}),
    "no schedule": (lambda: Module("Adam", None), [], {}),
    "several looks a step": (lambda: Module("LBFGS", None), [], {}),
    "batch alone": (OfBatchAlone, [], {}),
    "a dict": (WithMore, [], {}),
    "a step without loss": (WithoutLoss, [], {}),
    "epochs that end early": (EndsEarly, [], {}),
    "no hooks": (WithoutHooks, [], {}),
    "logs of torch's hooks": (LogsInBetween, [], {}),
    "a closure by keyword": (OfKeyword, [], {}),
    "a callback that leaves": (Module, [Leaves], {}),
    "validation within the epoch": (Module, [], {"val_check_interval": 2}),
    "validation by steps of all epochs": (EndsEarly, [], {"val_check_interval": 5, "check_val_every_n_epoch": None}),
    "logs at times": (LogsAtTimes, [], {"val_check_interval": 2}),
    "a callback that logs by the same name": (LogsRateAtTimes, [lambda: LearningRateMonitor("step")], {}),
    "a callback that takes what was logged": (LogsAtTimes, [Takes], {}),
    "a metric that changes in its place": (LogsMetric, [], {}),
    "an error that the optimizer passes over": (FailsOnceMore, [], {}),
    "no validation": (Module, [], {"limit_val_batches": 0}),
    "an end within the epoch": (Module, [], {"max_steps": 7, "max_epochs": -1}),
    "a fixed number of batches": (Module, [], {"limit_train_batches": 3}),
    "one batch": (Module, [], {"fast_dev_run": True}),
    "a module's own transfer": (Doubles, [], {}),
    "the data's own transfer": (Module, [], {"data": Halves}),
    "no batch": (Module, [], {"data": Holes}),
    "lists that are taken apart": (TakesApart, [], {"data": Lists}),
    "dicts that are taken apart": (TakesApart, [], {"data": Dicts}),
}
OPTIMIZED_BY_LIGHTNING: dict[str, Case] = {
    "a callback that comes": (Module, [lambda: Changes(lambda trainer, _: trainer.callbacks.append(Leaves()))], {}),
    "a callback between": (Module, [Between], {}),
    "a callback between from the third step on": (
        Module, [lambda: Changes(lambda trainer, _: trainer.callbacks.append(Between()))], {},
    ),
    "a hook between from the third step on": (
        Module, [lambda: Changes(lambda _, module: setattr(module, "on_after_backward", lambda: thrice(module)))], {},
    ),
    "a step that is replaced": (
        OfBatchAlone, [lambda: Changes(lambda _, module: setattr(module, "training_step", module.loss))], {},
    ),
    "a backward pass of one's own": (OwnBackward, [], {}),
    "a step of one's own": (OwnStep, [], {}),
    "clipping of one's own": (OwnClipping, [], {}),
    "no backward pass": (Module, [NoBackward], {}),
    "by hand": (ByHand, [], {}),
    "clipped gradients": (Module, [], {"gradient_clip_val": 0.01}),
    "gradients that are clipped from the third step on": (Module, [lambda: sets("gradient_clip_val", 0.01)], {}),
    "several batches a step": (Module, [], {"accumulate_grad_batches": 2}),
    "several batches a step from the third on": (Module, [lambda: sets("accumulate_grad_batches", 2)], {}),
    "sums planned by a callback": (Module, [lambda: GradientAccumulationScheduler({0: 2})], {}),
}  # fmt: skip
LIGHTNINGS: dict[str, Case] = {
    "an iterator": (OfIterator, [], {}),
    "another precision": (Module, [], {"precision": "bf16-mixed"}),
    "a profiler": (Module, [], {"profiler": "simple"}),
    "a strategy of several processes": (Module, [], {"strategy": "ddp"}),
}
CASES = {name: (case, part) for part, cases in (
    ("nothing", DIRECT), ("optimization", OPTIMIZED_BY_LIGHTNING), ("step", LIGHTNINGS),
) for name, case in cases.items()}  # fmt: skip


def counted(monkeypatch, owner: type, name: str) -> list[int]:
    """Grows with every call of a method."""
    calls: list[int] = []
    method = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args: calls.append(1) or method(*args))
    return calls


@pytest.fixture
def process_group():
    """What a strategy of several processes sets up is taken down again."""
    with mock.patch.dict(os.environ):
        yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("process_group")
@pytest.mark.parametrize("case", CASES)
def test_the_direct_loop_does_what_lightnings_does(case, tmp_path, monkeypatch):
    (make, callbacks, options), part = CASES[case]
    seen = {}
    for name, read in {"direct": epoch_loop.READ, "lightning": ()}.items():
        trace = Trace()
        with monkeypatch.context() as patched:
            patched.setattr(epoch_loop, "READ", read)
            steps = counted(patched, _TrainingEpochLoop, "advance")
            optimizations = counted(patched, _AutomaticOptimization, "run")
            by_hand = counted(patched, _ManualOptimization, "run")
            trainer = train(tmp_path / name, make(), trace, *(callback() for callback in callbacks), **options)
        if name == "lightning":
            assert steps
        else:
            assert bool(steps) == (part == "step")
            assert bool(optimizations or by_hand) == (part != "nothing")
        log = tmp_path / name / "metrics.csv"
        checkpoints = [torch.load(path, weights_only=False) for path in sorted((tmp_path / name).rglob("*.ckpt"))]
        rows = log.read_text("utf-8") if log.exists() else ""
        weights = [parameter.tolist() for parameter in trainer.lightning_module.parameters()]
        seen[name] = trace.seen, rows, plain(checkpoints), weights
    assert len(seen["direct"][0]) > 2
    assert seen["direct"] == seen["lightning"]


class Blind(torch.optim.SGD):
    def step(self, closure: Any = None) -> None:
        pass


@pytest.mark.parametrize("read", [epoch_loop.READ, ()])
def test_an_optimizer_that_does_not_look_is_refused(read, tmp_path, monkeypatch):
    monkeypatch.setattr(epoch_loop, "READ", read)
    module = Module()
    monkeypatch.setattr(module, "configure_optimizers", lambda: Blind(module.parameters(), lr=0.1))
    with pytest.raises(MisconfigurationException, match="hasn't been executed"):
        train(tmp_path, module)


@pytest.mark.parametrize("step", [2, 5, 7])
def test_a_training_goes_on_from_the_others_checkpoint(step, tmp_path, monkeypatch):
    ends = {}
    own, none = epoch_loop.READ, ()
    for name, (first, then) in {
        "direct": (own, own),
        "from": (own, none),
        "to": (none, own),
        "none": (none, none),
    }.items():
        monkeypatch.setattr(epoch_loop, "READ", first)
        saving = ModelCheckpoint(tmp_path / name, "at-{step}", every_n_train_steps=step, save_top_k=-1)
        train(tmp_path / name, Module(), saving, max_epochs=2)
        monkeypatch.setattr(epoch_loop, "READ", then)
        saved = tmp_path / name / f"at-step={step}.ckpt"
        trace = Trace()
        trainer = train(tmp_path / f"{name} again", Module(), trace, ckpt_path=saved)
        ends[name] = trace.seen, [p.tolist() for p in trainer.model.parameters()], trainer.global_step
    assert ends["direct"] == ends["from"] == ends["to"] == ends["none"]
    assert ends["direct"][2] > step


def test_of_the_release_that_is_installed_the_loop_was_read():
    # After an update: read what changed in training_epoch_loop.py and optimization/automatic.py, then add it.
    assert lightning.__version__ in epoch_loop.READ
