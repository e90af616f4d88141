"""Caffe's messages written byte by byte, in the old and the new form, for tests of what reads them."""

import struct

from torch import Tensor


def number(value: int) -> bytes:
    """Base 128, the lowest seven bits first."""
    out = bytearray()
    while value > 127:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def field(place: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return number(place * 8) + number(content)
    return number(place * 8 + 2) + number(len(content)) + content


def new_blob(values: Tensor) -> bytes:
    shape = field(7, field(1, b"".join(map(number, values.shape))))
    return field(5, values.numpy().astype("<f4").tobytes()) + shape


def old_blob(values: Tensor) -> bytes:
    sizes = [1] * (4 - values.ndim) + list(values.shape)
    numbers = field(5, values.numpy().astype("<f4").tobytes())
    return b"".join(field(place, size) for place, size in enumerate(sizes, start=1)) + numbers


def new_layer(name: str, *blobs: bytes) -> bytes:
    parts = [field(1, name.encode()), field(2, b"Convolution"), field(3, b"data"), *(field(7, blob) for blob in blobs)]
    # A convolution_param, which nobody asks for.
    return field(100, b"".join([*parts, field(106, field(1, 96) + field(5, 2))]))


def old_layer(name: str, *blobs: bytes) -> bytes:
    # Bottom, top, name, type (4 is a convolution), blobs, and blobs_lr as bare 32-bit numbers.
    parts = [field(2, b"data"), field(3, name.encode()), field(4, name.encode()), field(5, 4)]
    parts += [field(6, blob) for blob in blobs]
    return field(2, b"".join([*parts, number(7 * 8 + 5) + struct.pack("<f", 2.0)]))


def caffemodel(weights: dict[str, tuple[Tensor, Tensor]], old: bool = False) -> bytes:
    layer, blob = (old_layer, old_blob) if old else (new_layer, new_blob)
    layers = [layer(name, *map(blob, pair)) for name, pair in weights.items()]
    return b"".join([field(1, b"A net"), layer("data"), *layers, layer("relu1"), field(5, 1)])
