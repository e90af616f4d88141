"""A network read back from the file that is added to the page of ``zoo demo``, and computed as that page does."""

import base64
import json
import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.errors import InputError
from zoo.layers.lenet import ScaledTanh
from zoo.layers.normalization import ResponseNorm, SameMapNorm
from zoo.weights.trained import Weights

Layer = Callable[[Tensor], Tensor]


class PageNetwork:
    """Logits (N, classes) of inputs (N, C, H, W); nothing but the file's content is known of the network."""

    def __init__(self, content: bytes) -> None:
        read = json.loads(content)
        self._block = zlib.decompress(base64.b85decode(read["numbers"]))
        self._said = read["network"]
        #: (C, H, W) of an image as the data set has it.
        self.stored: tuple[int, ...] = tuple(self._said["stored"])
        self._layers = [_LAYERS[said["type"]](self._with_numbers(said)) for said in self._said["layers"]]

    def __call__(self, inputs: Tensor) -> Tensor:
        """float32 (N, C, H, W), prepared, to logits."""
        x = inputs
        for layer in self._layers:
            x = layer(x)
        return x

    def prepared(self, pixels: Tensor) -> Tensor:
        """uint8 (N, C, H, W) as the data set stores them to the network's inputs."""
        said = self._said
        factor, offset = (torch.tensor(said[key]).view(-1, 1, 1) for key in ("factor", "offset"))
        padded = F.pad(pixels.float(), (said["pad"],) * 4) * factor + offset
        if said["mean"] is not None:
            padded = padded - self._numbers(said["mean"])
        _, rows, columns = said["input"]
        top, left = (padded.shape[2] - rows) // 2, (padded.shape[3] - columns) // 2
        return padded[:, :, top : top + rows, left : left + columns]

    def _with_numbers(self, said: dict[str, Any]) -> dict[str, Any]:
        keys = [key for key in ("weight", "bias", "codes") if key in said]
        return said | {key: self._numbers(said[key]) for key in keys}

    def _numbers(self, said: dict[str, Any]) -> Tensor:
        kind = {"f32": "<f4", "f16": "<f2", "i8": "i1"}[said["kind"]]
        values = np.frombuffer(self._block, kind, math.prod(said["shape"]), said["at"]).astype(np.float32)
        found = torch.from_numpy(values).reshape(said["shape"])
        if "scale" not in said:
            return found
        return (found.flatten(1) * self._numbers(said["scale"])[:, None]).reshape(said["shape"])


def check_preparing(page: PageNetwork, weights: Weights) -> None:
    """Raises InputError where the page would make other inputs of images than ``weights`` were trained with."""
    drawn = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (4, *page.stored), generator=drawn, dtype=torch.uint8)
    expected, found = weights.transforms(as_is=True)(pixels), page.prepared(pixels)
    if expected.shape != found.shape or not torch.allclose(expected, found, rtol=1e-5, atol=1e-5):
        raise InputError(
            f"The page cannot prepare images as {weights.name} needs them, by the transform {weights.data.transform}:"
            " nothing was written."
        )


def _table(said: dict[str, Any]) -> Layer:
    weight = said["weight"]
    dense = torch.zeros(said["maps"], 1 + max(into for _, into in said["pairs"]), *weight.shape[1:])
    for (out, into), kernel in zip(said["pairs"], weight, strict=True):
        dense[out, into] = kernel
    return lambda x: F.conv2d(x, dense, said["bias"])


def _local(said: dict[str, Any]) -> Layer:
    weight, bias = said["weight"], said["bias"]

    def layer(x: Tensor) -> Tensor:
        patches = F.unfold(x, weight.shape[-1], padding=said["pad"])
        sums = torch.einsum("npl,lop->nol", patches, weight.flatten(3).flatten(0, 1))
        return sums.reshape(len(x), *bias.shape) + bias

    return layer


def _scaled(x: Tensor, said: dict[str, Any]) -> Tensor:
    """Each map times its factor, and its shift."""
    return x * said["weight"][:, None, None] + said["bias"][:, None, None]


def _norm(kind: Callable[..., Any]) -> Callable[[dict[str, Any]], Layer]:
    def made(said: dict[str, Any]) -> Layer:
        layer: Layer = kind(**{key: value for key, value in said.items() if key not in ("name", "type")})
        return layer

    return made


_LAYERS: dict[str, Callable[[dict[str, Any]], Layer]] = {
    "Flatten": lambda said: lambda x: x.flatten(1),
    "ReLU": lambda said: torch.relu,
    "Linear": lambda said: lambda x: F.linear(x, said["weight"], said["bias"]),
    "Conv2d": lambda said: (
        lambda x: F.conv2d(x, said["weight"], said["bias"], padding=said["pad"], groups=said["groups"])
    ),
    "MaxPool2d": lambda said: lambda x: F.max_pool2d(x, said["size"], said["stride"], ceil_mode=said["ceil"]),
    "AvgPool2d": lambda said: lambda x: F.avg_pool2d(x, said["size"], said["stride"], ceil_mode=said["ceil"]),
    "BatchNorm2d": lambda said: lambda x: _scaled(x, said),
    "ScaledTanh": lambda said: ScaledTanh(),
    "Subsampling": lambda said: lambda x: _scaled(4 * F.avg_pool2d(x, 2), said),
    "TableConv2d": _table,
    "RBF": lambda said: lambda x: (x[:, None] - said["codes"]).square().sum(dim=-1),
    "Negative": lambda said: lambda x: -x / said["scale"],
    "Local2d": _local,
    "ResponseNorm": _norm(ResponseNorm),
    "SameMapNorm": _norm(SameMapNorm),
    "UnscaledDropout": lambda said: lambda x: x * said["factor"],
}
