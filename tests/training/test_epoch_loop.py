"""The direct loop against Lightning's own: after every hook the same progress, weights, logs and checkpoint."""

import copy
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.profilers import SimpleProfiler
from torch.utils.data import DataLoader, TensorDataset

from zoo.training import epoch_loop
from zoo.training.epoch_loop import DirectLoop
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


class Data(LightningDataModule):
    """Five batches, and two of validation."""

    def train_dataloader(self) -> DataLoader:
        return DataLoader(TensorDataset(torch.arange(20.0).view(10, 2) / 20), batch_size=2)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(TensorDataset(torch.ones(4, 2)), batch_size=2)


class Halves(Data):
    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        return [part / 2 for part in batch]


class Trace(Callback):
    """What can be seen from outside at each hook."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def note(self, hook: str, trainer: Trainer, module: LightningModule, *more: Any) -> None:
        state = copy.deepcopy(trainer.fit_loop.state_dict())
        weights = module.layer.weight.detach().clone()
        rates = [group["lr"] for group in trainer.optimizers[0].param_groups]
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        gradient = module.layer.weight.grad
        counts = (module._current_fx_name, trainer.global_step, trainer.is_last_batch, state)
        values = (rates, metrics, weights.tolist(), None if gradient is None else gradient.tolist())
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
    trainer.fit(module, datamodule=data or Data(), ckpt_path=ckpt_path)
    return trainer


def plain(value: Any) -> Any:
    """A checkpoint with its tensors as lists, and without paths."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if not str(key).endswith(("_path", "dirpath"))}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value.tolist() if isinstance(value, torch.Tensor) else value


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "rates by steps": (Module, {}),
    "rates by epochs": (lambda: Module(interval="epoch"), {}),
    "no schedule": (lambda: Module("Adam", None), {}),
    "several looks a step": (lambda: Module("LBFGS", None), {}),
    "batch alone": (OfBatchAlone, {}),
    "a dict": (WithMore, {}),
    "a step without loss": (WithoutLoss, {}),
    "epochs that end early": (EndsEarly, {}),
    "validation within the epoch": (Module, {"val_check_interval": 2}),
    "no validation": (Module, {"limit_val_batches": 0}),
    "an end within the epoch": (Module, {"max_steps": 7, "max_epochs": -1}),
    "a fixed number of batches": (Module, {"limit_train_batches": 3}),
    "one batch": (Module, {"fast_dev_run": True}),
    "a module's own transfer": (Doubles, {}),
    "the data's own transfer": (Module, {"data": Halves()}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_direct_loop_does_what_lightnings_does(case, tmp_path, monkeypatch):
    make, options = CASES[case]
    seen = {}
    for name, read in {"direct": epoch_loop.READ, "lightning": ()}.items():
        monkeypatch.setattr(epoch_loop, "READ", read)
        # Where a step is Lightning's own, it goes through this.
        own: list[int] = []
        advance = _TrainingEpochLoop.advance
        monkeypatch.setattr(
            _TrainingEpochLoop, "advance", lambda *args, own=own, go=advance: own.append(1) or go(*args)
        )
        trace = Trace()
        trainer = train(tmp_path / name, make(), trace, **options)
        monkeypatch.setattr(_TrainingEpochLoop, "advance", advance)
        assert bool(own) == (name == "lightning")
        log = tmp_path / name / "metrics.csv"
        checkpoints = [torch.load(path, weights_only=False) for path in sorted((tmp_path / name).rglob("*.ckpt"))]
        rows = log.read_text("utf-8") if log.exists() else ""
        seen[name] = trace.seen, rows, plain(checkpoints), [p.tolist() for p in trainer.model.parameters()]
    assert len(seen["direct"][0]) > 2
    assert seen["direct"] == seen["lightning"]
    assert seen["direct"][1] or "fast_dev_run" in options


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


class Between(Callback):
    def on_before_optimizer_step(self, trainer, pl_module, optimizer) -> None:
        self.called = True


class OwnBackward(Module):
    def backward(self, loss: torch.Tensor) -> None:
        loss.backward()


class OwnStep(Module):
    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        optimizer.step(closure=optimizer_closure)


class ByHand(OfBatchAlone):
    def __init__(self) -> None:
        super().__init__(interval=None)
        self.automatic_optimization = False

    def training_step(self, batch: list[torch.Tensor]) -> Any:
        self.optimizers().zero_grad()
        self.manual_backward(self.loss(batch))
        self.optimizers().step()


class OfIterator(Module):
    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        pass

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        pass

    def training_step(self, dataloader_iter: Any) -> Any:
        return self.layer(next(dataloader_iter)[0][0]).square().mean()


OTHERS: dict[str, tuple[Any, list[Callback], dict[str, Any]]] = {
    "a callback between": (Module, [Between()], {}),
    "a backward pass of one's own": (OwnBackward, [], {}),
    "a step of one's own": (OwnStep, [], {}),
    "by hand": (ByHand, [], {}),
    "an iterator": (OfIterator, [], {}),
    "clipped gradients": (Module, [], {"gradient_clip_val": 0.1}),
    "several batches a step": (Module, [], {"accumulate_grad_batches": 2}),
    "sums planned by a callback": (Module, [GradientAccumulationScheduler({0: 2})], {}),
    "another precision": (Module, [], {"precision": "bf16-mixed"}),
    "a profiler": (Module, [], {"profiler": SimpleProfiler()}),
    "two processes": (Module, [], {"strategy": "ddp"}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_where_more_works_in_a_step_it_is_lightnings(case, tmp_path, monkeypatch):
    make, callbacks, options = OTHERS[case]
    advance, own = _TrainingEpochLoop.advance, []
    monkeypatch.setattr(_TrainingEpochLoop, "advance", lambda *args: own.append(1) or advance(*args))
    trainer = train(tmp_path, make(), *callbacks, max_epochs=1, **options)
    assert type(trainer.fit_loop.epoch_loop) is DirectLoop
    assert len(own) == 5
    if case == "a callback between":
        assert callbacks[0].called


def test_of_the_release_that_is_installed_the_loop_was_read():
    # After an update: read what changed in training_epoch_loop.py and optimization/automatic.py, then add it.
    assert lightning.__version__ in epoch_loop.READ
