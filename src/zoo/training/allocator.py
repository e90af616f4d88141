"""The C library's memory allocator, told to keep what a training step frees for the next step."""

import ctypes
import sys

import torch

# Of glibc's malloc.h, with values: memory always from the heap, which grows by 256 MiB and is never given back.
_SETTINGS = ((-4, 0), (-1, 2**31 - 1), (-2, 2**28))  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD


def keep_freed_memory(device: torch.device) -> bool:
    """Whether the process keeps freed memory from now on: on the CPU, where the C library is glibc.

    By itself glibc hands every large activation back to the kernel and has it cleared again a layer later: a third of
    the time of AlexNet's step on 32x32 images. Values do not change; the process holds its largest need to its end.
    """
    if device.type != "cpu" or sys.platform != "linux":
        return False
    # Linux has other C libraries too, without that function.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(name, value) == 1 for name, value in _SETTINGS)
