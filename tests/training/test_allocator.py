"""Freed memory stays with the process, so that the kernel has no pages to clear for every layer of every step."""

import platform
import subprocess
import sys

import pytest
import torch

from zoo.training.allocator import keep_freed_memory

# Prints how many pages the kernel had to provide for twenty steps that make four large tensors each.
STEPS = """
import resource, torch
from zoo.training.allocator import keep_freed_memory
def step():
    kept = [torch.ones(10_000_000) for _ in range(4)]
    return sum(float(one[0]) for one in kept)
if {keep}:
    assert keep_freed_memory(torch.device("cpu"))
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
assert sum(step() for _ in range(20)) == 80
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages(keep):
    done = subprocess.run([sys.executable, "-c", STEPS.format(keep=keep)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator")
def test_a_step_finds_the_memory_of_the_step_before():
    assert pages(keep=True) * 20 < pages(keep=False)


def test_other_devices_are_left_alone():
    assert not keep_freed_memory(torch.device("cuda"))
