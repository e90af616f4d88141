"""Reads the checkpoints that runs write, executing nothing that a file holds."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo import runs
from zoo.errors import InputError
from zoo.evaluation.digest import state_digest
from zoo.files import is_utf8
from zoo.models.network import CLASSES_KEY, NETWORK_KEY, Network
from zoo.results.record import Record
from zoo.weights.sources.seal import check_whole
from zoo.weights.trained import check_state


def check_fits(file: Path, network: Network) -> None:
    """Raises InputError where ``file`` is no checkpoint of a zoo model, is damaged, or is of another network."""
    checkpoint = load_checkpoint(file)
    held = description_of(checkpoint, file)
    wanted: dict[str, Any] = {"name": network.name, "variant": network.variant, "options": network.options}
    for key, value in wanted.items():
        told = key == "options" and network.is_own and "init_args" in value
        if told and held[key].get("init_args") == value["init_args"]:
            # What it is for, it learns from the data.
            continue
        if held[key] != value:
            raise InputError(f"{file} holds a network with {key} {held[key]}, but the config builds one with {value}.")
    state = state_of(checkpoint, file)
    check_state(state, network, str(file))
    record = record_beside(file)
    if record:
        check_recorded(file, state, network, record)


def load_checkpoint(file: Path) -> dict[str, Any]:
    """What ``file`` holds: tensors, mapped and not yet read, and plain values.

    Raises InputError where the file is damaged, holds anything else, or was not written by this package.
    """
    try:
        check_whole(file)
        # Mapped, not read: only the tensors that are used come into memory. Torch maps no file whose name is not UTF-8,
        # and on Windows no file that is mapped can be replaced, as last.ckpt is.
        if is_utf8(str(file)) and os.name == "posix":
            checkpoint = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        else:
            checkpoint = torch.load(io.BytesIO(file.read_bytes()), map_location="cpu", weights_only=True)
    except InputError:
        raise
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


def class_names_of(checkpoint: dict[str, Any], file: Path) -> list[str]:
    """What the data called their classes; empty in a checkpoint from before that was kept, or of data without names.

    Raises InputError where it holds anything else in their place.
    """
    names = checkpoint.get(CLASSES_KEY, [])
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"{file} does not hold the names of classes: this zoo cannot have written it.")
    return names


def state_of(checkpoint: dict[str, Any], file: Path) -> dict[str, Tensor]:
    """The network's tensors. Raises InputError where there are none."""
    state, prefix = checkpoint.get("state_dict"), "network."
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        raise InputError(f"{file} does not hold the network that it names: this zoo cannot have written it.")
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def record_beside(checkpoint: Path) -> Record | None:
    """The Record beside the last checkpoint; one of another moment of the run was not measured."""
    folder = checkpoint.absolute().parent.parent
    record = folder / runs.RECORD
    if checkpoint.absolute() != folder / runs.CHECKPOINT or not record.is_file():
        return None
    return Record.read(record)


def check_recorded(file: Path, state: Mapping[str, Tensor], network: Network, record: Record) -> None:
    """Raises InputError unless ``state``, which fits ``network``, holds the weights that the Record was measured on."""
    wanted = network.state_dict()
    found = state_digest({key: value.to(wanted[key].dtype) for key, value in state.items() if key in wanted})
    if found != record.weights["sha256"]:
        raise InputError(
            f"{file} does not hold the weights of the Record beside it: their sha256 is {found[:12]}..., not"
            f" {record.weights['sha256'][:12]}...; to use it all the same, move it out of its run folder's checkpoints."
        )
