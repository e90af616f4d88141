"""Weights of Caffe's example networks, AlexNet, CaffeNet and VGG-16 from ``.caffemodel`` files, without Caffe."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zoo.errors import InputError
from zoo.models import get_model
from zoo.models.network import Network
from zoo.weights.sources.caffe_forms import FORMS
from zoo.weights.sources.caffe_messages import layers_of, name_of, read_blob, read_bytes, without_ones
from zoo.weights.sources.protobuf import BrokenMessageError
from zoo.weights.trained import check_state


@dataclass(frozen=True)
class CaffePreprocessing:
    """What the weights expect of an image, channels already in the order red, green, blue.

    ``mean`` has shape (C, 1, 1), or (C, S, S) from a mean image, on the scale of pixels, 0..255; pixels are multiplied
    by ``scale`` after it is taken off. ``resize`` says how a photograph comes to 256 pixels before the centre
    ``size`` x ``size`` is cut, or that nothing is resized; ``source`` where the mean is from.
    """

    mean: Tensor
    scale: float
    resize: str
    size: int
    source: str

    def normalize(self, images: Tensor) -> Tensor:
        """RGB (or, of LeNet, grey) of 0..255, (N, C, S, S), uint8 or float, to the network's float32 input."""
        return (images.float() - self.mean.to(images.device)) * self.scale


@dataclass(frozen=True)
class CaffeWeights:
    """``state`` fits ``get_model(network, variant=variant)``; ``preprocessing`` is what its images need."""

    network: str
    variant: str
    state: dict[str, Tensor]
    preprocessing: CaffePreprocessing


def from_caffemodel(
    path: str | Path, name: str, mean_file: str | Path | None = None, **options: int | str
) -> CaffeWeights:
    """The weights of a ``.caffemodel`` file under the zoo's names, float32; the file's layers in the old or new form.

    ``name`` is "alexnet", "caffenet", "vgg16", or of Caffe's examples "lenet" (MNIST, pixels / 256), "cifar10_quick" or
    "cifar10_full". The first three read blue, green, red: their first convolution is turned round, so that the network
    takes RGB; the CIFAR-10 ones take RGB as they are. ``mean_file`` is Caffe's mean image (``.binaryproto``), which the
    CIFAR-10 ones need; ``options`` are those of ``get_model``, such as ``num_classes``, where the net is not the
    published one. Raises InputError for another name, for a file that is broken, lacks a layer, or holds layers or
    shapes of another network, and for a mean image that is missing or too small.
    """
    if name not in FORMS:
        raise InputError(f"No reader for Caffe's {name!r}; there is {', '.join(FORMS)}.")
    form = FORMS[name]
    try:
        with torch.device("meta"):
            network: Network = get_model(form.network, variant=form.variant, **options)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be built: {error}.") from error
    state = read_state(path, name, network)
    check_state(state, network, str(path))
    return CaffeWeights(form.network, form.variant, state, preprocessing_of(name, network.input_shape, mean_file))


def read_state(path: str | Path, name: str, network: Network) -> dict[str, Tensor]:
    """The tensors of a file of ``name`` in ``FORMS`` under the names of ``network``, for images in RGB.

    Raises InputError as ``from_caffemodel``.
    """
    try:
        state = _state(layers_of(read_bytes(path)), network, FORMS[name].layers)
    except BrokenMessageError as error:
        raise InputError(f"{path} does not hold the weights of {name}: {error}.") from error
    if FORMS[name].channels == "BGR":
        first = next(iter(state))
        state[first] = state[first].flip(1)
    return state


def form_of(path: str | Path) -> str:
    """Which of ``FORMS`` a file holds: by its layers, by the net's name in it, or by the file's own name.

    Raises InputError where neither tells: AlexNet and CaffeNet have the same layers in another order.
    """
    message = read_bytes(path)
    try:
        layers, name = layers_of(message), name_of(message)
    except BrokenMessageError as error:
        raise InputError(f"{path} does not hold the weights of a net: {error}.") from error
    if "conv5_3" in layers:
        return "vgg16"
    told = [form for form in FORMS if FORMS[form].told_by == frozenset(layers)]
    if told:
        return told[0]
    said = f"{name} {Path(path).stem}".lower()
    found = [form for form in ("caffenet", "alexnet") if form in said]
    if "conv5" not in layers or not found:
        raise InputError(
            f"{path} does not say which net it holds: name the file after one of {', '.join(FORMS)}"
            " if it is one of these."
        )
    return found[0]


def _state(layers: dict[str, list[memoryview]], network: Network, theirs: Mapping[str, str]) -> dict[str, Tensor]:
    """Weight and bias of each layer that ``network`` has; all are looked at before the first one is copied.

    ``theirs`` are the file's names of layers that have others.
    """
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    names = {name: theirs.get(name, name) for name in dict.fromkeys(key.rpartition(".")[0] for key in expected)}
    missing = [name for name in names.values() if name not in layers]
    if missing:
        raise BrokenMessageError(f"it has no weights for {', '.join(missing)}")
    strange = [name for name in layers if name not in names.values()]
    if strange:
        raise BrokenMessageError(f"it has weights for {strange[0]!r}, a layer that the network does not have")
    numbers = {}
    for name, found in names.items():
        if len(layers[found]) != 2:
            raise BrokenMessageError(f"{found} has {len(layers[found])} blobs, not a weight and a bias")
        for part, blob in zip(("weight", "bias"), layers[found], strict=True):
            key = f"{name}.{part}"
            shape, numbers[key] = read_blob(blob)
            if without_ones(shape) != without_ones(expected[key]):
                raise BrokenMessageError(f"{found}.{part} has the shape {shape}, not {expected[key]}")
    # From the file's byte order; a copy, since the file is only mapped.
    return {key: torch.from_numpy(numbers[key].astype(np.float32)).reshape(expected[key]) for key in expected}


def preprocessing_of(
    name: str, input_shape: tuple[int, int, int], mean_file: str | Path | None = None
) -> CaffePreprocessing:
    """What the weights of a name in ``FORMS`` expect of the images of a network that takes ``input_shape``, (C, S, S).

    Raises InputError where the mean image of a CIFAR-10 net is not given, or is none.
    """
    channels, size, _ = input_shape
    form = FORMS[name]
    if mean_file is not None:
        image = mean_image(mean_file, channels, size)
        mean, source = image.flip(0) if form.channels == "BGR" else image, str(mean_file)
    elif form.mean is not None:
        mean, source = torch.tensor(form.mean).view(-1, 1, 1), form.mean_source
    else:
        raise InputError(
            f"Caffe's {name} subtracts a mean image: give it as mean_file, the mean.binaryproto that Caffe made of the"
            " training images."
        )
    return CaffePreprocessing(mean, form.scale, form.resize, size, source)


def mean_image(path: str | Path, channels: int, size: int) -> Tensor:
    """The centre of a mean image (``.binaryproto``), float32 (channels, size, size), in the file's order of channels.

    Raises InputError where the file holds no mean image, one of other channels or a smaller size,
    or one that is no mean of pixels.
    """
    try:
        shape, numbers = read_blob(read_bytes(path))
    except BrokenMessageError as error:
        raise InputError(f"{path} does not hold a mean image: {error}.") from error
    held = without_ones(shape)
    full = (1,) * (3 - len(held)) + held
    if len(full) != 3 or full[0] != channels or min(full[1:]) < size:
        raise InputError(
            f"{path} holds numbers of the shape {held}, not a mean image of at least {channels}x{size}x{size}."
        )
    top, left = ((side - size) // 2 for side in full[1:])
    image = torch.from_numpy(numbers.astype(np.float32)).reshape(full)
    if not ((image >= 0) & (image <= 255)).all():
        raise InputError(f"{path} holds numbers that are no mean of pixels from 0 to 255: it is broken.")
    return image[:, top : top + size, left : left + size].clone()
