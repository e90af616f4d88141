"""Where a number comes from: the code's commit and the versions of what ran. Standard library only."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from zoo import __version__

PACKAGES = (
    "torch",
    "torchvision",
    "lightning",
    "torchmetrics",
    "numpy",
    "pillow",
    "scikit-learn",
    "scikit-image",
)


_PACKAGE = Path(__file__).resolve().parents[1]


# What runs produce and none reads while it trains: a new Record makes the code of the next run no other.
_PRODUCED = (":!benchmarks/results", ":!benchmarks/tables", ":!src/zoo/weights/shipped")


def git_state(package: Path = _PACKAGE) -> dict[str, Any] | None:
    """``{"commit": ..., "dirty": ...}`` of the checkout this package runs from; None where it is installed.

    New Records, tables made of them and weights to ship do not make it dirty.
    """
    checkout = checkout_of(package)
    if checkout is None:
        return None
    words_of_status = ("status", "--porcelain", "--untracked-files=all", "--", ".", *_PRODUCED)
    commit, status = (_git(checkout, *words) for words in (("rev-parse", "HEAD"), words_of_status))
    return None if commit is None else {"commit": commit, "dirty": status != ""}


def checkout_of(package: Path = _PACKAGE) -> Path | None:
    """The checkout that ``package`` belongs to; None where it is installed."""
    checkout = package.parents[1]
    # An environment may lie inside some other repository, whose commit would say nothing about this code.
    return checkout if (checkout / ".git").exists() and package == checkout / "src" / "zoo" else None


def environment(device: str) -> dict[str, Any]:
    """Python, platform, cores, ``device`` and the versions of ``PACKAGES``."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "device": device,
        "packages": {"zoo": __version__} | {name: _version(name) for name in PACKAGES},
    }


def _git(checkout: Path, *words: str) -> str | None:
    try:
        run = subprocess.run(
            ["git", "-C", str(checkout), *words], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.strip() if run.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
