"""Photographs for test protocols: the same batches from threads, workers and the process itself."""

import multiprocessing

import numpy as np
import pytest
import torch
from stream_cases import small_photos

from zoo.data import ImageNet
from zoo.data.protocol_images import Packed, ProtocolImages

# From Python 3.12 on, forking a process that has threads, as torch has, warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return small_photos(tmp_path_factory.mktemp("protocols"))


def loader_of(root, **options):
    split = ProtocolImages(ImageNet(str(root), num_held_out=0, **options), {None, 288}, batch_size=4)
    split.setup("test")
    return split.test_dataloader()


def the_same(one: Packed, other: Packed) -> bool:
    return (
        isinstance(one, Packed)
        and isinstance(other, Packed)
        and np.array_equal(one.indices, other.indices)
        and np.array_equal(one.labels, other.labels)
        and one.scales == other.scales == (256, 288)
        and np.array_equal(one.shapes, other.shapes)
        and torch.equal(one.pixels, other.pixels)
    )


@pytest.mark.parametrize(("share", "threads", "workers"), [(1, 1, 0), (4, 4, 0), (5, 0, 5)])
def test_they_are_made_as_batches_of_training_are(folders, monkeypatch, share, threads, workers):
    alone = list(loader_of(folders, num_workers=0))
    monkeypatch.setattr("zoo.data.cores.share", lambda processes=None: share)
    loader = loader_of(folders)
    assert (loader.threads, loader.num_workers) == (threads, workers)
    assert all(the_same(one, other) for one, other in zip(loader, alone, strict=True))


def test_who_wants_workers_has_them(folders):
    loader = loader_of(folders, num_workers=2)
    assert (loader.threads, loader.num_workers) == (0, 2)
    assert all(the_same(one, other) for one, other in zip(loader, loader_of(folders, num_workers=0), strict=True))


def test_workers_do_not_outlive_a_measurement(folders):
    data = ImageNet(str(folders), num_held_out=0, num_workers=2, batch_size=4)
    data.setup("test")
    # Of other tests, whose loaders the garbage collector may not have seen yet.
    others = set(multiprocessing.active_children())
    measured, shown = loader_of(folders, num_workers=2), data.test_dataloader()
    assert len(list(measured)) == 2
    assert set(multiprocessing.active_children()) <= others
    assert len(list(shown)) == 2
    assert len(set(multiprocessing.active_children()) - others) == 2


def test_planes_of_a_batch_are_pillows_pixels(folders):
    data = ImageNet(str(folders), num_held_out=0, num_workers=0)
    split = ProtocolImages(data, batch_size=4)
    split.setup("test")
    for packed in split.test_dataloader():
        for group in split.on_after_batch_transfer(packed, 0).groups:
            for row, image in zip(group.rows.tolist(), group.images[256], strict=True):
                photo = data.splits["test"].photo(int(packed.indices[row]))
                expected = np.asarray(data.transform.scale(photo, 256)).transpose(2, 0, 1)
                assert np.array_equal(image.numpy(), expected)
