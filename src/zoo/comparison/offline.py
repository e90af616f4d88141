"""Offline W&B folders: what W&B wrote into its own .wandb file, a LevelDB log of protobuf records."""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from zoo.comparison.run import Run, curves_of
from zoo.comparison.tracked import answers_logged, run_of
from zoo.errors import InputError

_BLOCK, _CHUNK_HEADER, _FILE_HEADER = 32768, 7, 7
_FULL, _FIRST, _LAST = 1, 2, 4
_SIGNATURE = b":W&B"


def is_offline(folder: Path) -> bool:
    """Whether W&B kept a run in this very folder."""
    return folder.is_dir() and any(folder.glob("run-*.wandb"))


def offline_runs(folder: Path) -> list[Run]:
    """The runs in an offline folder, or in all of them where ``folder`` is the ``wandb`` folder around them.

    Folders with the same run are parts of it, in the order of their names, which are times. Raises InputError for what
    W&B did not write, and without wandb.
    """
    files = sorted([*folder.glob("run-*.wandb"), *folder.glob("*run-*-*/run-*.wandb")], key=lambda file: file.parent)
    parts: dict[str, list[Path]] = {}
    for file in files:
        parts.setdefault(file.stem, []).append(file)
    return [_read(of_one) for of_one in parts.values()]


def _read(files: list[Path]) -> Run:
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    name = files[0].stem
    for file in files:
        for record in _records(file):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                name = record.run.display_name or name
                _update(config, record.run.config.update)
                _update(summary, record.run.summary.update)
            elif kind == "config":
                _update(config, record.config.update)
            elif kind == "summary":
                _update(summary, record.summary.update)
            elif kind == "history":
                row: dict[str, Any] = {}
                _update(row, record.history.item)
                history.append(row)
    answers = answers_logged(file.parent for file in files)
    return run_of(name, str(files[-1].parent), config, summary, curves_of(history), answers)


def _update(values: dict[str, Any], items: Any) -> None:
    """Sets what W&B changed; a nested key goes to its place."""
    for item in items:
        *outer, last = item.nested_key or [item.key]
        inner = values
        for key in outer:
            inner = inner.setdefault(key, {})
        inner[last] = json.loads(item.value_json)


def _records(file: Path) -> Iterator[Any]:
    try:
        # Neither has types.
        made = import_module("wandb.proto.wandb_internal_pb2").Record
        undecodable = import_module("google.protobuf.message").DecodeError
    except ImportError as error:
        raise InputError("Weights & Biases is not installed, and reads its own files: pip install wandb.") from error
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror}.") from error
    if not data.startswith(_SIGNATURE):
        raise InputError(f"{file} is no file of W&B's: it does not begin as one.")
    try:
        for payload in _payloads(data):
            record = made()
            record.ParseFromString(payload)
            yield record
    except (undecodable, ValueError) as error:
        raise InputError(f"{file} is no file of W&B's: a record in it cannot be read.") from error


def _payloads(data: bytes) -> Iterator[bytes]:
    """A LevelDB log's records: chunks of crc, length and type (full, first, middle, last) in blocks of 32 KiB.

    What a killed process did not write to its end is left out.
    """
    position, parts = _FILE_HEADER, b""
    while position + _CHUNK_HEADER <= len(data):
        left = _BLOCK - position % _BLOCK
        if left < _CHUNK_HEADER:
            position += left
            continue
        length, kind = int.from_bytes(data[position + 4 : position + 6], "little"), data[position + 6]
        chunk = data[position + _CHUNK_HEADER : position + _CHUNK_HEADER + length]
        position += _CHUNK_HEADER + length
        if position > len(data):
            return
        parts = chunk if kind in (_FULL, _FIRST) else parts + chunk
        if kind in (_FULL, _LAST):
            yield parts
