"""Weights among the assets of a release, too large for the wheel: fetched once, to where torch.hub keeps its files."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from zoo.data.download import fetch
from zoo.errors import InputError
from zoo.files import alone
from zoo.weights.cards import WrongFileError, asset_name, read_checked


def place_of(card: dict[str, Any]) -> Path:
    """Where the file of a card with a ``url`` is kept: in ``hub/checkpoints`` of TORCH_HOME, beside torch's own."""
    return Path(torch.hub.get_dir()) / "checkpoints" / asset_name(card)


def read_asset(path: Path, card: dict[str, Any]) -> bytes:
    """The bytes of ``path``, fetched from the card's ``url`` where it is not there yet.

    One process fetches, others that want the same file wait for it. Raises InputError where the server cannot be
    reached or has no such file, naming the address and the folder to put the file into by hand; and where the file has
    not the length and sha256 of the card: it is removed then.
    """
    try:
        if path.exists():
            # Without a lock: the folder may be one of a whole cluster that nobody may write to. What is wrong is
            # looked at again when nobody else replaces it.
            with suppress(WrongFileError):
                return read_checked(path, card)
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone(path.with_name(f"{path.name}.lock")):
            if not path.exists():
                fetch(card["url"], path, f"sha256:{card['sha256']}")
            return _read_or_remove(path, card)
    except OSError as error:
        raise InputError(
            f"{card['url']} cannot be fetched to {path} ({error.strerror}): put that file there by other means, or set"
            " TORCH_HOME to a folder that can be written to."
        ) from error


def _read_or_remove(path: Path, card: dict[str, Any]) -> bytes:
    try:
        return read_checked(path, card)
    except WrongFileError as error:
        path.unlink()
        reason = str(error).partition(";")[0]
        raise InputError(f"{reason}; it was removed, and the next call fetches {card['url']} anew.") from error
