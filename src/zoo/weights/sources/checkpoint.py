"""Reads the checkpoints that runs write, executing nothing that a file holds."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.errors import InputError
from zoo.models.classifier import NETWORK_KEY
from zoo.models.network import Network


def check_fits(file: Path, network: Network) -> None:
    """Raises InputError where ``file`` is no checkpoint of a zoo model, or one of another network than ``network``."""
    held = load_checkpoint(file)[NETWORK_KEY]
    wanted = {"name": network.name, "variant": network.variant, "options": network.options}
    for key, value in wanted.items():
        if held[key] != value:
            raise InputError(f"{file} holds a network with {key} {held[key]}, but the config builds one with {value}.")


def load_checkpoint(file: Path) -> dict[str, Any]:
    """What ``file`` holds: tensors, mapped and not yet read, and plain values.

    Raises InputError where the file is broken, holds anything else, or was not written by this package.
    """
    try:
        # Mapped, not read: only the tensors that are used come into memory.
        checkpoint = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except PermissionError as error:
        raise InputError(f"{file} may not be read: change its permissions.") from error
    except Exception as error:
        # On other bytes the reader fails in a dozen ways, and its own message advises to switch the safety off.
        raise InputError(
            f"{file} is not a checkpoint, is broken, or holds more than tensors and plain values:"
            " give one that zoo wrote."
        ) from error
    if not isinstance(checkpoint, dict) or NETWORK_KEY not in checkpoint:
        raise InputError(f"{file} is a checkpoint, but not one of a zoo model.")
    return checkpoint


def description_of(checkpoint: dict[str, Any], file: Path) -> dict[str, Any]:
    """Name, variant and options of the network. Raises InputError where one is missing."""
    description = checkpoint[NETWORK_KEY]
    kinds = {"name": str, "variant": str, "options": dict}
    if not isinstance(description, dict) or any(not isinstance(description.get(k), t) for k, t in kinds.items()):
        raise InputError(f"{file} does not hold the network that it names: this zoo cannot have written it.")
    return description


def state_of(checkpoint: dict[str, Any], file: Path) -> dict[str, Tensor]:
    """The network's tensors. Raises InputError where there are none."""
    state, prefix = checkpoint.get("state_dict"), "network."
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{file} does not hold the network that it names: this zoo cannot have written it.")
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
