"""Loads a trained network from a run folder or a checkpoint, executing nothing that the file holds."""

import pickle
from pathlib import Path

import torch
from torch import nn

from zoo.errors import InputError
from zoo.models import get_model
from zoo.models.classifier import NETWORK_KEY
from zoo.runs import find_checkpoint


def load(path: str | Path) -> nn.Module:
    """The trained network of a run folder or a ``.ckpt`` file, on the CPU and in eval mode.

    Only tensors and plain values are read (``weights_only``). Raises InputError where the file is missing, broken or
    not written by this package.
    """
    file = find_checkpoint(str(path))
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(f"{file} cannot be read as a checkpoint ({reason}).") from error
    if not isinstance(checkpoint, dict) or NETWORK_KEY not in checkpoint:
        raise InputError(f"{file} is a checkpoint, but not one of a zoo model.")
    description = checkpoint[NETWORK_KEY]
    network: nn.Module = get_model(description["name"], variant=description["variant"], **description["options"])
    prefix = "network."
    state = {key.removeprefix(prefix): value for key, value in checkpoint["state_dict"].items() if key.startswith(prefix)}
    network.load_state_dict(state)
    return network
