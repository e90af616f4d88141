"""Loads a trained network from a run folder or a checkpoint, executing nothing that the file holds."""

from pathlib import Path
from typing import Any

import torch

from zoo.errors import InputError
from zoo.models import get_model
from zoo.models.classifier import NETWORK_KEY
from zoo.models.network import Network
from zoo.runs import find_checkpoint


def load(path: str | Path) -> Network:
    """The trained network of a run folder or a ``.ckpt`` file, on the CPU and in eval mode.

    Only tensors and plain values are read (``weights_only``). Raises InputError where the file is missing, broken or
    not written by this package.
    """
    file = find_checkpoint(str(path))
    checkpoint = _read(file)
    try:
        return _network_of(checkpoint)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{file} does not hold the network that it names: this zoo cannot have written it.") from error


def check_fits(file: Path, network: Network) -> None:
    """Raises InputError where ``file`` is no checkpoint of a zoo model, or one of another network than ``network``."""
    held = _read(file)[NETWORK_KEY]
    wanted = {"name": network.name, "variant": network.variant, "options": network.options}
    for key, value in wanted.items():
        if held[key] != value:
            raise InputError(f"{file} holds a network with {key} {held[key]}, but the config builds one with {value}.")


def _read(file: Path) -> dict[str, Any]:
    try:
        # Mapped, not read: only the tensors that are used come into memory.
        checkpoint = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except PermissionError as error:
        raise InputError(f"{file} may not be read: change its permissions.") from error
    except Exception as error:
        # On other bytes the reader fails in a dozen ways, and its own message advises to switch the safety off.
        raise InputError(
            f"{file} is no checkpoint, is broken, or holds more than tensors and plain values: give one that zoo wrote."
        ) from error
    if not isinstance(checkpoint, dict) or NETWORK_KEY not in checkpoint:
        raise InputError(f"{file} is a checkpoint, but not one of a zoo model.")
    return checkpoint


def _network_of(checkpoint: dict[str, Any]) -> Network:
    description = checkpoint[NETWORK_KEY]
    network: Network = get_model(description["name"], variant=description["variant"], **description["options"])
    prefix = "network."
    state = {
        key.removeprefix(prefix): value for key, value in checkpoint["state_dict"].items() if key.startswith(prefix)
    }
    network.load_state_dict(state)
    return network
