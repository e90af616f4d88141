"""Networks whose first weights nobody will see: those that trained weights replace."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

# What the rules of first weights end in, and those of torch's that announce themselves before they get there.
_DRAWN = {
    Tensor.normal_, Tensor.uniform_,
    nn.init.normal_, nn.init.uniform_, nn.init.trunc_normal_, nn.init.kaiming_normal_, nn.init.kaiming_uniform_,
}  # fmt: skip


class Unfilled(TorchFunctionMode):
    """While it is entered, parameters are not filled with random numbers, and hold whatever lay in their memory.

    All parameters are in a network's state dict, so that loading one leaves nothing of it; buffers are filled.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Leaves out what would fill a parameter."""
        named = kwargs or {}
        filled = args[0] if args else named.get("tensor")
        return filled if func in _DRAWN and isinstance(filled, nn.Parameter) else func(*args, **named)
