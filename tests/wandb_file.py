"""Reads what W&B wrote offline, from its own .wandb file: a LevelDB log of protobuf records."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK, HEADER, FILE_HEADER = 32768, 7, 7


def payloads(path: Path) -> Iterator[bytes]:
    """Yields a LevelDB log's records: chunks of crc, length and type (full, first, middle, last) in 32 KiB blocks.

    One that W&B has not written to its end yet is not there.
    """
    data, position, parts = path.read_bytes(), FILE_HEADER, b""
    while position + HEADER <= len(data):
        left = BLOCK - position % BLOCK
        if left < HEADER:
            position += left
            continue
        length, kind = int.from_bytes(data[position + 4 : position + 6], "little"), data[position + 6]
        chunk = data[position + HEADER : position + HEADER + length]
        if len(chunk) < length:
            return
        position += HEADER + length
        parts = chunk if kind in (1, 2) else parts + chunk
        if kind in (1, 4):
            yield parts


def read(run_dir: Path, seconds: float = 30) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The config and the history rows of the one offline run under ``run_dir``.

    W&B writes from a process of its own, which on a busy machine is behind the run's end: waits for its last record.
    """
    end = time.monotonic() + seconds
    while True:
        # On a busy machine even the file comes late.
        found = list(run_dir.rglob("run-*.wandb")) or time.monotonic() > end
        config, history, ended = _read(run_dir) if found else ({}, [], False)
        if ended or time.monotonic() > end:
            return config, history
        time.sleep(0.1)


def _read(run_dir: Path) -> tuple[dict[str, Any], list[dict[str, Any]], bool]:
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = run_dir.rglob("run-*.wandb")
    config: dict[str, Any] = {}
    history, ended = [], False
    for payload in payloads(file):
        record = Record()
        record.ParseFromString(payload)
        if record.WhichOneof("record_type") == "run":
            config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        elif record.WhichOneof("record_type") == "config":
            config |= {item.key: json.loads(item.value_json) for item in record.config.update}
        elif record.WhichOneof("record_type") == "history":
            history.append({})
            for item in record.history.item:
                put(history[-1], item)
        ended = ended or record.WhichOneof("record_type") == "exit"
    return config, history, ended


def summary(run_dir: Path) -> dict[str, Any]:
    """The summary of the one offline run under ``run_dir``."""
    found: dict[str, Any] = {}
    for record in _records(run_dir):
        for item in record.summary.update if record.WhichOneof("record_type") == "summary" else ():
            put(found, item)
    return found


def put(values: dict[str, Any], item: Any) -> None:
    """Sets what an item says; a picture and a table are values within a value."""
    *outer, last = item.nested_key or [item.key]
    inner = values
    for key in outer:
        inner = inner.setdefault(key, {})
    inner[last] = json.loads(item.value_json)


def display_name(run_dir: Path) -> str:
    """What the one offline run under ``run_dir`` is called."""
    return next(record.run.display_name for record in _records(run_dir) if record.WhichOneof("record_type") == "run")


def artifacts(run_dir: Path) -> list[Any]:
    """What the one offline run under ``run_dir`` says of its artifacts; ``use_after_commit`` those that went in."""
    return [record.artifact for record in _records(run_dir) if record.WhichOneof("record_type") == "artifact"]


def _records(run_dir: Path) -> Iterator[Any]:
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = run_dir.rglob("run-*.wandb")
    for payload in payloads(file):
        record = Record()
        record.ParseFromString(payload)
        yield record
