"""Networks without memory, random tensors, and what counts as equal: for the tests of layers and networks."""

import torch
from torch import Tensor

import zoo
from zoo.models.network import Network


def on_meta(name: str, **options) -> Network:
    """A network whose weights take no memory and no time."""
    with torch.device("meta"):
        return zoo.get_model(name, **options)


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normally distributed, the same on every call."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def assert_equal_to_the_loop(actual: Tensor, expected: Tensor) -> None:
    """Equal up to the rounding of float64."""
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-10)
