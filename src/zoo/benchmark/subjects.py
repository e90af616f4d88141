"""What is measured: trained weights with all that a Record says of where they come from."""

import inspect
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo import runs
from zoo.arguments import readable
from zoo.catalog import NETWORKS
from zoo.data.base import ImageDataModule
from zoo.errors import InputError
from zoo.evaluation.recorder import weights_digest
from zoo.models.network import Network
from zoo.results.record import Record
from zoo.weights import load

# A Record has these of its training; of weights whose training nobody recorded they are nothing.
_UNTRAINED: dict[str, Any] = {"train_seconds": 0, "train_images": 0, "train_epochs": 0}


@dataclass(frozen=True)
class Subject:
    """One network with its trained weights.

    ``name`` is for the Record's file; ``config`` has data, model and trainer as a run's own; ``protocol`` is that of
    the network's model, by its stored name. ``timing`` and ``weights`` are those of the training's own Record.
    """

    name: str
    network: Network
    config: dict[str, Any]
    protocol: str
    timing: dict[str, Any]
    weights: dict[str, Any]

    @property
    def data(self) -> str:
        """What the images depend on, for comparison with other subjects."""
        return json.dumps(self.config["data"], sort_keys=True, default=str)

    def on(self, name: str | None, options: dict[str, Any]) -> "Subject":
        """The same with another data set, or other options of its data.

        Raises InputError where the data are not known, or do not have such an option.
        """
        given = self.config["data"].get("class_path", "")
        if name is None and not given:
            raise InputError(f"{self.name} does not say what data it is for: add --data and --data.root.")
        made = _data_class(name or given.rpartition(".")[2])
        kept = dict(self.config["data"].get("init_args", {})) if given.rpartition(".")[2] == made.__name__ else {}
        parameters = inspect.signature(made).parameters
        for key in options:
            if key not in parameters:
                raise InputError(f"{made.__name__} has no option {key!r}: leave out --data.{key}.")
        data = {"class_path": f"zoo.data.{made.__name__}", "init_args": kept | options}
        return replace(self, config=self.config | {"data": data})

    def data_module(self) -> ImageDataModule:
        """The data module of the config. Raises InputError for a value that it does not take."""
        described = self.config["data"]
        try:
            made: ImageDataModule = _data_class(described["class_path"].rpartition(".")[2])(**described["init_args"])
        except (TypeError, KeyError) as error:
            raise InputError(f"The data cannot be made with {described['init_args']} ({error}).") from error
        return made


def find(path: str) -> Subject:
    """The subject that a run folder or a checkpoint holds. Raises InputError where there is none."""
    network, checkpoint = load(path), runs.find_checkpoint(path)
    config_file = runs.config_of(checkpoint)
    config = _config(config_file) if config_file else {"data": {}, "model": {}, "trainer": {}}
    seed = config.get("seed_everything")
    base = checkpoint.absolute().parent.parent if config_file else checkpoint.absolute()
    stem = base.parent.name if config_file and base.parent.name else base.stem
    name = stem if seed is None else f"{stem}-seed{seed}"
    digest = weights_digest(network)
    record = _record(base / runs.RECORD, digest) if config_file else None
    return Subject(
        name=name,
        network=network,
        config=config,
        protocol=own_protocol(network),
        timing={k: v for k, v in record.timing.items() if k.startswith("train_")} if record else _UNTRAINED,
        weights=record.weights if record else {"sha256": digest},
    )


def own_protocol(network: Network) -> str:
    """The stored name of the protocol under which ``zoo test`` measures a network."""
    import zoo.models

    model = getattr(zoo.models, NETWORKS[network.name].model)
    protocol: str = model.protocol_of(network.variant)
    return protocol


def _config(path: Path) -> dict[str, Any]:
    import yaml

    config: dict[str, Any] = yaml.safe_load(readable(str(path)).read_text(encoding="utf-8"))
    if not all(isinstance(config.get(part), dict) for part in ("data", "model")):
        raise InputError(f"{path} is not the config of a run: it has no data or no model.")
    return config | {"trainer": config.get("trainer") or {}}


def _record(path: Path, digest: str) -> Record | None:
    """The run's Record where it was made with these weights."""
    record = Record.read(path) if path.is_file() else None
    return record if record and record.weights["sha256"] == digest else None


def _data_class(name: str) -> Any:
    from zoo import data
    from zoo.data_verbs import dataset_named

    return getattr(data, dataset_named(name))
