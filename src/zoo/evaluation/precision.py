"""Float32 that is float32 on any device, for what is measured; and whether a processor computes in less."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Neither autocast nor TF32, with which NVIDIA's GPUs convolve unless told otherwise: it keeps 10 bits of 23.

    Matrix products are whole, too, where ``torch.set_float32_matmul_precision`` has lowered them. Afterwards all is set
    as it was before.
    """
    cudnn: Any = torch.backends.cudnn
    # Asked by the name of the operation, set for all: torch refuses to answer for all where they have been set apart.
    convolutions, products = cudnn.conv.fp32_precision, torch.get_float32_matmul_precision()
    try:
        if convolutions == "tf32":
            cudnn.allow_tf32 = False
        if products != "highest":
            torch.set_float32_matmul_precision("highest")
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        if convolutions == "tf32":
            cudnn.allow_tf32 = True
        if products != "highest":
            torch.set_float32_matmul_precision(products)


def multiplies_bfloat16() -> bool:
    """Whether this processor computes in bfloat16; on others torch imitates it, several times slower than float32."""
    # Where torch comes without oneDNN, as for Apple's processors, it has not got the question either.
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
