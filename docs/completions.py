"""Writes the options of data, model and trainer for the shells: what completes a word must not import torch."""

import inspect
import json
import typing
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

import zoo.data
import zoo.models
from zoo.catalog import DATA
from zoo.training import suggestions
from zoo.training.arguments import TOP_KEYS
from zoo.training.loggers import MLflow, TensorBoard, Wandb

FILE = Path(__file__).parents[1] / "src" / "zoo" / "commands" / "completions.json"


def document() -> str:
    """The options by section: those of classes by class, each with the values that it can have where they are few."""
    sections = {
        "run": {name: [] for name in ("config", *TOP_KEYS, "print_config", "trust")}
        | _of(Wandb, "wandb.")
        | _of(TensorBoard, "tensorboard.")
        | _of(MLflow, "mlflow."),
        "trainer": _of(Trainer),
        "data": {name: _of(getattr(zoo.data, name)) for name in DATA},
        "model": {name: _of(getattr(zoo.models, name)) for name in suggestions.models()},
        "model.optimizer": {name: _of(one) for name, one in suggestions.classes("model.optimizer").items()},
        "model.schedule": {name: _of(one) for name, one in suggestions.classes("model.schedule").items()},
    }
    return json.dumps(sections, indent=1, sort_keys=True) + "\n"


def _of(owner: type, prefix: str = "") -> dict[str, list[str]]:
    parameters = inspect.signature(owner, eval_str=owner.__module__.startswith("zoo.")).parameters
    return {prefix + name: _values(one.annotation) for name, one in parameters.items() if name != "params"}


def _values(annotation: Any) -> list[str]:
    """The values of a Literal or of a truth value, also within a union or an Annotated."""
    if annotation is bool:
        return ["true", "false"]
    if typing.get_origin(annotation) is typing.Literal:
        return [str(value) for value in typing.get_args(annotation)]
    return [value for inner in typing.get_args(annotation) for value in _values(inner)]


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
    print(FILE.relative_to(Path(__file__).parents[1]))
