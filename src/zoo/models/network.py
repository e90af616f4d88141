"""What every network of the zoo is: a chain of layers under the paper's names."""

import inspect
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, get_args

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

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether images of ``shape``, (C, H, W), fit: those of ``input_shape``, unless a network takes more."""
        return shape == self.input_shape

    def check_input(self, images: Tensor) -> None:
        """Raises InputError where images (..., C, H, W) do not fit, and says with which options they would."""
        if images.ndim < 3:
            raise InputError(
                f"{self.name} takes images, (N, {', '.join(map(str, self.input_shape))}), not a tensor of"
                f" {images.ndim} dimensions."
            )
        shape = tuple(images.shape[-3:])
        if self.takes(shape):
            return
        raise InputError(
            f"{self.name} {self.variant} takes images of {_by(self.input_shape)} (channels, height, width), not of"
            f" {_by(shape)}: {_way_out(self, shape)}."
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, num_classes). Raises InputError for images that do not fit.

        One image (C, H, W) gives (num_classes,), and a batch of any leading shape logits of the same.
        """
        # TorchScript would compile the checks, a trace would warn of them: both are of one shape.
        if not torch.jit.is_scripting() and not torch.jit.is_tracing():
            self.check_input(images)
            if images.ndim != 4:
                several = self._chain(images.reshape(-1, *images.shape[-3:]))
                return several.reshape(*images.shape[:-3], *several.shape[1:])
        return self._chain(images)

    def _chain(self, images: Tensor) -> Tensor:
        logits: Tensor = super().forward(images)
        return logits

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


@contextmanager
def answering(network: nn.Module) -> Iterator[None]:
    """In eval mode for as long as it lasts, whatever mode each layer is in before and after."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _way_out(network: Network, shape: tuple[int, ...]) -> str:
    """With which variant and options the same network takes images of ``shape``; its own variant is tried first."""
    build: Any = type(network)
    parameters = inspect.signature(build.__init__).parameters
    asked = {"in_channels": shape[0], "input_size": shape[-1]}
    sizes = {name: value for name, value in asked.items() if name in parameters}
    forms = get_args(parameters["variant"].annotation) if "variant" in parameters else ()
    for variant in dict.fromkeys((network.variant, *forms)):
        # Another variant's own sizes come first; this one's would be what was built already, or a step back to it.
        for options in (sizes,) if variant == network.variant else ({}, sizes):
            try:
                # Without memory and without the work of first weights.
                with torch.device("meta"):
                    form: Network = build(variant=variant, num_classes=network.num_classes, **options)
            except (TypeError, ValueError, RuntimeError):
                continue
            if form.takes(shape):
                changed = {"variant": variant} if variant != network.variant else {}
                changed |= {name: value for name, value in options.items() if network.options.get(name) != value}
                words = " and ".join(f"{name} {value}" for name, value in changed.items())
                return f"it does with {words}, or choose another data.transform"
    return "no variant and no option of it does, so choose another data.transform, data set or network"


def check_sizes(**sizes: int | None) -> None:
    """Raises ValueError, naming it, where one of ``sizes`` is given and is no size of a layer or an image."""
    for name, size in sizes.items():
        if size is not None and not 1 <= size <= LARGEST:
            raise ValueError(f"{name} must be at least 1 and at most {LARGEST:,}, not {size}")


def check_variant(variant: str, known: tuple[str, ...]) -> None:
    """Raises ValueError, naming what there is, where ``variant`` is not among ``known``."""
    if variant not in known:
        raise ValueError(f"no variant {variant!r}; there is {', '.join(known)}")
