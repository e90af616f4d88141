"""State dicts as other PyTorch code saved them: read from a file without executing it, unwrapped, layer by layer."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.errors import InputError
from zoo.files import given_path
from zoo.weights.sources.seal import check_whole
from zoo.weights.tensors import read_tensors

#: The parameters of one layer under their names.
Layer = dict[str, Tensor]
#: Counts steps, is no weight, and is missing in files of PyTorch before 0.4.1.
STEPS = "num_batches_tracked"


def read_layers(given: str | Path | Mapping[str, Any]) -> dict[str, Layer]:
    """The layers of a file of ``torch.save`` or a ``.safetensors`` file, or of its content, in its order; float32.

    Raises InputError where it is missing, cut short, holds more than tensors and plain values, or no one state dict.
    """
    what = name_of(given)
    content = given if isinstance(given, Mapping) else _read(given_path(given))
    return _layers_of(_state_dict(content, what), what)


def name_of(given: str | Path | Mapping[str, Any]) -> str:
    """What messages call it."""
    return "The state dict" if isinstance(given, Mapping) else str(given)


def _read(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    if path.suffix == ".safetensors":
        return read_tensors(path)
    try:
        check_whole(path)
        with warnings.catch_warnings():
            # Of a TorchScript archive, which it then refuses.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error
    except Exception as error:
        # On other bytes the reader fails in a dozen ways, and its own message advises to switch the safety off.
        raise InputError(
            f"{path} is cut short, no file of torch.save, or holds more than tensors and plain values, which may be"
            " code and is not read: save model.state_dict() alone."
        ) from error


def _state_dict(content: Any, what: str) -> Mapping[str, Tensor]:
    """The state dict itself, or the only one in what is wrapped around it."""

    def is_state(value: Any) -> bool:
        return isinstance(value, Mapping) and bool(value) and all(isinstance(v, Tensor) for v in value.values())

    inside = {"": content} if is_state(content) else {}
    if not inside and isinstance(content, Mapping):
        inside = {str(key): value for key, value in content.items() if is_state(value)}
    if not inside:
        held = "is empty" if content == {} else "holds no tensors by their names, neither bare nor in a dict"
        raise InputError(f"{what} {held}: give what model.state_dict() returns.")
    if len(inside) > 1:
        raise InputError(f"{what} holds several state dicts, {', '.join(inside)}: give the one that is meant.")
    return next(iter(inside.values()))


def _layers_of(state: Mapping[Any, Tensor], what: str) -> dict[str, Layer]:
    """The parameters of each layer under its name, in the order of the file; float32."""
    layers: dict[str, Layer] = {}
    for key, value in state.items():
        if value.layout != torch.strided or value.is_quantized or value.is_complex() or value.is_meta:
            raise InputError(f"{what} holds {key!r} in a form that is no plain tensor: save it as float32.")
        layer, _, parameter = str(key).rpartition(".")
        if parameter != STEPS and not value.is_floating_point():
            raise InputError(f"{what} holds {key!r} as {value.dtype}, but weights are floating-point numbers.")
        layers.setdefault(layer, {})[parameter] = value
    return layers
