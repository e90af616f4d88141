"""Each step's images: shared out over processes without a loss, and a function of (seed, epoch) alone."""

from itertools import chain

import pytest
import torch
from torch.utils.data import DistributedSampler

from zoo.data.sampling import Batches

# 103 images, 10 a step: the last step has 3, which 4 processes cannot share evenly, and 5 only by leaving some empty.
N, BATCH = 103, 10


def steps(*, shuffle: bool = True, seed: int = 0, epoch: int = 0, n: int = N, **share: int) -> list[list[int]]:
    """The indices of every step of one epoch, as one process draws them."""
    batches = Batches(n, BATCH, shuffle=shuffle, seed=seed, **share)
    batches.set_epoch(epoch)
    return [draw.indices.tolist() for draw in batches]


@pytest.mark.parametrize("num_replicas", [1, 2, 3, 4, 5, 8])
def test_the_processes_together_make_the_steps_of_one_process_in_its_order(num_replicas):
    shares = [steps(rank=rank, num_replicas=num_replicas) for rank in range(num_replicas)]
    # strict: every process makes as many steps.
    assert [list(chain(*parts)) for parts in zip(*shares, strict=True)] == steps()


@pytest.mark.parametrize("num_replicas", [2, 3, 4, 8])
def test_the_shares_of_a_step_differ_by_at_most_one_image(num_replicas):
    for step in zip(*(steps(rank=rank, num_replicas=num_replicas) for rank in range(num_replicas)), strict=True):
        sizes = [len(share) for share in step]
        assert max(sizes) - min(sizes) <= 1


def test_an_epoch_visits_each_image_once_and_ends_with_a_short_step():
    drawn = steps()
    assert sorted(chain(*drawn)) == list(range(N))
    assert [len(step) for step in drawn] == [BATCH] * 10 + [3]


@pytest.mark.parametrize(("n", "length"), [(0, 0), (1, 1), (9, 1), (10, 1), (11, 2), (100, 10), (103, 11)])
def test_the_length_is_the_number_of_steps(n, length):
    assert len(Batches(n, BATCH, shuffle=True)) == len(steps(n=n)) == length


def test_without_shuffling_the_images_come_in_order_in_every_epoch():
    assert list(chain(*steps(shuffle=False, epoch=5))) == list(range(N))


def test_the_order_is_another_one_in_each_epoch_and_for_each_seed():
    orders = {tuple(chain(*steps(seed=seed, epoch=epoch))) for seed in range(3) for epoch in range(5)}
    assert len(orders) == 15


def test_the_order_depends_on_nothing_but_seed_and_epoch():
    batches = Batches(N, BATCH, shuffle=True, seed=3)
    list(batches)  # an epoch drawn before, and a generator in another state, leave no trace
    torch.manual_seed(99)
    batches.set_epoch(4)
    assert [draw.indices.tolist() for draw in batches] == steps(seed=3, epoch=4)


def test_the_order_stays_the_one_that_published_runs_were_trained_in():
    assert list(chain(*steps(n=12))) == [5, 11, 7, 6, 3, 10, 1, 0, 2, 8, 9, 4]


def test_a_draw_carries_its_epoch():
    batches = Batches(N, BATCH, shuffle=True)
    batches.set_epoch(7)
    assert {draw.epoch for draw in batches} == {7}


def test_lightning_leaves_the_sampler_in_place():
    # Lightning replaces every sampler but this kind by one that pads the last batch.
    assert isinstance(Batches(N, BATCH, shuffle=True), DistributedSampler)
