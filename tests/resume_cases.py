"""A network, data and runs small enough to be stopped at every step."""

import csv
import json
import os
import signal
import warnings
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import nn

from zoo.data.base import InMemoryDataModule
from zoo.data.transforms import CIFAR10
from zoo.errors import Stopped
from zoo.evaluation.recorder import Recorder
from zoo.models.classifier import Classifier
from zoo.models.network import Network
from zoo.optim import Cosine
from zoo.training.checkpoint_files import WholeFile
from zoo.training.checkpoints import LastCheckpoint
from zoo.training.loggers import MetricsFile

warnings.filterwarnings("ignore", ".*does not have many workers.*")


TIMES = ("train/images_per_second", "train/waiting")
# python -c HANGING STEP WORDS: the command, which hangs after so many steps of its training until it is killed, so that
# it need not be long to be killed in its midst. It says so with a file of the working folder.
HANGING = """
import sys, time
from pathlib import Path
from zoo.cli import main
from zoo.models.classifier import Classifier

steps, *words = sys.argv[1:]
step = Classifier.training_step

def training_step(model, batch, batch_idx):
    while model.trainer.global_step == int(steps):
        Path("hangs").touch()
        time.sleep(1)
    return step(model, batch, batch_idx)

Classifier.training_step = training_step
sys.exit(main(words))
"""


class Small(Network):
    """A convolution, batch norm and dropout: everything that has a state or draws at random."""

    name = "small"

    def __init__(self, size: int = 8) -> None:
        layers = {
            "conv": nn.Conv2d(3, 4, 3, stride=size // 4, padding=1),
            "norm": nn.BatchNorm2d(4),
            "relu": nn.ReLU(),
            "flatten": nn.Flatten(),
            "drop": nn.Dropout(0.3),
            "output": nn.Linear(4 * 16, 3),
        }
        super().__init__(layers, "paper", (3, size, size), {"num_classes": 3})


def small_model(size: int = 8, lr: float = 0.05) -> Classifier:
    torch.manual_seed(0)
    return Classifier(Small(size), lambda groups: torch.optim.SGD(groups, lr=lr, momentum=0.9), Cosine())


class SmallModel(Classifier):
    """The same as a class that a config names."""

    def __init__(self) -> None:
        super().__init__(Small(), lambda groups: torch.optim.SGD(groups, lr=0.05, momentum=0.9), Cosine())


class Noise(InMemoryDataModule):
    """52 images of noise in three classes, augmented by crop and flip."""

    name = "noise"

    def __init__(self, num_held_out: int = 12, batch_size: int = 9) -> None:
        super().__init__(batch_size, num_held_out, 0, CIFAR10["crop_flip"])
        self.class_names = ["a", "b", "c"]

    def read(self) -> dict:
        drawn = torch.Generator().manual_seed(1)
        images = torch.randint(0, 256, (64, 3, 8, 8), dtype=torch.uint8, generator=drawn)
        labels = torch.randint(0, 3, (64,), generator=drawn)
        return {"train": (images[:52], labels[:52]), "test": (images[52:], labels[52:])}


class StopAfter(Callback):
    """Sends this process a signal at the end of a step, or in a validation."""

    def __init__(self, step: int, *, validating: bool = False) -> None:
        self.step, self.validating = step, validating

    def on_train_batch_end(self, trainer, *ignored) -> None:
        if trainer.global_step == self.step and not self.validating:
            os.kill(os.getpid(), signal.SIGTERM)

    def on_validation_batch_end(self, trainer, *ignored) -> None:
        if trainer.global_step == self.step and self.validating:
            os.kill(os.getpid(), signal.SIGTERM)


def train(folder: Path, data, model, *callbacks, every=None, keep=None, **options) -> Trainer:
    """Trains in ``folder``, going on from its last checkpoint where there is one; a test at the end."""
    last = folder / "checkpoints" / "last.ckpt"
    options = {"max_epochs": 3, "num_sanity_val_steps": 0, "log_every_n_steps": 2} | options
    trainer = Trainer(
        logger=MetricsFile(folder),
        callbacks=[
            Recorder(folder / "record.json", {"data": {}, "model": {}, "trainer": {}}),
            LastCheckpoint(last, every, None, "go on", keep),
            *callbacks,
        ],
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.strategy.checkpoint_io = WholeFile()
    trainer.fit(model, data, ckpt_path=last if last.exists() else None, weights_only=True)
    return trainer


def stopped(folder: Path, data, model, *callbacks, **options) -> None:
    """Trains until a signal comes, which must be obeyed."""
    with pytest.raises(Stopped) as stop:
        train(folder, data, model, *callbacks, **options)
    assert stop.value.status == 128 + signal.SIGTERM


def outcome(trainer: Trainer, folder: Path) -> dict:
    """Tests the network; returns what an interruption must leave as it was, ``last.ckpt`` included: all but timings."""
    trainer.test(trainer.lightning_module, trainer.datamodule, verbose=False)
    record = json.loads((folder / "record.json").read_text())
    with (folder / "metrics.csv").open() as file:
        rows = [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)]
    counted = {key: record["timing"][key] for key in ("train_images", "train_steps", "train_epochs")}
    saved = dict(_flat(torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)))
    del saved[".zoo_ledger.seconds"]
    return {"weights": record["weights"], "metrics": record["metrics"], "rows": rows, "checkpoint": saved, **counted}


def _flat(value, name: str = ""):
    """The values of a checkpoint by their path in it; of tensors the bytes."""
    if isinstance(value, torch.Tensor):
        yield name, (str(value.dtype), value.shape, value.contiguous().numpy().tobytes())
    elif isinstance(value, dict | list | tuple):
        for key, content in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(content, f"{name}.{key}")
    else:
        yield name, value
