"""First weights that nobody will see: those that trained weights, or a paper's own first weights, replace."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from zoo.models.jump_ahead import jump

# What the rules of first weights end in, and those of torch's that announce themselves before they get there.
_DRAWN = {
    Tensor.normal_, Tensor.uniform_, Tensor.random_,
    nn.init.normal_, nn.init.uniform_, nn.init.trunc_normal_, nn.init.kaiming_normal_, nn.init.kaiming_uniform_,
}  # fmt: skip


class Unfilled(TorchFunctionMode):
    """While it is entered, parameters are not filled with random numbers, and hold whatever lay in their memory.

    All parameters are in a network's state dict, so that loading one leaves nothing of it; buffers are filled.
    """

    def __enter__(self) -> Self:
        """In this thread, as torch has it."""
        _entered.times = _times_entered() + 1
        super().__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        """Parameters are filled again, unless it was entered more than once."""
        _entered.times -= 1
        super().__exit__(*raised)

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Leaves out what would fill a parameter."""
        named = kwargs or {}
        filled = args[0] if args else named.get("tensor")
        return filled if func in _DRAWN and isinstance(filled, nn.Parameter) else func(*args, **named)


_entered = threading.local()


def _times_entered() -> int:
    return getattr(_entered, "times", 0)


# Numbers that are drawn at once: few enough for a processor's cache.
_AT_ONCE = 2**15
# So many are drawn in the time in which they are jumped over.
_WORTH_A_JUMP = 2**24


def pass_over(layers: Iterable[nn.Module]) -> None:
    """Takes from the stream of random numbers what torch would have filled convolutions and linear layers with.

    For layers that were made ``Unfilled`` and get other first weights next: a seed goes on meaning the same weights,
    which are there sooner. What is not float32 on the CPU is filled after all.
    """
    drawn = 0
    for layer in layers:
        if not isinstance(layer, (nn.Conv2d, nn.Linear)) or layer.weight.is_meta:
            continue
        if layer.weight.dtype == torch.float32 and layer.weight.device.type == "cpu":
            drawn += sum(parameter.numel() for parameter in layer.parameters())
        else:
            layer.reset_parameters()
    if _times_entered():
        return
    # torch takes a number of 32 bits for a float of as many, and two, of which it makes next to nothing, for an integer
    # of 64.
    if drawn >= _WORTH_A_JUMP and jump(torch.default_generator, drawn):
        return
    integers = torch.empty(_AT_ONCE // 2, dtype=torch.int64, device="cpu")
    for _ in range(drawn // _AT_ONCE):
        integers.random_()
    torch.empty(drawn % _AT_ONCE, dtype=torch.float32, device="cpu").uniform_()
