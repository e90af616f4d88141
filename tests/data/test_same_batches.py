"""The batches of a step are the same, bit for bit, for any number of workers and processes, and after going on."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import slow_where
from PIL import Image
from resume_cases import Noise, StopAfter, outcome, small_model, stopped, train

from zoo.data import ImageNet

EPOCH = 3


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """26 small JPEG files of two classes, of several shapes, and two to test on."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for split, wnid, number in [("train", "n01", 15), ("train", "n02", 11), ("val", "n01", 1), ("val", "n02", 1)]:
        folder = root / split / wnid
        folder.mkdir(parents=True)
        for n in range(number):
            pixels = rng.integers(0, 256, (40 + n, 60 - n, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{wnid}_{n}.JPEG")
    return root


def loader_of(data, rank=0, num_processes=1, first_step=0):
    """The training loader of one process, as Lightning would set it on the epoch and a checkpoint on the step."""
    data.trainer = SimpleNamespace(
        global_rank=rank, world_size=num_processes, strategy=SimpleNamespace(root_device=torch.device("cpu"))
    )
    data.setup()
    loader = data.train_dataloader()
    loader.sampler.set_epoch(EPOCH)
    loader.sampler.go_on_at(EPOCH, first_step)
    return loader


def together(make, num_processes=1, first_step=0):
    """The steps of one epoch with the shares of all processes joined."""
    shares = [list(loader_of(make(), rank, num_processes, first_step)) for rank in range(num_processes)]
    return [tuple(torch.cat(parts) for parts in zip(*step, strict=True)) for step in zip(*shares, strict=True)]


def assert_equal(steps, expected):
    assert len(steps) == len(expected)
    for step, other in zip(steps, expected, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(step, other, strict=True))


@pytest.mark.parametrize("num_processes", [1, 2, 3])
@pytest.mark.parametrize("first_step", range(6))
def test_in_memory(num_processes, first_step):
    whole = together(lambda: Noise(0))
    assert [len(labels) for _, labels in whole] == [9, 9, 9, 9, 9, 7]
    assert_equal(together(lambda: Noise(0), num_processes, first_step), whole[first_step:])


@pytest.mark.filterwarnings("ignore:.*worker processes in total")
@pytest.mark.parametrize(
    ("num_workers", "num_processes", "first_step"),
    [(0, 1, 2), (1, 1, 1), (2, 1, 0), (2, 1, 3), (4, 1, 2), (0, 2, 1), (0, 3, 0), (2, 2, 3), (2, 3, 2)],
)
def test_jpeg_folders(photos, num_workers, num_processes, first_step):
    def data(num_workers=num_workers):
        return ImageNet(str(photos), 7, num_held_out=0, num_workers=num_workers)

    whole = together(lambda: data(0))
    assert [len(labels) for _, labels, _ in whole] == [7, 7, 7, 5]
    assert len({images.sum().item() for images, _, _ in whole}) == 4
    assert_equal(together(data, num_processes, first_step), whole[first_step:])


def test_the_epoch_after_the_one_gone_on_in_is_whole(photos):
    loader = loader_of(ImageNet(str(photos), 7, num_held_out=0, num_workers=2), first_step=3)
    assert len(list(loader)) == 1
    loader.sampler.set_epoch(EPOCH + 1)
    assert len(list(loader)) == 4
    # Nothing is left over from a place that was never gone on from.
    loader.sampler.go_on_at(EPOCH + 1, 4)
    loader.sampler.set_epoch(EPOCH + 2)
    assert len(list(loader)) == 4


@pytest.mark.parametrize("stop", slow_where(lambda stop: stop != 4, [2, 4, 6]))
def test_a_run_on_jpeg_files_goes_on_with_other_numbers_of_workers(photos, tmp_path, stop):
    """What workers drew ahead, of this epoch or the first one, must not be taken for the next steps."""

    def data(num_workers):
        return ImageNet(str(photos), 7, num_held_out=0, num_workers=num_workers)

    options = {"max_epochs": 2, "log_every_n_steps": 1}
    whole = outcome(train(tmp_path / "whole", data(0), small_model(224), **options), tmp_path / "whole")
    assert whole["train_steps"] == 8
    stopped(tmp_path / "run", data(2), small_model(224), StopAfter(stop), **options)
    assert outcome(train(tmp_path / "run", data(1), small_model(224), **options), tmp_path / "run") == whole
