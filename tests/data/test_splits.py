"""The held-out slice: stratified, disjoint, complete, and frozen."""

import hashlib

import pytest
import torch
from torch import Tensor

from zoo import keyed
from zoo.data import Digits
from zoo.data.splits import held_out


def digest(positions: Tensor) -> str:
    """sha256 of positions written as text, so that it can be computed anywhere."""
    return hashlib.sha256(",".join(map(str, positions.tolist())).encode()).hexdigest()


def split(labels: Tensor, num: int, name: str = "test") -> tuple[Tensor, Tensor]:
    return held_out(labels, keyed.hashes(keyed.key(name, "held out"), torch.arange(len(labels))), num)


def uneven_labels() -> Tensor:
    """Four classes of 50, 30, 15 and 5 images, mixed."""
    labels = torch.repeat_interleave(torch.arange(4), torch.tensor([50, 30, 15, 5]))
    return labels[keyed.permutation(1, 100)]


@pytest.mark.parametrize("num", [0, 1, 7, 50, 99, 100])
def test_the_slices_are_disjoint_complete_and_in_rising_order(num):
    train, val = split(uneven_labels(), num)
    assert len(val) == num
    assert sorted(train.tolist() + val.tolist()) == list(range(100))
    assert train.tolist() == sorted(train.tolist())
    assert val.tolist() == sorted(val.tolist())


@pytest.mark.parametrize(
    ("num", "quotas"),
    [
        (20, [10, 6, 3, 1]),  # exact shares
        (10, [5, 3, 2, 0]),  # 5, 3, 1.5, 0.5: the tie goes to the class that comes first
        (9, [5, 3, 1, 0]),  # 4.5, 2.7, 1.35, 0.45: floors 4 2 1 0, then the remainders .7 and .5
        (1, [1, 0, 0, 0]),
    ],
)
def test_each_class_gives_its_share_by_largest_remainder(num, quotas):
    labels = uneven_labels()
    assert torch.bincount(labels[split(labels, num)[1]], minlength=4).tolist() == quotas


def test_a_class_gives_the_images_with_its_smallest_hashes():
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    hashes = torch.tensor([5, -9, -3, 4, 1, 4])
    # Class 0 gives position 2; class 1 gives position 1.
    assert held_out(labels, hashes, 2)[1].tolist() == [1, 2]
    # Equal hashes: the image that comes first.
    assert held_out(labels, hashes, 4)[1].tolist() == [1, 2, 3, 4]


def test_a_class_without_images_gives_none():
    train, val = held_out(torch.tensor([0, 0, 3, 3]), torch.tensor([1, 2, 3, 4]), 2)
    assert (train.tolist(), val.tolist()) == ([1, 3], [0, 2])


@pytest.mark.parametrize("num", [-1, 101])
def test_more_than_there_are_cannot_be_held_out(num):
    with pytest.raises(ValueError, match="cannot hold out"):
        split(uneven_labels(), num)


def test_holding_out_more_keeps_what_was_held_out():
    labels = uneven_labels()
    assert set(split(labels, 20)[1].tolist()) < set(split(labels, 40)[1].tolist())


def test_the_slice_of_fifty_thousand_images_in_ten_classes_is_frozen():
    # Labels as CIFAR-10's in form; the rule must not change silently, or "held out" would mean other images.
    val = split(torch.arange(50_000) * 7 // 5 % 10, 5000, "cifar10")[1]
    assert torch.bincount(val * 7 // 5 % 10).tolist() == [500] * 10
    assert digest(val) == "b1bf3515a5eee76e319ead1ff61c113579e30b7865547dcae9f8fca7139df0f3"


def test_neither_the_seed_nor_the_batch_size_moves_the_slice():
    slices = []
    for seed, batch_size in ((0, 32), (1, 7)):
        data = Digits(batch_size=batch_size, num_held_out=100, seed=seed)
        data.setup()
        slices.append({name: digest(dataset.positions) for name, dataset in data.splits.items()})
    assert slices[0] == slices[1]
