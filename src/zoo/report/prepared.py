"""What a verb would print of nothing but the package itself, prepared so that it is there without importing torch.

``python docs/prepared.py`` writes the file; a test holds it against what the code says.
"""

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from zoo.catalog import DATA, NETWORKS

FILE = Path(__file__).with_name("prepared.json")


def help_of(verb: str) -> str | None:
    """``zoo VERB --help`` of fit, validate, test and predict; None with another Lightning, whose options differ."""
    prepared = _read()
    return str(prepared["help"][verb]) if prepared["of"] == made_of() else None


def description_of(name: str, variant: str | None) -> dict[str, Any] | None:
    """``zoo.report.network.describe`` of a network's form with its own input size; None where there is no such form."""
    if name not in NETWORKS or variant not in (None, *NETWORKS[name].variants):
        return None
    found: dict[str, Any] | None = _read()["networks"].get(name, {}).get(variant or NETWORKS[name].variants[0])
    return found


def made_of() -> list[str]:
    """What the help is made from: Lightning's version, and the names of data and models."""
    try:
        lightning = version("lightning")
    except PackageNotFoundError:
        lightning = ""
    return [lightning, *DATA, *(entry.model for entry in NETWORKS.values())]


def _read() -> Any:
    return json.loads(FILE.read_text(encoding="utf-8"))
