"""What the processes of an evaluation counted, put together exactly."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def summed(tensor: Tensor) -> Tensor:
    """The sum over all processes of a CPU tensor, on every process; integers stay exact."""
    if not _several():
        return tensor
    # NCCL adds on the GPU only.
    device = torch.device("cuda", torch.cuda.current_device()) if dist.get_backend() == "nccl" else tensor.device
    total = tensor.to(device, copy=True)
    dist.all_reduce(total)
    return total.to(tensor.device)


def gathered(share: Any) -> list[Any]:
    """What each process holds, on every process, in the order of ranks."""
    if not _several():
        return [share]
    shares: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(shares, share)
    return shares


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return not _several() or dist.get_rank() == 0


def _several() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
