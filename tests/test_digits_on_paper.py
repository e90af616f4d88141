"""One photograph or drawing of each kind, made smaller: benchmarks/digits_on_paper.py."""

import sys

import pytest
from conftest import ROOT

from zoo.weights.find import find

sys.path.insert(0, str(ROOT / "benchmarks"))
import digits_on_paper as benchmark


@pytest.fixture(scope="module")
def pictures():
    return [make(benchmark.rng_of(0, kind, 0), 0.35) for kind, make in benchmark.KINDS.items()]


def test_the_pictures_are_of_all_kinds_and_always_the_same(pictures):
    assert len(pictures) == 14
    assert [picture.kind for picture in pictures] == list(benchmark.KINDS)
    again = benchmark.KINDS["chalk on a board"](benchmark.rng_of(0, "chalk on a board", 0), 0.35)
    assert again.file == pictures[list(benchmark.KINDS).index("chalk on a board")].file
    # Different hands, places and light.
    assert len({picture.file for picture in pictures}) == 14


@pytest.mark.slow
def test_the_digits_are_read_which_scaled_alone_are_not(pictures):
    read = benchmark.reader(find("lenet5/mnist-distorted"))
    right = {way: sum(read(picture.image, way) == picture.digits for picture in pictures) for way in benchmark.WAYS}
    assert right["prepared"] >= 13
    assert max(right["as is"], right["negative where dark on light"]) <= 7
