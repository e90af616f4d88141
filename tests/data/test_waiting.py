"""A GPU is never waited for between two steps: nothing is asked of it, and no numbers are built on the host."""

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch.utils._python_dispatch import TorchDispatchMode

from zoo.data import Digits, transforms
from zoo.data.memory import InMemory
from zoo.data.photos.transforms import TRANSFORMS
from zoo.data.sampling import Draw
from zoo.evaluation.loader_report import LoaderReport
from zoo.models import LeNet5Model
from zoo.optim import Cosine

# What waits for a GPU: a value or a size read back, and a tensor made of Python's numbers.
WAITING = ("aten._local_scalar_dense", "aten.nonzero", "aten.masked_select", "aten.lift_fresh")
MODULES = {"digits": (transforms.DIGITS, (1, 8, 8)), "mnist": (transforms.MNIST, (1, 28, 28)),
           "cifar10": (transforms.CIFAR10, (3, 32, 32))}  # fmt: skip
CASES = [(data, name) for data, (known, _) in MODULES.items() for name in known]
# A mean image lies on the host and is sent with every batch.
OF_PHOTOS = [name for name, steps in TRANSFORMS.items() if not steps.with_mean_image]


class Waits(TorchDispatchMode):
    """Notes the operations that would wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        # An index of truth values is first counted.
        by_mask = str(function) == "aten.index.Tensor" and any(i is not None and i.dtype == torch.bool for i in args[1])
        if by_mask or str(function).startswith(WAITING):
            self.seen.append(str(function))
        return function(*args, **(kwargs or {}))


def split_of(data: str, name: str, device: str = "cpu") -> InMemory:
    """40 images of noise under a named transform."""
    known, shape = MODULES[data]
    images = torch.randint(0, 256, (40, *shape), dtype=torch.uint8)
    split = InMemory(images, torch.arange(40) % 10, torch.arange(40), known[name], seed=1).to(torch.device(device))
    split.transform = split.transform.fitted(split.images)
    return split


@pytest.mark.parametrize(("data", "name"), CASES)
def test_the_second_batch_of_an_epoch_waits_for_nothing(data, name):
    split = split_of(data, name)
    split[Draw(0, torch.arange(16))]
    with Waits() as waits:
        split[Draw(0, torch.arange(16, 32))]
    assert not waits.seen


class InTheMiddle(Callback):
    """Notes what waits from the start of step 3 to the end of step 6, everything between the steps included."""

    def __init__(self) -> None:
        self.waits, self.seen = Waits(), []

    def on_train_batch_start(self, trainer, model, batch, index):
        if index == 3:
            self.waits.seen.clear()

    def on_train_batch_end(self, trainer, model, outputs, batch, index):
        if index == 6:
            self.seen = [*self.waits.seen]


def test_steps_of_training_wait_for_nothing():
    middle = InTheMiddle()
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(accelerator="cpu", max_epochs=1, callbacks=[middle, LoaderReport()], **options)
    with middle.waits:
        trainer.fit(LeNet5Model(schedule=Cosine()), Digits(batch_size=64))
    assert trainer.global_step > 7
    assert middle.waits.seen, "the end of an epoch reads the counts, so that nothing at all means nothing was noted"
    assert not middle.seen


def test_waiting_would_be_noticed():
    with Waits() as waits:
        torch.tensor([1.0, 2.0])
        torch.ones(3).sum().item()
        torch.ones(3)[torch.ones(3) > 0]
    assert {name.split(".")[1] for name in waits.seen} >= {"lift_fresh", "_local_scalar_dense", "index"}


@pytest.mark.parametrize("name", OF_PHOTOS)
def test_photographs_become_floats_without_waiting(name):
    steps = TRANSFORMS[name]
    images, shifts = torch.randint(0, 256, (4, 3, 224, 224), dtype=torch.uint8), torch.zeros(4, 3)
    steps.normalize(images, shifts)
    with Waits() as waits:
        steps.normalize(images, shifts)
    assert not waits.seen


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_cuda_itself_sees_no_waiting():
    for data, name in CASES:
        split = split_of(data, name, "cuda")
        split[Draw(0, torch.arange(16))]
        torch.cuda.set_sync_debug_mode("error")
        try:
            images, labels = split[Draw(0, torch.arange(16, 32))]  # raises where it waits
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert (images.device.type, labels.tolist()) == ("cuda", [n % 10 for n in range(16, 32)])
