"""Weights that a run of this package left: a run folder, or one of its checkpoints."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from zoo import runs, yaml_text
from zoo.catalog import NETWORKS
from zoo.data.transforms import LessMeanImage
from zoo.errors import InputError
from zoo.evaluation.classes import names_of_outputs
from zoo.models import protocol_of
from zoo.weights.sources.checkpoint import (
    check_recorded,
    class_names_of,
    description_of,
    load_checkpoint,
    record_beside,
    state_of,
)
from zoo.weights.trained import DataUse, Steps, Weights, check_state


class RunWeights(Weights):
    """A checkpoint with what lies around it: the run's config, and its Record where the run was measured."""

    path: Path

    def __init__(self, path: Path) -> None:
        self.path = runs.find_checkpoint(str(path))
        self.name = str(path)
        self._checkpoint = load_checkpoint(self.path)
        description = description_of(self._checkpoint, self.path)
        if description["name"] not in NETWORKS and "." not in description["name"]:
            raise InputError(f"{self.path} holds {description['name']!r}, which is no network of this zoo.")
        config = runs.config_of(self.path)
        self.config = _read_config(config) if config else None
        self.record = record_beside(self.path)
        self._described: dict[str, Any] = {
            "name": self.name,
            "network": description["name"],
            "variant": description["variant"],
            "options": dict(description["options"]),
        }

    @property
    def data(self) -> DataUse:  # type: ignore[override]
        """From the run's own config. Raises InputError for a checkpoint that was taken out of its run folder."""
        described = self._config()["data"]
        class_name = str(described["class_path"]).rpartition(".")[2]
        name, variant = self._described["network"], self._described["variant"]
        protocol = self.record.protocol if self.record else protocol_of(name, variant)
        return DataUse(class_name, described.get("init_args", {}).get("transform"), protocol)

    @property
    def meta(self) -> dict[str, Any]:  # type: ignore[override]
        """What can be said of a run without its data: network, class names, seed, and its Record."""
        meta = {**self._described, "config": self.config, "record": None, "path": str(self.path)}
        if self.record:
            record = self.record.content()
            scores = {"protocol": record["protocol"], "n": record["n"]} | record["metrics"]
            meta |= {"record": record, "scores": scores, "commit": (record["git"] or {}).get("commit")}
            meta |= {key: record[key] for key in ("parameters", "seed")}
        if self.config:
            meta["class_names"] = self._class_names()
        return meta

    @cached_property
    def class_names(self) -> list[str]:
        """One for each output. Raises InputError for a checkpoint without its run folder that does not say them."""
        known = class_names_of(self._checkpoint, self.path) if self.config is None else []
        if not known:
            self._config()
        return known or self._class_names()

    def state(self) -> dict[str, Tensor]:
        """The network's tensors of the checkpoint; those of its Record, where there is one."""
        return self._state

    @cached_property
    def _state(self) -> dict[str, Tensor]:
        state = state_of(self._checkpoint, self.path)
        if self.record:
            check_recorded(self.path, state, self.bare_network(), self.record)
        return state

    def verify(self) -> None:
        """Raises InputError unless the checkpoint fits its network and, where there is a Record, has its weights."""
        check_state(self.state(), self.bare_network(), str(self.path))

    def steps(self, root: str | None = None) -> Steps:
        """The preprocessing; a mean image is taken anew from the run's training images, in ``root`` if given."""
        steps = super().steps()
        if not isinstance(steps, LessMeanImage):
            return steps
        chosen = {key: value for key, value in self._config()["data"]["init_args"].items() if key != "download"}
        module: Any = self._module(**chosen | ({"root": root} if root is not None else {}))
        module.setup()
        fitted: Steps = module.splits["test"].transform
        return fitted

    def root(self) -> str | None:
        """The folder that the run read its data from, where they are of a kind that has one."""
        found: str | None = self._config()["data"]["init_args"].get("root")
        return found

    def _config(self) -> dict[str, Any]:
        if self.config is None:
            raise InputError(
                f"{self.path} lies outside its run folder, so that its data and preprocessing are not known:"
                f" put it beside its {runs.CONFIG}, in checkpoints/."
            )
        return self.config

    def _class_names(self) -> list[str]:
        """One for each output: those of the training's data, wherever they were written down."""
        count = self._described["options"].get("num_classes", 0)
        if not isinstance(count, int):
            raise InputError(
                f"{self.path} holds a network with {str(count)[:20]} classes: this zoo cannot have written it."
            )
        if self.data.class_name == "ImageNet" and count == 1000:
            from zoo.weights.sources.torchvision import imagenet_names

            return imagenet_names()
        names = class_names_of(self._checkpoint, self.path)
        if not names and self.record:
            names = self.record.metrics.get("per_class", {}).get("names", [])
        # What older runs wrote down nowhere, the class of their data may know without the data.
        names = names or getattr(self._module(), "class_names", [])
        return names_of_outputs(names if len(names) <= max(count, 1) else [], count)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        content = yaml_text.read_file(path)
    except InputError as error:
        raise InputError(f"{path} is not the config of a run: it is not valid YAML.") from error
    for key in ("data", "model"):
        described = content.get(key) if isinstance(content, dict) else None
        if not isinstance(described, dict) or not isinstance(described.get("class_path"), str):
            raise InputError(f"{path} is not the config of a run: it lacks {key}.class_path.")
        if not isinstance(described.setdefault("init_args", {}), dict):
            raise InputError(f"{path} is not the config of a run: {key}.init_args are no options.")
    try:
        json.dumps(content, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} is not the config of a run: a Record could not hold it ({error}).") from error
    return dict(content)
