"""Which Records are runs of the same experiment: those that differ in nothing but chance and the machine."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from zoo.errors import InputError
from zoo.results.record import Record

# What a trainer's options say about the training itself; the others are about the machine and the screen.
_TRAINING = (
    "max_epochs", "min_epochs", "max_steps", "min_steps", "limit_train_batches", "accumulate_grad_batches",
    "gradient_clip_val", "gradient_clip_algorithm", "overfit_batches", "fast_dev_run", "precision",
)  # fmt: skip
# Lightning's callbacks that only watch: a run with one of them is the same experiment, with any other it is not.
_WATCHING = {
    "DeviceStatsMonitor", "LearningRateMonitor", "ModelCheckpoint", "ModelSummary", "OnExceptionCheckpoint",
    "RichModelSummary", "RichProgressBar", "ThroughputMonitor", "TQDMProgressBar",
}  # fmt: skip
# For Records from before classes declared it of each option, and closed with them: what makes no other experiment,
_UNDECLARED = {"root", "download", "num_workers", "val_labels", "cache_dir", "cache_gb", "seed", "wiring_seed"}
# and the options that came while they were written, with what every run before had done.
CAME_LATER: dict[str, dict[str, Any]] = {"zoo.models.LeNet5Model": {"num_curvature": 500}}


@dataclass(frozen=True)
class Experiment:
    """Runs of one experiment on the same test images, by seed; at least one."""

    runs: tuple[Record, ...]

    @property
    def record(self) -> Record:
        """The first run, for what all have in common."""
        return self.runs[0]

    @property
    def key(self) -> str:
        """A short digest of everything that the runs have in common."""
        return hashlib.sha256(_identity(self.record, Declared.by(self.runs)).encode()).hexdigest()[:12]

    @property
    def nets(self) -> int:
        """1 for a single network, more where the probabilities of several were averaged."""
        return len(self.record.weights.get("members", [""]))

    def ignored(self, class_path: str) -> set[str]:
        """The options of a class that make no other experiment, by what the runs' Records declare."""
        return Declared.by(self.runs).ignored_of(class_path, self.record.options or {})

    def errors(self, measure: str) -> list[float]:
        """``top1_error`` or ``top5_error`` of each run, percent."""
        return [float(run.metrics[measure] or 0) for run in self.runs]

    def mean(self, measure: str) -> float:
        """The mean over runs, percent."""
        return mean(self.errors(measure))

    def spread(self, measure: str) -> float | None:
        """The standard deviation over runs, in points; None of a single run."""
        return stdev(self.errors(measure)) if len(self.runs) > 1 else None

    def option(self, name: str) -> Any:
        """An option of the data or the model, as ``transform`` or ``hidden``; None where neither has it."""
        for part in ("data", "model"):
            options = self.record.config[part].get("init_args", {})
            if name in options:
                return options[name]
        return None

    @property
    def training(self) -> str:
        """What tells this training from another of the same network: rule, preprocessing, duration, images."""
        optimizer, trainer = self.option("optimizer"), self.record.config["trainer"]
        rule = optimizer["class_path"].split(".")[-1] if isinstance(optimizer, dict) else None
        # A trial ends after so many batches, whatever else is said.
        steps, epochs = trainer.get("fast_dev_run") or trainer.get("max_steps", -1), trainer.get("max_epochs")
        length = (
            f"{int(steps)} step{'s' if steps != 1 else ''}"
            if steps and steps > 0
            else f"{epochs} epoch{'s' if epochs != 1 else ''}"
            if epochs and epochs > 0
            else None
        )
        start = "from other weights" if "init_from_sha256" in self.record.weights else None
        shares = ", then ".join(f"{n:g}" for n in _normalized_in_shares(self.record, self.record.config["data"]))
        normalized = f"batch normalisation over {shares} images" if shares else None
        held_out = self.option("num_held_out")
        fewer = f"{held_out:,} images held out" if held_out else None
        return ", ".join(part for part in (rule, self.option("transform"), length, fewer, normalized, start) if part)


@dataclass(frozen=True)
class Declared:
    """What Records say of the options of the classes in their configs, by class: so none has to be imported.

    ``defaults`` are those that each option came with, ``ignored`` the options that make no other experiment.
    """

    defaults: dict[str, dict[str, Any]]
    ignored: dict[str, set[str]]

    @classmethod
    def by(cls, records: Iterable[Record]) -> "Declared":
        """All of them together: an older Record knows nothing of an option that a newer one declares."""
        defaults, ignored = {**CAME_LATER}, defaultdict[str, set[str]](set)
        for record in sorted(records, key=lambda record: record.created):
            for path, options in (record.options or {}).items():
                defaults[path] = options["defaults"] | defaults.get(path, {})
                ignored[path] |= {*options["changes_no_number"], *options["chance"]}
        return cls(defaults, ignored)

    def ignored_of(self, path: str, own: Container[str]) -> set[str]:
        """The options of the class ``path`` that make no other experiment; ``own`` are those a Record declares."""
        return self.ignored.get(path, set()) | (set() if path in own else _UNDECLARED)

    def settled(self, value: Any, own: Container[str], ignored: Container[str] = _UNDECLARED) -> Any:
        """A config's part with defaults filled in and without what is ignored; ``own`` are the classes it declares."""
        if not isinstance(value, dict):
            return value
        if path := value.get("class_path"):
            ignored = self.ignored_of(path, own)
            if path in self.defaults:
                value = value | {"init_args": self.defaults[path] | value.get("init_args", {})}
        return {key: self.settled(content, own, ignored) for key, content in value.items() if key not in ignored}


def read_records(folder: Path) -> list[Record]:
    """The Records in ``folder`` and below, in the order of their paths.

    Those of runs are called record.json; a folder that holds other JSON files directly, as benchmarks/results does,
    holds only Records. Raises InputError naming the file that is none.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder} to read Records from: give another --records DIR.")
    files = {*folder.glob("*.json"), *folder.rglob("record.json")}
    return [Record.read(path) for path in sorted(files)]


def experiments(records: Iterable[Record]) -> list[Experiment]:
    """Records grouped; of those with the same weights, which are one run measured twice, the oldest counts."""
    records = sorted(records, key=lambda record: record.created)
    declared, groups = Declared.by(records), dict[str, dict[str, Record]]()
    for record in records:
        groups.setdefault(_identity(record, declared), {}).setdefault(record.weights["sha256"], record)
    return [
        Experiment(tuple(sorted(runs.values(), key=lambda run: (run.seed is None, run.seed or 0, run.created))))
        for _, runs in sorted(groups.items())
    ]


def trainings(found: Sequence[Experiment]) -> list[str]:
    """Each experiment's ``training``, and with it the options in which those differ that it does not tell apart.

    An option goes by the end of its path: ``lr 0.1`` for ``model.init_args.optimizer.init_args.lr``.
    """
    declared = Declared.by(run for experiment in found for run in experiment.runs)
    alike = defaultdict[tuple[Any, ...], list[int]](list)
    for place, experiment in enumerate(found):
        record = experiment.record
        alike[record.network, record.variant, record.dataset["name"], experiment.training].append(place)
    words = [experiment.training for experiment in found]
    for places in alike.values():
        options = [dict(_flat(_settings(found[place].record, declared))) for place in places]
        paths = sorted({path for flat in options for path in flat})
        differing = [path for path in paths if len({json.dumps(flat.get(path)) for flat in options}) > 1]
        for place, flat in zip(places, options, strict=True):
            told = (f"{path[-1]} {_value(flat[path])}" for path in differing if flat.get(path) is not None)
            words[place] = ", ".join(part for part in (words[place], *told) if part)
    return words


def _flat(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, dict):
        yield path, value
        return
    for key, content in value.items():
        # A class is told by its name, which stands before its options, not within them.
        inner = path if key in ("init_args", "class_path") else (*path, key)
        yield from _flat(content, inner)


def _value(value: Any) -> str:
    return str(value).split(".")[-1] if isinstance(value, str) else json.dumps(value)


def _settings(record: Record, declared: Declared) -> dict[str, Any]:
    """What was configured that can change a number, with the options that were left at their defaults."""
    trainer, own = record.config["trainer"], record.options or {}
    settings = {
        "data": declared.settled(record.config["data"], own),
        "model": declared.settled(record.config["model"], own),
        "trainer": {key: trainer[key] for key in _TRAINING if trainer.get(key) is not None},
    }
    if callbacks := _callbacks(trainer):
        settings["trainer"]["callbacks"] = callbacks
    return settings


def _identity(record: Record, declared: Declared) -> str:
    """What makes two Records the same experiment, as canonical JSON."""
    common = {
        "network": record.network,
        "variant": record.variant,
        "parameters": record.parameters,
        # What the fingerprint was taken of says nothing that it does not, and older Records do not say it.
        "dataset": {key: value for key, value in record.dataset.items() if key != "fingerprint_of"},
        "protocol": record.protocol,
        "n": record.n,
        "from_weights": "init_from_sha256" in record.weights,
        **_settings(record, declared),
    }
    if record.own:
        # The same words of a config may mean other code.
        common["own"] = record.own
    if "members" in record.weights:
        common["nets"] = len(record.weights["members"])
    if shares := _normalized_in_shares(record, common["data"]):
        common["batch_norm_images"] = shares
    return json.dumps(common, sort_keys=True)


def _normalized_in_shares(record: Record, data: Any) -> list[float]:
    """How many images batch normalisation saw, where not simply those of a whole step; empty where it did.

    A Record that does not say is of a network without it, or older, and then taken for one of a single process.
    """
    seen = record.batch_norm_images or []
    options = data.get("init_args", {}) if isinstance(data, dict) else {}
    return [] if seen == [options.get("batch_size")] else seen


def _callbacks(trainer: dict[str, Any]) -> list[Any]:
    """The config's callbacks that can change a number, as averaging the weights does."""
    callbacks = trainer.get("callbacks") or []
    callbacks = callbacks if isinstance(callbacks, list) else [callbacks]
    return [
        callback
        for callback in callbacks
        if not (isinstance(callback, dict) and callback.get("class_path", "").split(".")[-1] in _WATCHING)
    ]
