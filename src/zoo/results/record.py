"""The Record: one measured number with everything behind it. Standard library only."""

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SCHEMA = 1


@dataclass(frozen=True)
class Record:
    """What was measured, on what, with what. Errors are percent, times seconds.

    ``metrics``: top1_error, top5_error, loss, top1_wrong, top5_wrong. ``dataset``: name, fingerprint, split and the
    number of its images; ``n`` is how many of them were scored. ``git`` is None for an installed package.
    """

    network: str
    variant: str
    parameters: int
    dataset: dict[str, Any]
    protocol: str
    n: int
    metrics: dict[str, float | int | None]
    seed: int | None
    timing: dict[str, float | int | None]
    weights: dict[str, str]
    config: dict[str, Any]
    git: dict[str, Any] | None
    environment: dict[str, Any]
    created: str
    schema: int = SCHEMA

    def write(self, path: Path) -> None:
        """Writes JSON in one step: the file is either whole or not there."""
        text = json.dumps(asdict(self), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> "Record":
        """The Record in ``path``; raises ValueError naming the file where a field is missing or unknown."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} is not a record of this version: {error}") from error


def finite(value: float) -> float | None:
    """``value``, or None where it is NaN or infinite, which JSON cannot hold."""
    return value if math.isfinite(value) else None
