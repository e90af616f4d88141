"""Weights of Caffe's AlexNet, CaffeNet and VGG-16 from ``.caffemodel`` files, without Caffe."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zoo.errors import InputError
from zoo.models import get_model
from zoo.models.network import Network
from zoo.weights.sources.protobuf import BYTES, VARINT, BrokenMessageError, fields, varints

# Caffe's name here: the zoo's network and variant.
FORMS = {"alexnet": ("alexnet", "caffe"), "caffenet": ("alexnet", "caffenet"), "vgg16": ("vgg16", "paper")}

# Field numbers of BVLC/caffe, src/caffe/proto/caffe.proto. NetParameter: its name; the list of layers in the old and
# the new form, and in each form of layer its name and its blobs.
_NAME = 1
_LAYERS = {2: (4, 6), 100: (1, 7)}
# BlobProto: the sizes of the old form (num, channels, height, width), the numbers, and the shape of the new form.
_OLD_SIZES, _DATA, _SHAPE = (1, 2, 3, 4), 5, 7
_MOST_AXES = 32


@dataclass(frozen=True)
class CaffePreprocessing:
    """What the weights expect of an image, channels already in the order red, green, blue.

    ``mean`` has shape (3, 1, 1), or (3, S, S) from a mean image, on the scale of pixels, 0..255; pixels are multiplied
    by ``scale`` after it is taken off. ``resize`` says how a photograph comes to 256 pixels before the centre
    ``size`` x ``size`` is cut; ``source`` where the mean is from.
    """

    mean: Tensor
    scale: float
    resize: str
    size: int
    source: str

    def normalize(self, images: Tensor) -> Tensor:
        """RGB of 0..255, (N, 3, S, S), uint8 or float, to the network's float32 input."""
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
    """The weights of a ``.caffemodel`` file of "alexnet", "caffenet" or "vgg16" under the zoo's names, float32.

    Caffe's networks read blue, green, red: the first convolution is turned round, so that the network takes RGB.
    ``mean_file`` is Caffe's mean image (``.binaryproto``) where there is one; ``options`` are those of ``get_model``,
    such as ``num_classes``, where the net is not the published one. Raises InputError for another name and for a
    file that is broken, lacks a layer, or holds layers or shapes of another network.
    """
    if name not in FORMS:
        raise InputError(f"No reader for Caffe's {name!r}; there is {', '.join(FORMS)}.")
    network_name, variant = FORMS[name]
    with torch.device("meta"):
        network: Network = get_model(network_name, variant=variant, **options)
    try:
        state = _state(_layers(_bytes(path)), network)
    except BrokenMessageError as error:
        raise InputError(f"{path} does not hold the weights of {name}: {error}.") from error
    first = next(iter(state))
    state[first] = state[first].flip(1)
    return CaffeWeights(network_name, variant, state, preprocessing_of(name, network.input_shape[1], mean_file))


def form_of(path: str | Path) -> str:
    """Which of ``FORMS`` a file holds: by its layers, by the net's name in it, or by the file's own name.

    Raises InputError where neither tells: AlexNet and CaffeNet have the same layers in another order.
    """
    message = _bytes(path)
    try:
        layers = _layers(message)
        names = [bytes(value) for number, kind, value in fields(message) if number == _NAME and kind == BYTES]
    except BrokenMessageError as error:
        raise InputError(f"{path} does not hold the weights of a net: {error}.") from error
    if "conv5_3" in layers:
        return "vgg16"
    said = " ".join([*(name.decode(errors="replace") for name in names), Path(path).stem]).lower()
    found = [form for form in ("caffenet", "alexnet") if form in said]
    if "conv5" not in layers or not found:
        raise InputError(
            f"{path} does not say which net it holds: name the file after one of {', '.join(FORMS)}"
            " if it is one of these."
        )
    return found[0]


def _bytes(path: str | Path) -> memoryview:
    """The file, mapped: what is not used is not read."""
    if not Path(path).is_file():
        raise InputError(f"There is no file {path}.")
    try:
        return np.memmap(path, dtype=np.uint8, mode="r").data
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read or is empty: give a file that Caffe wrote.") from error


def _layers(message: memoryview) -> dict[str, list[memoryview]]:
    """The blobs of each layer that has any, by the layer's name, in either form of layer."""
    found: dict[str, list[memoryview]] = {}
    for number, kind, value in fields(message):
        if number in _LAYERS:
            name, blobs = _layer(_bytes_of(value, kind, "a layer"), *_LAYERS[number])
            if blobs and name in found:
                raise BrokenMessageError(f"it has the layer {name!r} twice")
            if blobs:
                found[name] = blobs
    return found


def _layer(message: memoryview, name_field: int, blobs_field: int) -> tuple[str, list[memoryview]]:
    name, blobs = "", []
    for number, kind, value in fields(message):
        if number == name_field:
            name = bytes(_bytes_of(value, kind, "a layer's name")).decode(errors="replace")
        elif number == blobs_field:
            blobs.append(_bytes_of(value, kind, "a blob"))
    return name, blobs


def _bytes_of(value: int | memoryview, kind: int, what: str) -> memoryview:
    if kind != BYTES or isinstance(value, int):
        raise BrokenMessageError(f"{what} has the wire type {kind}, not {BYTES}")
    return value


def _state(layers: dict[str, list[memoryview]], network: Network) -> dict[str, Tensor]:
    """Weight and bias of each layer that ``network`` has; all are looked at before the first one is copied."""
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    names = list(dict.fromkeys(key.rpartition(".")[0] for key in expected))
    missing = [name for name in names if name not in layers]
    if missing:
        raise BrokenMessageError(f"it has no weights for {', '.join(missing)}")
    strange = [name for name in layers if name not in names]
    if strange:
        raise BrokenMessageError(f"it has weights for {strange[0]!r}, a layer that the network has not")
    numbers = {}
    for name in names:
        if len(layers[name]) != 2:
            raise BrokenMessageError(f"{name} has {len(layers[name])} blobs, not a weight and a bias")
        for part, blob in zip(("weight", "bias"), layers[name], strict=True):
            key = f"{name}.{part}"
            shape, numbers[key] = _blob(blob)
            if _without_ones(shape) != _without_ones(expected[key]):
                raise BrokenMessageError(f"{key} has the shape {shape}, not {expected[key]}")
    # From the file's byte order; a copy, since the file is only mapped.
    return {key: torch.from_numpy(numbers[key].astype(np.float32)).reshape(expected[key]) for key in expected}


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The old form has four sizes for everything: a bias is 1 x 1 x 1 x n."""
    kept = list(shape)
    while len(kept) > 1 and kept[0] == 1:
        kept.pop(0)
    return tuple(kept)


def _blob(message: memoryview) -> tuple[tuple[int, ...], np.ndarray]:
    """The shape and, still in the mapped file, the numbers."""
    sizes, shape, data = dict.fromkeys(_OLD_SIZES, 0), None, []
    for number, kind, value in fields(message):
        if number in _OLD_SIZES:
            if kind != VARINT or not isinstance(value, int):
                raise BrokenMessageError(f"a blob's size has the wire type {kind}, not {VARINT}")
            sizes[number] = value
        elif number == _DATA:
            data.append(_bytes_of(value, kind, "a blob's list of numbers"))
        elif number == _SHAPE:
            shape = _shape(_bytes_of(value, kind, "a blob's shape"))
    if shape is None:
        shape = tuple(sizes.values())
    if len(data) != 1 or len(data[0]) != 4 * math.prod(shape):
        held = sum(map(len, data))
        raise BrokenMessageError(
            f"a blob of the shape {shape} has {held:,} bytes of 32-bit numbers in {len(data)} lists"
        )
    return shape, np.frombuffer(data[0], dtype="<f4")


def _shape(message: memoryview) -> tuple[int, ...]:
    axes: list[int] = []
    for number, kind, value in fields(message):
        if number == 1:
            # Packed as the format declares it, or one by one.
            axes += [value] if isinstance(value, int) else varints(_bytes_of(value, kind, "a shape"), _MOST_AXES)
    if len(axes) > _MOST_AXES:
        raise BrokenMessageError(f"a shape has {len(axes)} axes")
    return tuple(axes)


def preprocessing_of(name: str, size: int, mean_file: str | Path | None = None) -> CaffePreprocessing:
    """What the weights of a name in ``FORMS`` expect of an image of ``size`` pixels a side."""
    if name == "vgg16":
        mean, source = (123.68, 116.779, 103.939), "the VGG authors' model card"
        resize = "short side to 256"
    else:
        mean, source = (122.6789143, 116.6687676, 104.0069879), "the mean colour of Caffe's ILSVRC 2012 mean image"
        resize = "both sides to 256, whatever the shape"
    colour = torch.tensor(mean).view(3, 1, 1)
    if mean_file is not None:
        colour, source = _mean_image(mean_file, size), str(mean_file)
    return CaffePreprocessing(colour, 1.0, resize, size, source)


def _mean_image(path: str | Path, size: int) -> Tensor:
    """The centre of a mean image, (3, size, size), RGB."""
    try:
        shape, numbers = _blob(_bytes(path))
    except BrokenMessageError as error:
        raise InputError(f"{path} does not hold a mean image: {error}.") from error
    shape = _without_ones(shape)
    if len(shape) != 3 or shape[0] != 3 or min(shape[1:]) < size:
        raise InputError(f"{path} holds numbers of the shape {shape}, not a mean image of at least 3x{size}x{size}.")
    top, left = ((side - size) // 2 for side in shape[1:])
    image = torch.from_numpy(numbers.astype(np.float32)).reshape(shape).flip(0)
    return image[:, top : top + size, left : left + size].clone()
