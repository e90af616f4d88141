"""Freed memory stays with the process, so that the kernel has no pages to clear for every layer of every step."""

import platform

import preloaded
import pytest
import torch

from zoo.training.allocator import keep_freed_memory

# Prints how many pages the kernel had to provide for twenty steps that make four large tensors each.
STEPS = """
import resource, torch
from pathlib import Path
def step():
    kept = [torch.ones(10_000_000) for _ in range(4)]
    return sum(float(one[0]) for one in kept)
{first}
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
assert sum(step() for _ in range(20)) == 80
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


KEEPING = """
from zoo.training.allocator import keep_freed_memory
assert keep_freed_memory(torch.device("cpu"))
"""
MEASURING = """
from zoo.benchmark.speed import measure
torch.accelerator.current_accelerator = lambda check_available: None
measure(["perceptron"], [1], Path("speed"), warmup=1, repeats=2, forms=["float32"])
"""
BENCHMARK = """
from zoo.cli import main
assert main(["benchmark", "lenet5/digits", "--output", "records"]) == 0
"""


def pages(first, folder):
    done = preloaded.run("-c", STEPS.format(first=first), cwd=folder)
    return int(done.stdout.splitlines()[-1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator")
def test_a_step_finds_the_memory_of_the_step_before(tmp_path):
    by_itself = pages("", tmp_path)
    assert pages(KEEPING, tmp_path) * 20 < by_itself
    assert pages(MEASURING, tmp_path) * 20 < by_itself, "zoo benchmark --speed measures as zoo fit trains"
    assert pages(BENCHMARK, tmp_path) * 20 < by_itself, "zoo benchmark measures as zoo test does"


def test_other_devices_are_left_alone():
    assert not keep_freed_memory(torch.device("cuda"))
