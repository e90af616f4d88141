"""One set of trained weights: what it is, how to make its network, and what the network wants of an image."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo.catalog import DATA, NETWORKS
from zoo.data.photos.transforms import PhotoTransform
from zoo.data.transforms import LessMeanImage, Preprocessing, named
from zoo.errors import InputError
from zoo.models import get_model
from zoo.models.network import Network
from zoo.models.unfilled import Unfilled
from zoo.weights.preprocessing import ImagePreprocessing, shape_kept, taken_for

if TYPE_CHECKING:
    from zoo.data.base import ImageDataModule
    from zoo.models.classifier import Classifier

#: Every preprocessing that weights can be bound to.
Steps = Preprocessing | PhotoTransform


@dataclass(frozen=True)
class DataUse:
    """The data that a network was made for: a class of ``zoo.data``, its ``transform``, and the test protocol.

    ``transform`` is None where the class has only one.
    """

    class_name: str
    transform: str | None
    protocol: str


class Weights(ABC):
    """Trained weights with their history; nothing is read before it is asked for.

    ``name`` is what they were found under; ``meta`` their card as plain values; ``path`` the file and ``url`` where it
    is fetched from, either of which may be None; ``data`` what the network was made for; ``config`` the whole
    configuration of the run that made them, None where that is not known.
    """

    name: str
    meta: dict[str, Any]
    path: Path | None = None
    url: str | None = None
    data: DataUse
    config: dict[str, Any] | None = None

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """The network's state dict, checked as far as reading goes. Raises InputError for a file that is not whole."""

    @abstractmethod
    def verify(self) -> None:
        """Raises InputError unless the file is the one that its card describes and fits the network."""

    @cached_property
    def class_names(self) -> list[str]:
        """The classes, in the order of the logits."""
        return list(self.meta["class_names"])

    def bare_network(self, device: str = "meta", **options: Any) -> Network:
        """The network before its weights; ``options`` other than the trained ones are the caller's."""
        # JSON has lists where the networks' options are tuples.
        trained = self.meta["options"].items()
        chosen = {key: tuple(value) if isinstance(value, list) else value for key, value in trained} | options
        if self.meta["network"] not in NETWORKS:
            # Imported here, for it brings in Lightning.
            from zoo.models.own import own_network

            # What somebody's own class does on no device at all, nobody knows.
            with torch.random.fork_rng(devices=[]):
                return own_network(self.meta["network"], self.meta["variant"], chosen, self.name)
        # The weights come after: what the constructor draws is thrown away, and is not taken from the caller's stream.
        # On no device torch would load its compiler to draw them.
        unfilled = Unfilled() if device == "meta" else nullcontext()
        with torch.random.fork_rng(devices=[]), torch.device(device), unfilled:
            try:
                made: Network = get_model(self.meta["network"], variant=self.meta["variant"], **chosen)
            except (TypeError, ValueError, RuntimeError, OverflowError) as error:
                raise InputError(f"{self.name} describes no network of this zoo: {_first_line(error)}.") from error
        return made

    def network(self) -> Network:
        """The trained network, an ordinary nn.Module on the CPU, float32; its ``meta`` is the card.

        It is in training mode: call ``.eval()`` before it answers. Raises InputError where the file is not the one that
        its card describes.
        """
        state = self.state()
        check_state(state, self.bare_network(), str(self.path or self.name))
        # What somebody's own class makes of its first weights, nobody knows.
        with Unfilled() if self.meta["network"] in NETWORKS else nullcontext():
            network = self.bare_network("cpu")
        network.load_state_dict(state)
        network.meta = self.meta
        return network

    def model(self) -> "Classifier":
        """The network in the LightningModule that trains it: loss, and ``test_logits`` under its own protocol.

        It is in training mode, which Lightning's ``fit`` leaves as it finds it.
        """
        network = self.network()
        model: Any = build_model(self, network)
        model.network = network
        return model

    def bare_steps(self) -> Steps:
        """The preprocessing before it has seen any image."""
        home = DATA[self.data.class_name].transforms if self.data.class_name in DATA else None
        if home is None or self.data.transform is None:
            return self._module().transform  # type: ignore[attr-defined]
        module, _, name = home.rpartition(".")
        steps: Steps = named(getattr(import_module(module), name), self.data.transform)
        return steps

    def steps(self) -> Steps:
        """The preprocessing whole, with its mean image where it has one."""
        return self.bare_steps()

    def data_module(self, root: str | None = None, **init_args: Any) -> "ImageDataModule":
        """The data module of ``data`` with the preprocessing that these weights were trained with.

        ``root`` is the folder of the data where the class reads one; ``init_args`` are others of its own. Nothing is
        held out unless ``num_held_out`` says so.
        """
        module = self._module(**({"num_held_out": 0} | ({"root": root} if root is not None else {}) | init_args))
        module.transform = self.steps()  # type: ignore[attr-defined]
        return module

    def transforms(self, whole: bool = False, as_is: bool = False) -> ImagePreprocessing:
        """A callable from images to what ``network()`` takes: see ``ImagePreprocessing``.

        ``whole`` leaves the margin around the network's input from which a protocol of crops cuts, where the data have
        one. ``as_is`` only scales an image, and does not bring it into the form of MNIST's or CIFAR-10's images.
        """
        network = self.bare_network()
        size = None if whole else network.input_shape[1]
        steps = self.steps()
        kind = None if as_is else taken_for(self.data.class_name)
        return ImagePreprocessing(steps, shape_kept(self.data.class_name, steps), size, self.name, kind)

    def _module(self, **init_args: Any) -> "ImageDataModule":
        import zoo.data

        if self.data.class_name not in DATA:
            raise InputError(f"There is no data set {self.data.class_name!r}, which {self.name} names.")
        found = getattr(zoo.data, self.data.class_name)
        taken = inspect.signature(found).parameters
        chosen = {"transform": self.data.transform} if self.data.transform is not None else {}
        try:
            made: ImageDataModule = found(**{key: v for key, v in (chosen | init_args).items() if key in taken})
        except KeyError as error:
            raise InputError(f"{self.data.class_name} has no transform {error}, which {self.name} names.") from error
        return made

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


def build_model(weights: Weights, network: Network) -> Any:
    """The LightningModule of ``network`` without storage of its own: the config's, or the network's default one."""
    entry = NETWORKS[network.name]
    described = (weights.config or {}).get("model", {})
    init_args = dict(described.get("init_args", {}))
    if not described:
        init_args = entry.model_options | {"variant": network.variant} | network.options
    model_class = getattr(import_module(entry.model_module), entry.model)
    taken = set(inspect.signature(model_class).parameters) - {"optimizer", "schedule"}
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return model_class(**{key: value for key, value in init_args.items() if key in taken})


def check_state(state: Mapping[str, Tensor], network: Network, name: str) -> None:
    """Raises InputError unless ``state`` has the keys, shapes and kinds of numbers of ``network``, all finite."""
    expected = network.state_dict()
    for key in expected:
        if key not in state:
            raise InputError(f"{name} lacks {key}, which {network.name} {network.variant} has.")
    for key, tensor in state.items():
        if key not in expected:
            raise InputError(f"{name} holds {key!r}, which {network.name} {network.variant} does not have.")
        wanted = expected[key]
        if tensor.shape != wanted.shape:
            raise InputError(f"{name} holds {key} of the shape {tuple(tensor.shape)}, not {tuple(wanted.shape)}.")
        if tensor.layout != wanted.layout or tensor.is_quantized:
            raise InputError(f"{name} holds {key} as {tensor.layout}, {tensor.dtype}, not as plain numbers.")
        if tensor.is_floating_point() != wanted.is_floating_point() or tensor.is_complex():
            raise InputError(f"{name} holds {key} as {tensor.dtype}, not {wanted.dtype}.")
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise InputError(f"{name} holds {key} with numbers that are NaN or infinite: it is broken.")


def mean_image_in(steps: Steps) -> Tensor | None:
    """The mean image of a preprocessing that has one."""
    return steps.mean_image if isinstance(steps, LessMeanImage) else None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
