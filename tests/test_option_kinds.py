"""Options that several classes have and one of them declares: signature, defaults and calls, as if typed again."""

import inspect
from typing import Any

import pytest

from zoo.data import ImageNet, SmokeImageNet, StreamedImageNet
from zoo.data.photos.module import PhotoDataModule
from zoo.options import Chance, ChangesNoNumber, with_options_of

SHARED = ["root", "batch_size", "transform", "num_held_out", "num_workers", "seed"]


class First:
    def __init__(self, root: ChangesNoNumber[str] = "a", size: int = 1, seed: Chance[int] = 0) -> None:
        self.given = (root, size, seed)


class Second(First):
    """With one default of its own, and an option before the seed."""

    @with_options_of(First, size=2)
    def __init__(self, *, window: int = 3, seed: int, last: str = "z", **options: Any) -> None:
        super().__init__(seed=seed, **options)
        self.own = (window, last)


class Typed:
    def __init__(
        self, root: ChangesNoNumber[str] = "a", size: int = 2, window: int = 3, seed: Chance[int] = 0, last: str = "z"
    ) -> None:
        pass


def test_the_signature_is_that_of_a_class_that_types_all_of_it():
    assert inspect.signature(Second) == inspect.signature(Typed)


@pytest.mark.parametrize(
    ("args", "options", "given", "own"),
    [
        ((), {}, ("a", 2, 0), (3, "z")),
        (("b", 5, 6, 7, "y"), {}, ("b", 5, 7), (6, "y")),
        (("b",), {"seed": 4, "window": 9}, ("b", 2, 4), (9, "z")),
    ],
)
def test_options_by_place_and_by_name_reach_both_classes(args, options, given, own):
    made = Second(*args, **options)
    assert (made.given, made.own) == (given, own)


@pytest.mark.parametrize(("args", "options"), [((), {"sise": 1}), (range(6), {}), (("a",), {"root": "b"})])
def test_what_neither_takes_is_refused(args, options):
    with pytest.raises(TypeError):
        Second(*args, **options)


@pytest.mark.parametrize(
    ("owner", "options", "defaults"),
    [
        (ImageNet, [*SHARED, "decoder", "on_error"], set()),
        (SmokeImageNet, [*SHARED, "decoder", "on_error"], {"root", "batch_size", "num_held_out"}),
        (StreamedImageNet, [*SHARED[:-1], "window", "cache_dir", "cache_gb", "seed", "endpoint_url"], {"root"}),
    ],
)
def test_data_of_photographs_have_the_options_of_all_in_the_order_of_their_help(owner, options, defaults):
    shared, found = (inspect.signature(each).parameters for each in (PhotoDataModule, owner))
    assert list(shared) == SHARED
    assert list(found) == options
    assert all(found[name].annotation == shared[name].annotation for name in SHARED)
    assert {name for name in SHARED if found[name].default != shared[name].default} == defaults
