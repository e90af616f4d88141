"""Caffe's messages: the layers and blobs of a NetParameter (``.caffemodel``), and single blobs (``.binaryproto``)."""

import math
from pathlib import Path

import numpy as np

from zoo.errors import InputError
from zoo.files import given_path
from zoo.weights.sources.protobuf import BYTES, VARINT, BrokenMessageError, fields, varints

# Field numbers of BVLC/caffe, src/caffe/proto/caffe.proto. NetParameter: its name; the list of layers in the old and
# the new form, and in each form of layer its name and its blobs.
_NAME = 1
_LAYERS = {2: (4, 6), 100: (1, 7)}
# BlobProto: the sizes of the old form (num, channels, height, width), the numbers, and the shape of the new form.
_OLD_SIZES, _DATA, _SHAPE = (1, 2, 3, 4), 5, 7
_MOST_AXES = 32


def read_bytes(path: str | Path) -> memoryview:
    """The file, mapped: what is not used is not read. Raises InputError where it is missing or empty."""
    if not given_path(path).is_file():
        raise InputError(f"There is no file {path}.")
    try:
        return np.memmap(path, dtype=np.uint8, mode="r").data
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read or is empty: give a file that Caffe wrote.") from error


def name_of(message: memoryview) -> str:
    """The net's name, empty where it has none."""
    names = [bytes(value) for number, kind, value in fields(message) if number == _NAME and kind == BYTES]
    return names[-1].decode(errors="replace") if names else ""


def layers_of(message: memoryview) -> dict[str, list[memoryview]]:
    """The blobs of each layer that has any, by the layer's name, in either form of layer.

    Raises BrokenMessageError where the message is broken, or has a layer twice.
    """
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


def without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The old form has four sizes for everything: a bias is 1 x 1 x 1 x n."""
    kept = list(shape)
    while len(kept) > 1 and kept[0] == 1:
        kept.pop(0)
    return tuple(kept)


def read_blob(message: memoryview) -> tuple[tuple[int, ...], np.ndarray]:
    """The shape and, still in the mapped file, the numbers, little-endian float32.

    Raises BrokenMessageError where the message is broken, or the numbers are not as many as the shape says.
    """
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
