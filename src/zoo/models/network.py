"""What every network of the zoo is: layers under the paper's names, one after the other or in branches."""

import inspect
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any, Self, get_args

import torch
from torch import Tensor, nn
from torch.fx import Proxy

from zoo.catalog import NETWORKS
from zoo.errors import InputError

# More units, pixels a side, classes or stored images than any network here can have.
LARGEST = 10_000_000
# Where a checkpoint says what its network is, and what its classes are called.
NETWORK_KEY = "zoo_network"
CLASSES_KEY = "zoo_class_names"


class Network(nn.Sequential):
    """A network as a chain of named layers, from images (N, C, H, W) to logits (N, num_classes).

    A layer may be a block of layers with branches of its own, as a residual block; a network that is no chain of its
    layers overrides ``compute_logits``. ``input_shape`` is (C, H, W). ``name``, ``variant`` and ``options`` are what
    ``zoo.get_model`` needs to build the same network again; of a class that is not the zoo's, ``name`` is its import
    path. A slice, ``network[:5]``, is an ordinary nn.Sequential.
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
        if self.is_own:
            # Two people may give one name to two networks, and both may give it to one of ours.
            self.name = f"{type(self).__module__}.{type(self).__qualname__}"

    @property
    def is_own(self) -> bool:
        """Whether it is somebody's own: neither the zoo's nor that of an installed package which adds to the zoo."""
        module, kind = type(self).__module__, type(self).__name__
        if module.startswith("zoo."):
            return False
        return not any((entry.module, entry.network) == (module, kind) for entry in NETWORKS.values())

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
            if isinstance(images, Proxy):
                return self._one_node_a_layer(images) if self.is_chain else self.compute_logits(images)
            self.check_input(images)
            if images.ndim != 4:
                several = self.compute_logits(images.reshape(-1, *images.shape[-3:]))
                return several.reshape(*images.shape[:-3], *several.shape[1:])
        return self.compute_logits(images)

    def compute_logits(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to logits (N, num_classes), layer after layer; a network with branches overrides it."""
        logits: Tensor = super().forward(images)
        return logits

    @property
    def is_chain(self) -> bool:
        """Whether images go through the layers one after the other."""
        return type(self).compute_logits is Network.compute_logits

    @property
    def root(self) -> nn.Module:
        """The module whose layers are meant where layers are named, and whose class says how they work together."""
        return self

    def named_units(self) -> dict[str, nn.Module]:
        """The layers by the names under which weights are taken over, frozen and given rates: each as a whole."""
        return dict(self.named_children())

    def _one_node_a_layer(self, images: Any) -> Any:
        """For torch.fx, which cannot look into layers that ask a tensor for its shape: ours are whole, as torch's are.

        A node has the name of its layer, which is what torchvision's ``create_feature_extractor`` is asked for.
        """
        tracer, x = images.tracer, images
        for layer in self:
            if getattr(layer, "inplace", False):
                # What came before is not overwritten: somebody may have asked for it.
                x = x.clone()
            place = tracer.path_of_module(layer)
            x = tracer.create_proxy("call_module", place, (x,), {})
            if hasattr(tracer, "node_to_qualname"):
                # torchvision takes the number at the end of "conv1_2" for a count of its own, and would change it.
                tracer.node_to_qualname[x.node] = place
        return x

    def forward_features(self, images: Tensor) -> Tensor:
        """What ``forward_head`` reads: the last maps (N, C, H, W); without maps, what the last layer reads (N, ...).

        ``forward_head(forward_features(images))`` are the logits, as in timm.
        """
        self.check_input(images)
        found: Tensor = self[: self._parts()[0]](images)
        return found

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """From ``forward_features`` to logits; where ``pre_logits``, to what the last layer with weights reads."""
        start, classifier = self._parts()
        found: Tensor = self[start : classifier if pre_logits else len(self)](features)
        return found

    @property
    def num_features(self) -> int:
        """The maps that ``forward_features`` gives; without maps, its numbers an image."""
        return int(self._on_meta(self._parts()[0]).shape[1])

    @property
    def head_hidden_size(self) -> int:
        """How many numbers an image the last layer with weights reads."""
        return int(self._on_meta(self._parts()[1]).shape[1:].numel())

    def get_classifier(self) -> nn.Module:
        """The layer that tells the classes apart, ``nn.Identity`` after ``reset_classifier(0)``."""
        return self[self._parts()[1]]

    def reset_classifier(self, num_classes: int) -> None:
        """A new last layer with first weights, for ``num_classes`` classes; all other layers stay, as in timm.

        0 leaves it out: the network then gives what that layer read, (N, head_hidden_size). Raises InputError for
        a number of classes that the network cannot have.
        """
        place = self._parts()[1]
        name = list(self._modules)[place]
        if num_classes == 0:
            new: dict[str, nn.Module] = {name: nn.Identity()}
        else:
            fresh = self.anew(num_classes=num_classes)
            new = dict(list(fresh.named_children())[fresh._parts()[1] :])
        like = next((weights for weights in self.parameters() if weights.is_floating_point()), torch.empty(0))
        for old in list(self._modules)[place:]:
            delattr(self, old)
        for name, layer in new.items():
            self.add_module(name, layer.train(self.training).to(like.device, like.dtype))
        self.options = self.options | {"num_classes": num_classes}
        if self.meta is not None:
            self.meta = self.meta | {"initialised": list(new)}

    def _parts(self) -> tuple[int, int]:
        """The places at which ``forward_head`` begins, and of the last layer that has weights, or stands for one.

        Raises InputError where the layers are no chain.
        """
        if not self.is_chain:
            raise InputError(
                f"{self.name} is no chain of layers that could be cut in two: its class has to override this method."
            )
        layers = list(self.children())
        # What follows only turns its outputs into logits.
        classifier = max(n for n, layer in enumerate(layers) if layer.state_dict() or isinstance(layer, nn.Identity))
        flat = next((n for n, layer in enumerate(layers) if isinstance(layer, nn.Flatten)), 0)
        return flat or classifier, classifier

    def _on_meta(self, end: int) -> Tensor:
        """What the first ``end`` layers give for one image, without its numbers."""
        fresh = self.anew(on="meta")
        with answering(fresh):
            found: Tensor = fresh[:end](torch.empty(1, *self.input_shape, device="meta"))
        return found

    def anew(self, on: str | None = None, **options: int) -> "Network":
        """The same form anew, with its first weights. Raises InputError where there is none with these options."""
        build: Any = type(self)
        # A network whose classifier was left out has the layers before it all the same.
        chosen = {**self.options, "num_classes": self.options.get("num_classes") or None} | options
        chosen = {key: value for key, value in chosen.items() if value is not None}
        try:
            with torch.device(on) if on else nullcontext():
                made: Network = build(variant=self.variant, **chosen)
        except (TypeError, ValueError) as error:
            raise InputError(f"{self.name}: {str(error).split('() ')[-1]}") from error
        return made

    def features(self, images: Tensor, layer: str) -> Tensor:
        """What the layer of this name gives for images (N, C, H, W), in the layer's own shape, (N, ...).

        Of a chain, later layers are not computed; elsewhere and within a block (``block1.conv1``) it is what the layer
        gave last. Raises InputError, listing the names, where there is no such layer.
        """
        names = [name for name, _ in self.named_children()]
        if layer in names and self.is_chain:
            found: Tensor = self[: names.index(layer) + 1](images)
            return found
        units = {**self.named_units(), **{name: module for name, module in self.named_modules() if name}}
        if layer not in units:
            raise InputError(
                f"{self.name} {self.variant} has no layer {layer!r}: there is {', '.join(self.named_units())}."
            )
        given: list[Tensor] = []
        with units[layer].register_forward_hook(lambda module, inputs, output: given.append(output)):
            self(images)
        if not given:
            raise InputError(f"{self.name} {self.variant} has the layer {layer!r}, but no image goes through it.")
        return given[-1]

    @classmethod
    def from_pretrained(cls, name: str | Path, **how: Any) -> Self:
        """The network of a repository on Hugging Face's hub, or of a folder, in eval mode: see ``zoo.models.hub``.

        Raises InputError where there is none of this class.
        """
        # By name, here and below: it builds on this file, and only who uses it pays for it.
        hub: Any = import_module("zoo.models.hub")
        network = hub.load(name, **how)
        if not isinstance(network, cls):
            raise InputError(f"{name} is {network.name}: call {type(network).__name__}.from_pretrained.")
        return network

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes config.json, model.safetensors and README.md, which ``from_pretrained`` reads."""
        import_module("zoo.models.hub").save(self, folder)

    def push_to_hub(self, repo_id: str, **how: Any) -> str:
        """Writes the network into the repository OWNER/NAME on Hugging Face's hub; returns the commit's address.

        ``private``, ``token``, ``commit_message``, ``revision`` and ``create_pr`` are huggingface_hub's.
        """
        return str(import_module("zoo.models.hub").push(self, repo_id, **how))

    def extra_repr(self) -> str:
        """Where trained weights are from."""
        if self.meta is None:
            return ""
        scores, record = self.meta.get("scores") or {}, self.meta.get("record") or {}
        text = f"weights={self.meta['name']!r}"
        changed = [f"{how}: {', '.join(self.meta[how])}" for how in ("initialised", "adapted") if self.meta.get(how)]
        if changed:
            # What the card says was measured with its own layers.
            return ", ".join([text, *changed])
        if scores and record:
            text += f", {scores['top1_error']:.2f} % top-1 error on {record['dataset']['name']}"
            text += f" (n = {scores['n']:,}, {scores['protocol']}), seed {self.meta['seed']}"
        return text

    def start_from(self, trained: "Network", layers: Collection[str] | None = None) -> list[str]:
        """Copies each layer that ``trained`` has under the same name with the same shapes; returns their names.

        ``layers`` limits the names. A layer goes as a whole, weights, biases and running means, or not at all.
        """
        theirs = trained.named_units()
        copied = []
        for name, layer in self.named_units().items():
            state = theirs[name].state_dict() if name in theirs else {}
            mine = layer.state_dict()
            fits = mine and all(key in state and state[key].shape == mine[key].shape for key in mine)
            if fits and (layers is None or name in layers):
                layer.load_state_dict({key: state[key] for key in mine})
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
    own = {"in_channels": network.input_shape[0], "input_size": network.input_shape[-1]}
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
                changed |= {name: value for name, value in options.items() if own[name] != value}
                words = " and ".join(f"{name} {value}" for name, value in changed.items())
                return f"it does with {words}, or choose another data.transform"
    return "no variant and no option of it does, so choose another data.transform, data set or network"


def channels_option(in_channels: int) -> dict[str, int]:
    """The option of networks for colour images, named where it is not 3: earlier checkpoints and cards lack it."""
    return {"in_channels": in_channels} if in_channels != 3 else {}


def check_sizes(**sizes: int | None) -> None:
    """Raises ValueError, naming it, where one of ``sizes`` is given and is no size of a layer or an image."""
    for name, size in sizes.items():
        if size is not None and not 1 <= size <= LARGEST:
            raise ValueError(f"{name} must be at least 1 and at most {LARGEST:,}, not {size}")


def check_variant(variant: str, known: tuple[str, ...]) -> None:
    """Raises ValueError, naming what there is, where ``variant`` is not among ``known``."""
    if variant not in known:
        raise ValueError(f"no variant {variant!r}; there is {', '.join(known)}")
