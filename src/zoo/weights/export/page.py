"""Trained networks as the page of ``zoo demo`` computes them: a list of layers, and one block of numbers."""

import base64
import json
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.catalog import NETWORKS
from zoo.errors import InputError
from zoo.layers.lenet import RBF, Negative, ScaledTanh, Subsampling, TableConv2d
from zoo.layers.local import Local2d
from zoo.layers.normalization import ResponseNorm, SameMapNorm
from zoo.layers.units import UnscaledDropout
from zoo.models.network import Network
from zoo.weights.export.graphs import halved
from zoo.weights.preprocessing import stored_shape
from zoo.weights.trained import Weights, mean_image_in

# Networks with more weights than this are stored in 8 bits.
_MANY = 1_000_000
# Coarse weights are multiples of a step: of their filter's root mean square this share for each weight in the tensor,
# but no larger one than the second. Large tensors are measured to be the least sensitive, and make up the size.
_STEP, _LARGEST_STEP = 0.5e-6, 1.25
_TITLES = {
    "linear": "Linear classifier", "perceptron": "Perceptron", "mlp": "Multilayer perceptron", "lenet5": "LeNet-5",
    "convnetjs": "ConvNetJS", "cuda_convnet": "cuda-convnet", "alexnet": "AlexNet", "vgg16": "VGG-16",
}  # fmt: skip
_FORMS = {"11pct": "11 %", "13pct": "13 %", "18pct": "18 %", "26pct": "26 %", "cifar": "for CIFAR-10", "paper": ""}
# What two sets of weights of one network and data set differ in.
_RECIPES = {
    "mnist-1998": "rule of 1998", "mnist-distorted": "distorted digits", "cifar10-adadelta": "Adadelta, as in 2014",
    "cifar10-modern": "modern recipe",
}  # fmt: skip


class Block:
    """Numbers one after another; ``add`` says where a tensor lies and how it is stored."""

    def __init__(self, bits: int, coarse: bool = False) -> None:
        self.bits, self._coarse, self._parts, self._length = bits, coarse, [], 0  # type: ignore[var-annotated]

    def add(self, tensor: Tensor, exact: bool = False) -> dict[str, Any]:
        """Weights, two or more dimensions, in 16 or 8 bits; of 8 each first index has its scale. Others in 32 bits.

        Raises OverflowError for numbers that are not finite in so many bits.
        """
        if exact or tensor.ndim < 2:
            return self._append("f32", tensor.detach().numpy().astype("<f4"), tensor)
        if self.bits == 8:
            whole, scales = eight_bits(tensor, self._coarse)
            return self._append("i8", whole.numpy(), tensor) | {"scale": self.add(scales)}
        return self._append("f16", halved(tensor.detach()).numpy().astype("<f2"), tensor)

    def _append(self, kind: str, values: np.ndarray, tensor: Tensor) -> dict[str, Any]:
        said = {"at": self._length, "kind": kind, "shape": list(tensor.shape)}
        if not np.isfinite(values).all():
            raise OverflowError
        # JavaScript reads numbers of four bytes only where their address is a multiple of four.
        content = values.tobytes() + bytes(-values.nbytes % 4)
        self._parts.append(content)
        self._length += len(content)
        return said

    def deflated(self) -> bytes:
        """All of it; of weights nothing repeats but single numbers, which the search for longer pieces only hides."""
        packer = zlib.compressobj(9, memLevel=9, strategy=zlib.Z_HUFFMAN_ONLY)
        return packer.compress(b"".join(self._parts)) + packer.flush()


def eight_bits(weight: Tensor, coarse: bool = False) -> tuple[Tensor, Tensor]:
    """int8 of the same shape, and float32 scales by which each first index is multiplied: the largest becomes 127.

    ``coarse`` weights of a large tensor become fewer different numbers, which deflate packs into fewer bits.
    """
    rows = weight.detach().flatten(1)
    scales = rows.abs().amax(dim=1) / 127
    if coarse:
        step = min(_STEP * weight.numel(), _LARGEST_STEP)
        scales = scales.maximum(step * rows.square().mean(dim=1).sqrt())
    scales = scales.clamp(min=torch.finfo(torch.float32).tiny)
    return (rows / scales[:, None]).round().to(torch.int8).reshape(weight.shape), scales


def bits_for(network: Network) -> int:
    """In how many bits the page stores a network's weights."""
    return 8 if sum(weights.numel() for weights in network.parameters()) > _MANY else 16


def rounded(network: Network, coarse: bool = False) -> Network:
    """The network with its weights as a file for the page has them, or ``coarse``, the page; changed in place."""
    bits = bits_for(network)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            # Local layers have a bias a place, and biases are as exact as they were.
            if weight.ndim > 1 and not name.endswith("bias"):
                weight.copy_(_widened(*eight_bits(weight, coarse)) if bits == 8 else weight.half().float())
    return network


def _widened(whole: Tensor, scales: Tensor) -> Tensor:
    return (whole.flatten(1).float() * scales[:, None]).reshape(whole.shape)


def check_page(weights: Weights, half: bool) -> None:
    """Raises InputError for weights of other data than the page's, and where its numbers are given another form."""
    _stored(weights)
    if half:
        raise InputError(
            "--half does not apply to --format page, which has weights in 16 bits, and many in 8: leave --half out."
        )


def to_page(weights: Weights) -> bytes:
    """The file that somebody adds to the page: JSON with what ``packed`` gives, ``network`` and ``numbers``.

    Raises InputError as ``packed`` does.
    """
    said, numbers = packed(weights)
    return json.dumps({"network": said, "numbers": numbers}, separators=(",", ":"), allow_nan=False).encode()


def packed(weights: Weights, coarse: bool = False) -> tuple[dict[str, Any], str]:
    """What the page says and computes of one network, plain values, and its numbers, deflated and in base 85.

    ``coarse`` rounds the weights of networks with more than a million further: then ``bits`` is what each of them takes
    on average. Raises InputError for a network that the page cannot compute, or of other data than MNIST's or
    CIFAR-10's.
    """
    stored = _stored(weights)
    network = weights.network().eval()
    block = Block(bits_for(network), coarse)
    layers = [_layer(name, layer, block, weights.name) for name, layer in network.named_children()]
    steps: Any = weights.steps()
    placed = steps.place(torch.zeros(1, *stored, dtype=torch.uint8)).shape[-1]
    mean = mean_image_in(steps)
    zeros = torch.zeros(1, 1, 1, 1, dtype=torch.uint8).expand(1, stored[0], 1, 1)
    # Pixels p become a p + b, or lose the mean image.
    offset = [0.0] * stored[0] if mean is not None else steps.normalize(zeros).double().flatten().tolist()
    factor = [1.0] * stored[0] if mean is not None else [1 / (255 * deviation) for deviation in steps.std]
    parameters = sum(p.numel() for p in network.parameters())
    said = {
        "name": weights.name, "data": weights.data.class_name, "title": title_of(weights),
        "year": NETWORKS[network.name].year if network.name in NETWORKS else None, "classes": weights.class_names,
        "parameters": parameters, "bits": block.bits,
        "error": (weights.meta.get("scores") or {}).get("top1_error"),
        "protocol": (weights.meta.get("scores") or {}).get("protocol"),
        "stored": list(stored), "pad": (placed - stored[-1]) // 2, "input": list(network.input_shape),
        "factor": factor, "offset": offset,
        "mean": None if mean is None else block.add(mean, exact=True), "layers": layers,
    }  # fmt: skip
    deflated = block.deflated()
    if coarse and block.bits == 8:
        said["bits"] = round(8 * len(deflated) / parameters, 1)
    # None of the 85 characters needs an escape in a string of JavaScript.
    return said, base64.b85encode(deflated).decode()


def _stored(weights: Weights) -> tuple[int, int, int]:
    stored = stored_shape(weights.data.class_name)
    if weights.data.class_name not in ("MNIST", "CIFAR10") or stored is None:
        raise InputError(
            f"{weights.name} was trained on {weights.data.class_name}; the page has networks of MNIST and CIFAR10."
        )
    return stored


def title_of(weights: Weights) -> str:
    """The network as people call it, and what tells it from its relatives in the page."""
    network, variant = weights.meta["network"], weights.meta["variant"]
    form = _FORMS.get(variant, variant) if network != "vgg16" else ""
    recipe = _RECIPES.get(weights.name.partition("/")[2], "")
    name = _TITLES.get(network, network) + (f" {form}" if form else "")
    return f"{name}, {recipe}" if recipe else name


def _convolution(layer: nn.Conv2d, block: Block) -> dict[str, Any]:
    if layer.stride != (1, 1) or layer.dilation != (1, 1) or layer.padding_mode != "zeros":
        raise NotImplementedError
    # The page's windows are squares.
    if layer.padding != (layer.padding[0],) * 2 or layer.kernel_size != (layer.kernel_size[0],) * 2:
        raise NotImplementedError
    return {"pad": layer.padding[0], "groups": layer.groups, **_affine(layer, block)}


def _affine(layer: Any, block: Block) -> dict[str, Any]:
    if layer.bias is None:
        raise NotImplementedError
    return {"weight": block.add(layer.weight), "bias": block.add(layer.bias, exact=True)}


def _table(layer: TableConv2d, block: Block) -> dict[str, Any]:
    pairs = [[int(o), int(i)] for o, i in zip(layer.out_index, layer.in_index, strict=True)]
    return {"maps": layer.out_channels, "pairs": pairs, **_affine(layer, block)}


def _pooling(layer: nn.MaxPool2d | nn.AvgPool2d, block: Block) -> dict[str, Any]:
    plain = layer.padding in (0, (0, 0)) and isinstance(layer.kernel_size, int) and isinstance(layer.stride, int)
    if not plain or getattr(layer, "dilation", 1) != 1 or getattr(layer, "divisor_override", None) is not None:
        raise NotImplementedError
    return {"size": layer.kernel_size, "stride": layer.stride, "ceil": layer.ceil_mode}


def _norm(layer: ResponseNorm | SameMapNorm, block: Block) -> dict[str, Any]:
    said = {key: getattr(layer, key) for key in ("size", "alpha", "beta", "k")}
    return said | ({"groups": layer.groups} if isinstance(layer, ResponseNorm) else {})


def _batch_norm(layer: nn.BatchNorm2d, block: Block) -> dict[str, Any]:
    if layer.running_mean is None or layer.running_var is None or not layer.affine:
        raise NotImplementedError
    factor = layer.weight.detach() / (layer.running_var + layer.eps).sqrt()
    shift = layer.bias.detach() - layer.running_mean * factor
    return {"weight": block.add(factor), "bias": block.add(shift)}


def _flatten(layer: nn.Flatten, block: Block) -> dict[str, Any]:
    if (layer.start_dim, layer.end_dim) != (1, -1):
        raise NotImplementedError
    return {}


_FORMS_OF_LAYERS: dict[type[nn.Module], Callable[[Any, Block], dict[str, Any]]] = {
    nn.Flatten: _flatten,
    nn.ReLU: lambda layer, block: {},
    nn.Linear: _affine,
    nn.Conv2d: _convolution,
    nn.MaxPool2d: _pooling,
    nn.AvgPool2d: _pooling,
    nn.BatchNorm2d: _batch_norm,
    ScaledTanh: lambda layer, block: {},
    Subsampling: lambda layer, block: {
        "weight": block.add(layer.coefficient), "bias": block.add(layer.bias),
    },
    TableConv2d: _table,
    RBF: lambda layer, block: {"codes": block.add(layer.codes)},
    Negative: lambda layer, block: {"scale": layer.scale},
    Local2d: lambda layer, block: {"pad": layer.padding, **_affine(layer, block)},
    ResponseNorm: _norm,
    SameMapNorm: _norm,
    UnscaledDropout: lambda layer, block: {"factor": 1 - layer.p},
}  # fmt: skip


def _layer(name: str, layer: nn.Module, block: Block, weights: str) -> dict[str, Any]:
    try:
        return {"name": name, "type": type(layer).__name__} | _FORMS_OF_LAYERS[type(layer)](layer, block)
    except (KeyError, NotImplementedError) as error:
        # A block of layers has a line a layer.
        what = type(layer).__name__ if any(layer.children()) else str(layer)
        raise InputError(f"The page cannot compute the layer {name} of {weights}, {what}: leave it out.") from error
    except OverflowError as error:
        raise InputError(
            f"The layer {name} of {weights} has numbers that are not finite in the page's {block.bits} bits: leave it"
            " out."
        ) from error
