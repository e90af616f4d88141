"""A chain of layers in two towers, each on a device of its own (Krizhevsky et al. 2012, section 3.2 and figure 2)."""

from typing import Any

import torch
from torch import Tensor, nn

#: What each tower has of the maps or units, (N, C / 2, ...), on that tower's device; as one tensor they are on one.
Towers = tuple[Tensor, Tensor]


def whole(x: Tensor | Towers, device: torch.device) -> Tensor:
    """All maps or units on ``device``: here the towers communicate."""
    return x.to(device) if isinstance(x, Tensor) else torch.cat([part.to(device) for part in x], dim=1)


class Halved(nn.Module):
    """A convolution or linear layer of which each tower has half the outputs, with the weights for them.

    Of a convolution in two groups each tower reads its own maps; of any other layer it reads all there are. ``layer``
    gives the weights and the state: that is one ``weight`` and one ``bias``, as if nothing were halved. Where the
    module is moved to ``first``, the second half goes to ``second``; elsewhere both stay together. Tensors or Towers
    to Towers. Raises ValueError where the outputs or the groups are no multiple of two.
    """

    def __init__(self, layer: nn.Conv2d | nn.Linear) -> None:
        super().__init__()
        outputs = len(layer.weight)
        self.grouped = isinstance(layer, nn.Conv2d) and layer.groups > 1
        if outputs % 2 or (self.grouped and layer.groups != 2):
            raise ValueError(f"{layer} does not split into two towers")
        self.halves = nn.ModuleList(_half(layer, outputs // 2) for _ in range(2))
        self.first = self.second = torch.device("cpu")
        self.register_state_dict_post_hook(_merge)
        self.register_load_state_dict_pre_hook(_split)
        self.load_state_dict(layer.state_dict())

    def forward(self, x: Tensor | Towers) -> Towers:
        """Computes each half where its weights are."""
        one, other = (self._half(n, x) for n in range(2))
        return one, other

    def _half(self, n: int, x: Tensor | Towers) -> Tensor:
        half: Any = self.halves[n]
        result: Tensor = half(x[n] if self.grouped and not isinstance(x, Tensor) else whole(x, half.weight.device))
        return result

    def place(self, first: torch.device, second: torch.device) -> None:
        """Says where the second half goes when the module is moved to ``first``, and moves it if that has been done."""
        self.first, self.second = first, second
        self._part()

    def _apply(self, fn: Any, recurse: bool = True) -> "Halved":
        super()._apply(fn, recurse)
        self._part()
        return self

    def _part(self) -> None:
        one, other = self.halves
        if one.weight.device == self.first:
            other.to(self.second)


def _half(layer: nn.Conv2d | nn.Linear, outputs: int) -> nn.Conv2d | nn.Linear:
    """A layer with ``outputs`` of them and weights that mean nothing yet."""
    like: Any = {"device": layer.weight.device, "dtype": layer.weight.dtype}
    if isinstance(layer, nn.Linear):
        return nn.utils.skip_init(nn.Linear, layer.in_features, outputs, **like)
    inputs, place = layer.in_channels // layer.groups, {"stride": layer.stride, "padding": layer.padding}
    return nn.utils.skip_init(nn.Conv2d, inputs, outputs, layer.kernel_size, **place, **like)


def _merge(module: nn.Module, state: dict[str, Any], prefix: str, local_metadata: Any) -> None:
    for key in ("weight", "bias"):
        one, other = (state.pop(f"{prefix}halves.{n}.{key}") for n in range(2))
        state[f"{prefix}{key}"] = torch.cat([one, other.to(one.device)])


def _split(module: nn.Module, state: dict[str, Any], prefix: str, *ignored: Any) -> None:
    for key in ("weight", "bias"):
        if f"{prefix}{key}" in state:
            for n, part in enumerate(state.pop(f"{prefix}{key}").tensor_split(2)):
                state[f"{prefix}halves.{n}.{key}"] = part


class InEach(nn.Module):
    """A layer without weights, such as a pooling, in each of the towers."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Towers) -> Towers:
        """Computes it on each device."""
        one, other = map(self.layer, x)
        return one, other


class OnFirst(nn.Module):
    """A layer that has all units on the first tower's device: dropout, so that its chances are those of one device."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Towers) -> Tensor:
        """Brings the towers together."""
        result: Tensor = self.layer(whole(x, x[0].device))
        return result


def beside_their_weights(optimizer: torch.optim.Optimizer) -> None:
    """Moves what an optimizer keeps of each weight to the weight's device: Lightning brings all of it to one."""
    for weight, state in optimizer.state.items():
        for name, value in state.items():
            # A number of steps may stay on the host.
            if isinstance(value, Tensor) and value.shape == weight.shape:
                state[name] = value.to(weight.device)
