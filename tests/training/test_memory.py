"""Memory that runs out in a step: a sentence that names the batch size."""

import pytest
import torch

from zoo.benchmark import speed
from zoo.cli import main
from zoo.data.memory import InMemory
from zoo.models import LinearModel
from zoo.training.memory import enough_for

FIT = (
    "fit --data Digits --data.transform raw --data.batch_size 77 --model LinearModel --model.in_channels 1"
    " --model.input_size 8 --trainer.max_epochs 1 --trainer.accelerator cpu --trainer.enable_progress_bar false"
)
ERRORS = {
    "device": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "allocator": RuntimeError(
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
    ),
    "python": MemoryError(),
    "worker": RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
}


def failing(error):
    def fail(*ignored, **options):
        raise error

    return fail


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_a_step_that_memory_does_not_hold_names_the_batch_size(in_folder, capsys, monkeypatch, error):
    monkeypatch.setattr(LinearModel, "training_step", failing(error))
    assert main(FIT.split()) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("zoo: Memory ran out with 77 images a step: give a smaller --data.batch_size")
    assert list(in_folder.iterdir()) == []


def test_a_batch_that_memory_does_not_hold_is_told_too(in_folder, capsys, monkeypatch):
    monkeypatch.setattr(InMemory, "__getitem__", failing(MemoryError()))
    assert main(FIT.split()) == 2
    assert "Memory ran out with 77 images a step" in capsys.readouterr().err


def test_the_speed_of_batches_that_memory_does_not_hold(in_folder, capsys, monkeypatch):
    monkeypatch.setattr(speed, "speed_rows", failing(ERRORS["device"]))
    words = ["benchmark", "linear", "--speed", "--batch_sizes", "1,5000", "--output", "out"]
    assert main(words) == 2
    assert "Memory ran out with 5,000 images a step: give a smaller --batch_sizes" in capsys.readouterr().err
    assert list(in_folder.iterdir()) == []


def test_other_errors_stay_what_they_are():
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError) as raised, enough_for(3, "--batch_size"):
        raise error
    assert raised.value is error
