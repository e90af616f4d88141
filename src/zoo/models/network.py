"""What every network of the zoo is: a chain of layers under the paper's names."""

from collections import OrderedDict
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import InputError

# More units, pixels a side, classes or stored images than any network here can have.
LARGEST = 10_000_000


class Network(nn.Sequential):
    """A network as a chain of named layers, from images (N, C, H, W) to logits (N, num_classes).

    ``input_shape`` is (C, H, W). ``name``, ``variant`` and ``options`` are what ``zoo.get_model`` needs to build the
    same network again. A slice, ``network[:5]``, is an ordinary nn.Sequential.
    """

    name: str
    #: Where the weights are from: the card that they came with, None for initial ones and those of one's own training.
    meta: dict[str, Any] | None = None

    def __init__(
        self, layers: dict[str, nn.Module], variant: str, input_shape: tuple[int, int, int], options: dict[str, Any]
    ) -> None:
        if any(int(number) < 1 for number in (*input_shape, options.get("num_classes", 1))):
            raise ValueError(f"there is no network for images of {input_shape} with the options {options}")
        super().__init__(OrderedDict(layers))
        self.variant, self.input_shape, self.options = variant, input_shape, options

    @property
    def num_classes(self) -> int:
        """The number of logits."""
        return int(self.options["num_classes"])

    def features(self, images: Tensor, layer: str) -> Tensor:
        """What the layer of this name gives for images (N, C, H, W), in the layer's own shape, (N, ...).

        Later layers are not computed. Raises InputError, listing the names, where there is no such layer.
        """
        names = [name for name, _ in self.named_children()]
        if layer not in names:
            raise InputError(f"{self.name} {self.variant} has no layer {layer!r}: there is {', '.join(names)}.")
        found: Tensor = self[: names.index(layer) + 1](images)
        return found

    def extra_repr(self) -> str:
        """Where trained weights are from."""
        if self.meta is None:
            return ""
        scores, record = self.meta.get("scores") or {}, self.meta.get("record") or {}
        text = f"weights={self.meta['name']!r}"
        if self.meta.get("initialised"):
            # What the card says was measured with its own layers.
            return f"{text}, initialised: {', '.join(self.meta['initialised'])}"
        if scores and record:
            text += f", {scores['top1_error']:.2f} % top-1 error on {record['dataset']['name']}"
            text += f" (n = {scores['n']:,}, {scores['protocol']}), seed {self.meta['seed']}"
        return text

    def start_from(self, trained: "Network", layers: Collection[str] | None = None) -> list[str]:
        """Copies each layer that ``trained`` has under the same name with the same shapes; returns their names.

        ``layers`` limits the names. A layer goes as a whole, weights, biases and running means, or not at all.
        """
        state = trained.state_dict()
        copied = []
        for name, layer in self.named_children():
            mine = layer.state_dict(prefix=f"{name}.")
            fits = mine and all(key in state and state[key].shape == mine[key].shape for key in mine)
            if fits and (layers is None or name in layers):
                with torch.no_grad():
                    for key, tensor in mine.items():
                        tensor.copy_(state[key])
                copied.append(name)
        return copied

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        # nn.Sequential would call this class's constructor with the slice's layers.
        if isinstance(index, slice):
            return nn.Sequential(OrderedDict(list(self._modules.items())[index]))
        return super().__getitem__(index)


def check_sizes(**sizes: int | None) -> None:
    """Raises ValueError, naming it, where one of ``sizes`` is given and is no size of a layer or an image."""
    for name, size in sizes.items():
        if size is not None and not 1 <= size <= LARGEST:
            raise ValueError(f"{name} must be at least 1 and at most {LARGEST:,}, not {size}")


def check_variant(variant: str, known: tuple[str, ...]) -> None:
    """Raises ValueError, naming what there is, where ``variant`` is not among ``known``."""
    if variant not in known:
        raise ValueError(f"no variant {variant!r}; there is {', '.join(known)}")
