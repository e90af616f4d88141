"""What somebody may have meant by a key or a class that is not there."""

import difflib
import inspect
from collections.abc import Iterable
from types import ModuleType

import torch
from lightning.pytorch import Trainer

from zoo.catalog import DATA, NETWORKS
from zoo.training.arguments import TOP_KEYS
from zoo.training.loggers import MLflow, TensorBoard, Wandb

# What other programs, or other parts of this one, call an option.
USUAL = {
    "learning_rate": "lr", "epochs": "max_epochs", "steps": "max_steps", "gpus": "devices", "workers": "num_workers",
    "seed": "seed_everything", "output": "run_dir", "output_dir": "run_dir", "checkpoint": "ckpt_path",
    "pretrained": "init_from", "scheduler": "schedule", "lr_scheduler": "schedule", "held_out": "num_held_out",
    "classes": "num_classes", "nesterovs": "nesterov", "data_dir": "root", "data_path": "root", "wd": "weight_decay",
    "bs": "batch_size", "amp": "precision", "dataset": "data", "network": "model",
}  # fmt: skip
_WITH_CLASSES = ("model.optimizer", "model.schedule")
_LISTED = "zoo fit --help, --model.help CLASS and --data.help CLASS list the keys."


def models() -> list[str]:
    """The model classes, once each: one may train several networks."""
    return list(dict.fromkeys(entry.model for entry in NETWORKS.values()))


def unknown_key(key: str) -> str:
    """Of a key that the chosen classes do not take: the nearest that they do, or where the key belongs."""
    owner, _, name = key.replace("-", "_").rpartition(".")
    owner = _nearest_owner(owner.replace(".init_args", ""))
    known = _options()
    here = known.get(owner, {})
    if name in here and f"{owner}.{name}".lstrip(".") != key:
        return f"There is no key {key!r}: did you mean {_joined(owner, name)}?"
    if name in here:
        has = "has" if len(here[name]) == 1 else "have"
        return f"The chosen class has no key {key!r}: {_and(here[name])} {has} it."
    found = _meant(name, here)
    places = [_joined(owner, found)] if found else _elsewhere(name, known)
    hint = f"did you mean {' or '.join(places)}?" if places else _LISTED
    return f"There is no key {key!r}: {hint}"


def choices(path: str, given: str) -> str:
    """What a key takes, in words, after the one that is like ``given``."""
    name = given.rsplit(".", 1)[-1]
    if path in ("data", "model"):
        known = list(DATA) if path == "data" else models()
        networks = {key: entry.model for key, entry in NETWORKS.items()} if path == "model" else {}
        near = networks.get(name.lower()) or _near(name, {one.lower(): one for one in known})
        return f"did you mean {near}?" if near else f"it takes {', '.join(known)}."
    if path == "trainer":
        return "it takes keys such as max_epochs."
    near = _near(name, {one.lower(): one for one in classes(path)}, 0.6) if path in _WITH_CLASSES else None
    if near == given:
        # It is a class, and so is that of another package.
        return f"several classes are called so: write zoo.optim.{near}."
    return f"did you mean {near}?" if near else "it takes the import path of a class that fits."


def _joined(owner: str, name: str) -> str:
    return f"{owner}.{name}" if owner else name


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _nearest_owner(owner: str) -> str:
    """The section of a config that a misspelt one stands for."""
    first, *others = owner.split(".")
    near = difflib.get_close_matches(first, TOP_KEYS, n=1, cutoff=0.7) if first not in TOP_KEYS else []
    return ".".join([*(near or [first]), *others])


def _meant(name: str, names: Iterable[str]) -> str | None:
    """The one of ``names`` that is called so elsewhere, or nearly so."""
    usual = USUAL.get(name)
    return usual if usual in {*names} else _near(name, {one: one for one in names})


def _near(name: str, known: dict[str, str], cutoff: float = 0.7) -> str | None:
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=cutoff)
    return known[near[0]] if near else None


def _elsewhere(name: str, known: dict[str, dict[str, list[str]]]) -> list[str]:
    """The whole keys, of at most two sections, that end in this name, or in what it is usually called here."""
    for one in (USUAL.get(name), name):
        if places := [_joined(owner, one) for owner, names in known.items() if one in names and one]:
            return places[:2]
    for owner, names in known.items():
        if near := _near(name, {one: one for one in names}):
            return [_joined(owner, near)]
    return []


def _options() -> dict[str, dict[str, list[str]]]:
    """The options by section, each with the classes that have it."""
    import zoo.data
    import zoo.models

    sections = {
        "": {name: ["a run"] for name in ("config", *TOP_KEYS, "print_config", "trust")},
        "trainer": _of({"Trainer": Trainer}),
        "data": _of({name: getattr(zoo.data, name) for name in DATA}),
        "model": _of({name: getattr(zoo.models, name) for name in models()}),
        "wandb": _of({"Wandb": Wandb}),
        "tensorboard": _of({"TensorBoard": TensorBoard}),
        "mlflow": _of({"MLflow": MLflow}),
    }
    for path in _WITH_CLASSES:
        sections[path] = _of(classes(path))
    return sections


def _of(classes: dict[str, type]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, owner in classes.items():
        for option in inspect.signature(owner).parameters:
            found.setdefault(option, []).append(name)
    return found


def classes(path: str) -> dict[str, type]:
    """The classes that a configured optimizer or schedule may be, by name: torch's and the zoo's own."""
    import zoo.optim

    bases: tuple[type, ...] = (torch.optim.Optimizer,)
    theirs: ModuleType = torch.optim
    if path == "model.schedule":
        bases, theirs = (zoo.optim.Schedule, torch.optim.lr_scheduler.LRScheduler), torch.optim.lr_scheduler
    return {
        name: one
        for name, one in (vars(theirs) | vars(zoo.optim)).items()
        if isinstance(one, type) and issubclass(one, bases) and one not in bases and not name.startswith("_")
    }
