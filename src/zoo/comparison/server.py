"""Runs on a server of Weights & Biases, read through its public client."""

import os
import tempfile
from pathlib import Path
from typing import Any

from zoo.comparison.answers import MOST_BYTES
from zoo.comparison.run import Answers, Run, curves_of
from zoo.comparison.tracked import PREDICTIONS, answers_of_table, run_of
from zoo.errors import InputError
from zoo.files import read_text

_SECONDS = 60


def server_runs(path: str) -> list[Run]:
    """The run ``entity/project/run``, or all of ``entity/project``, the first made first.

    The server is W&B's own unless WANDB_BASE_URL names another. Raises InputError without wandb, without a key, and for
    what the server does not have.
    """
    parts = path.split("/")
    if len(parts) not in (2, 3) or not all(part.strip() for part in parts):
        raise InputError(f"wandb:{path} names no runs: give wandb:entity/project, or wandb:entity/project/run.")
    try:
        import wandb
    except ImportError as error:
        raise InputError("Weights & Biases is not installed: pip install wandb.") from error

    # Nobody can answer its question for a key here.
    os.environ.setdefault("WANDB_SILENT", "true")
    try:
        api = wandb.Api(timeout=_SECONDS)
        found = [api.run(path)] if len(parts) == 3 else list(api.runs(path, lazy=False))
        runs = [_of(run, "/".join(run.path)) for run in found]
    except (wandb.Error, ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        reason = (" ".join(str(error).split()) or type(error).__name__).rstrip(".")
        raise InputError(f"wandb:{path} cannot be read: {reason[:300]}.") from error
    if not runs:
        raise InputError(f"wandb:{path} has no runs: give another project.")
    return runs


def _of(run: Any, where: str) -> Run:
    summary = dict(run.summary)
    # Every row: with fewer samples than rows the server would leave some out.
    rows = run.history(samples=max(run.lastHistoryStep + 1, 1), pandas=False)
    return run_of(run.name, f"wandb:{where}", dict(run.config), summary, curves_of(rows), _answers(run, summary, where))


def _answers(run: Any, summary: dict[str, Any], where: str) -> Answers | None:
    logged: Any = summary.get(PREDICTIONS)
    name = logged.get("path") if hasattr(logged, "get") else None
    if not isinstance(name, str) or ".." in Path(name).parts:
        return None
    with tempfile.TemporaryDirectory() as folder, run.file(name).download(root=folder, replace=True) as file:
        return answers_of_table(read_text(Path(file.name), MOST_BYTES), f"wandb:{where}, {name}")
