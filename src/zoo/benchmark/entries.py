"""What is measured: trained weights with all that a Record says of where they come from."""

import inspect
import json
from dataclasses import dataclass, replace
from typing import Any

from zoo import runs
from zoo.data.base import ImageDataModule
from zoo.data.lookup import check_transform, dataset_named
from zoo.errors import InputError
from zoo.evaluation.digest import weights_digest
from zoo.files import is_utf8
from zoo.models import protocol_of
from zoo.models.network import Network
from zoo.weights.find import find as find_weights
from zoo.weights.sources.run import RunWeights
from zoo.weights.trained import Weights

# A Record has these of its training; of weights whose training nobody recorded they are nothing.
_UNTRAINED: dict[str, Any] = {"train_seconds": 0, "train_images": 0, "train_epochs": 0}


@dataclass(frozen=True)
class BenchmarkEntry:
    """One network with its trained weights.

    ``name`` is for the Record's file; ``config`` has data, model and trainer as a run's own; ``protocol`` is that of
    the network's model, by its stored name; ``sha256`` is the digest of the weights. ``record`` is the Record of the
    training as plain values, empty where there is none. ``bound`` is whether data of the weights' own class take the
    preprocessing that came with the weights.
    """

    name: str
    weights: Weights
    network: Network
    config: dict[str, Any]
    protocol: str
    sha256: str
    record: dict[str, Any]
    bound: bool

    @property
    def data(self) -> str:
        """What the images depend on, for comparison with other entries."""
        return json.dumps(self.config["data"], sort_keys=True, default=str) + (self.name if self.bound else "")

    @property
    def timing(self) -> dict[str, Any]:
        """What the training took."""
        recorded = {key: value for key, value in self.record.get("timing", {}).items() if key.startswith("train_")}
        return recorded or _UNTRAINED

    @property
    def origin(self) -> dict[str, Any]:
        """The part ``weights`` of a Record: the digest, and what training started from where that is known."""
        start = {key: value for key, value in self.record.get("weights", {}).items() if key.startswith("init_from")}
        return {"sha256": self.sha256} | start

    def on(self, name: str | None, options: dict[str, Any]) -> "BenchmarkEntry":
        """The same with another data set, or other options of its data.

        Raises InputError where the data are not known, or do not have such an option.
        """
        own = self.config["data"].get("class_path", "").rpartition(".")[2]
        if name is None and not own:
            raise InputError(f"{self.name} does not say what data it is for: add --data and --data.root.")
        chosen = dataset_named(name or own)
        parameters = inspect.signature(_data_class(chosen)).parameters
        for key, value in options.items():
            if key not in parameters:
                raise InputError(f"{chosen} has no option {key!r}: leave out --data.{key}.")
            if not is_utf8(str(value)):
                raise InputError(f"--data.{key} {value!r} is not UTF-8, as a Record is: name a link to it.")
        if "transform" in options:
            check_transform(chosen, options["transform"])
        kept = dict(self.config["data"].get("init_args", {})) if chosen == own else {}
        data = {"class_path": f"zoo.data.{chosen}", "init_args": kept | options}
        same = chosen == own and "transform" not in options
        return replace(self, config=self.config | {"data": data}, bound=self.bound and same)

    def data_module(self) -> ImageDataModule:
        """The data module of the config. Raises InputError for a value that it does not take."""
        described = self.config["data"]
        options = described["init_args"]
        try:
            made: Any = _data_class(described["class_path"].rpartition(".")[2])(**options)
        except (TypeError, KeyError, ValueError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else error
            raise InputError(f"{described['class_path']} cannot be made with {options}: {reason}.") from error
        if self.bound:
            made.transform = self.weights.steps()
        return made

    def check_data(self, num_classes: int, channels: int) -> None:
        """Raises InputError where labels or channels are not those of the network's outputs and inputs.

        A run of one's own may have more outputs than its data have classes.
        """
        if channels != self.network.input_shape[0]:
            raise InputError(
                f"The images have {channels} channels, but {self.name} takes {self.network.input_shape[0]}: give the"
                " data that it was trained on, or other weights."
            )
        outputs = self.network.num_classes
        if num_classes > outputs or (num_classes < outputs and not isinstance(self.weights, RunWeights)):
            raise InputError(
                f"The data have {num_classes} classes, but {self.name} has {outputs} outputs: give the data that it was"
                " trained on, or other weights."
            )


def find(path: str) -> BenchmarkEntry:
    """The entry of a run folder, a file, or a name of weights. Raises InputError where there is none."""
    weights = find_weights(path)
    config = weights.config or _config_of(weights)
    network = weights.network().eval()
    return BenchmarkEntry(
        name=_file_name(weights, config),
        weights=weights,
        network=network,
        config=config | {"trainer": config.get("trainer") or {}},
        protocol=protocol_of(network.name, network.variant),
        sha256=weights_digest(network),
        record=weights.meta.get("record") or {},
        # A run's config says all; what is shipped or foreign carries its own numbers.
        bound=not isinstance(weights, RunWeights),
    )


def _config_of(weights: Weights) -> dict[str, Any]:
    """As much of a run's config as can be said of weights without one."""
    meta = weights.meta
    model = {"init_args": {"variant": meta["variant"]} | meta["options"]}
    if isinstance(weights, RunWeights):
        return {"data": {}, "model": model}
    options = {"transform": weights.data.transform} if weights.data.transform else {}
    return {"data": {"class_path": f"zoo.data.{weights.data.class_name}", "init_args": options}, "model": model}


def _file_name(weights: Weights, config: dict[str, Any]) -> str:
    """Short and without slashes: of a run its config's name and seed, as in ``lenet5_digits-seed0``."""
    if not isinstance(weights, RunWeights):
        return weights.name.strip("./").replace("/", "-").removesuffix(".caffemodel")
    if weights.config is None:
        return weights.path.stem
    folder = weights.path.absolute().parent.parent
    stem = folder.parent.name if folder.parents[1].name == runs.RUNS else folder.name
    seed = config.get("seed_everything")
    return stem if seed is None else f"{stem}-seed{seed}"


def _data_class(name: str) -> Any:
    import zoo.data

    return getattr(zoo.data, name)
