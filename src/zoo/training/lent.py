"""Configs that come with somebody's results: which classes they may name. Told before anything of theirs is imported.

What the user wrote may name any class. The config of a run folder or of a Record may be a stranger's, and whoever
measures or repeats a result must not run a stranger's code by that.
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from zoo.errors import InputError

# What belongs to one call and not to the experiment: no saved config has it, and a lent one must not.
OF_THE_CALL = ("config", "run_dir", "ckpt_path", "predictions", "resume", "trust")
# Options of zoo's models that take a class: a string in its place is a path to import, or a file with one.
_TAKE_CLASSES = ("network", "optimizer", "schedule")
_OWN = re.compile(r"zoo\.(data|models|optim)(\.[a-z]\w*)*\.[A-Z]\w*")
_TORCH = re.compile(r"torch\.optim\.(lr_scheduler\.)?[A-Z]\w*")
# Those of Lightning's that call nothing they are given and write nowhere but where dirpath or save_dir says.
_LIGHTNING = {
    "callbacks": {
        "DeviceStatsMonitor", "EarlyStopping", "EMAWeightAveraging", "GradientAccumulationScheduler",
        "LearningRateMonitor", "ModelCheckpoint", "ModelSummary", "OnExceptionCheckpoint", "RichModelSummary",
        "RichProgressBar", "StochasticWeightAveraging", "Timer", "TQDMProgressBar", "WeightAveraging",
    },
    "cli": {"ReduceLROnPlateau"},
    "loggers": {"CSVLogger", "TensorBoardLogger"},
    "strategies": {"DDPStrategy", "FSDPStrategy", "SingleDeviceStrategy"},
}  # fmt: skip
_FOLDERS = ("dirpath", "save_dir", "root_dir")
# Options of a run that name files of the user's own, which nothing executes.
_PATHS = ("data.root", "data.cache_dir", "init_from")
# Words, numbers and patterns for names of files; neither a path to import, which has a dot before a letter, nor YAML.
_PLAIN = re.compile(r"([\w\-/{}:=+,%#]|\.(?=\d))*")
_KEY = re.compile(r"[A-Za-z]\w*")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_WHOSE = (
    "zoo's own data, models and optimizers, torch.optim's, and Lightning's harmless callbacks, loggers and strategies"
)


class _Fault(NamedTuple):
    """What a lent config may not say, and the class to trust that would allow it, where one would."""

    what: str
    trust: str | None = None


def check_lent(content: Any, origin: Path, trusted: Collection[str] = (), folder: Path | None = None) -> None:
    """Raises InputError at the first thing in the config ``content`` of ``origin`` that could run or write anything.

    ``trusted`` are modules and classes that the user typed. ``folder`` is the run folder, in which it may write.
    """
    for module in trusted:
        if not _MODULE.fullmatch(module):
            raise InputError(f"--trust takes the name of a module or class, such as mymodels, not {module!r}.")
    fault = next(_Lent(folder, trusted).faults(content), None)
    if fault is None:
        return
    way = f"read it, then add --trust {fault.trust}" if fault.trust else "read it, then give it by --config yourself"
    raise InputError(
        f"{origin} came with results and {fault.what}, but such a config may use only {_WHOSE}: {way} if you trust it."
    )


def needed_trust(content: Any, folder: Path) -> list[str]:
    """What has to be trusted for a run with this config to go on from its folder alone."""
    found = [fault.trust for fault in _Lent(folder, ()).faults(content)]
    return list(dict.fromkeys(trust for trust in found if trust))


_OfString = Callable[[str, str], Iterator[_Fault]]


class _Lent:
    def __init__(self, folder: Path | None, trusted: Collection[str]) -> None:
        self.folder, self.trusted = folder, trusted

    def faults(self, content: Any) -> Iterator[_Fault]:
        """All that the config may not say, in its order."""
        if not isinstance(content, dict):
            yield _Fault("holds no keys")
            return
        for key, value in content.items():
            if key in OF_THE_CALL:
                yield _Fault(f"sets {key}")
            elif key in ("data", "model"):
                # Anything else is the name of a class, or of a file that names one.
                if not (
                    isinstance(value, dict) and set(value) <= {"class_path", "init_args"} and "class_path" in value
                ):
                    yield _Fault(f"has no class_path for its {key}")
                else:
                    yield from self._class(value, key)
            elif key in ("trainer", "wandb", "tensorboard", "mlflow") and not isinstance(value, dict | None):
                yield _Fault(f"gives {key} {value!r}")
            elif key == "trainer" and (value or {}).get("default_root_dir") is not None:
                yield _Fault(f"writes to {value['default_root_dir']!r} (trainer.default_root_dir)")
            elif key == "trainer":
                yield from self._strange(value, key)
            else:
                yield from self._keys(value, str(key))
                # The parser would import what it is to refuse.
                yield from self._nested(value, str(key))

    def _class(self, described: dict[Any, Any], place: str) -> Iterator[_Fault]:
        path, options = described.get("class_path"), described.get("init_args")
        if not isinstance(path, str) or not _MODULE.fullmatch(path) or set(described) - {"class_path", "init_args"}:
            yield _Fault(f"has a class in {place} that is not given by class_path and init_args")
            return
        if self._is_trusted(path):
            # What is trusted may take a class, which is then imported from a string.
            yield from self._nested(options, place, self._importable)
        elif _OWN.fullmatch(path):
            for name in _TAKE_CLASSES:
                if isinstance(options, dict) and not isinstance(options.get(name), dict | None):
                    yield _Fault(f"has {options[name]!r} for {place}.{name}")
            yield from self._nested(options, place)
        elif _TORCH.fullmatch(path) or _is_harmless(path):
            yield from self._strange(options, place, path)
        else:
            yield _Fault(f"names {path}", path.rpartition(".")[0] or path)
            yield from self._nested(options, place)

    def _nested(self, value: Any, place: str, of_string: _OfString | None = None) -> Iterator[_Fault]:
        """All classes in options, and what ``of_string`` finds in their strings; by itself strings stay strings."""
        if isinstance(value, list):
            for each in value:
                yield from self._nested(each, place, of_string)
        elif isinstance(value, str) and of_string:
            yield from of_string(value, place)
        elif isinstance(value, dict):
            if _describes_class(value):
                yield from self._class(value, place)
                return
            yield from self._keys(value, place)
            for key, each in value.items():
                yield from self._nested(each, f"{place}.{key}", of_string)

    def _strange(self, value: Any, place: str, path: str | None = None) -> Iterator[_Fault]:
        """In options of the Trainer and of foreign classes: a string may be taken for code, a file or a folder."""

        def of_string(word: str, where: str) -> Iterator[_Fault]:
            if where.rpartition(".")[2] in _FOLDERS:
                if not self._is_inside(word):
                    yield _Fault(f"writes to {word!r} ({where}), which is outside its run folder", path)
            elif not _PLAIN.fullmatch(word) or os.path.isabs(word) or self._is_file(word):
                yield _Fault(f"has {word!r} for {where}", path)

        return self._nested(value, place, of_string)

    def _is_trusted(self, path: str) -> bool:
        return any(f"{path}.".startswith(f"{module}.") for module in self.trusted)

    def _importable(self, word: str, place: str) -> Iterator[_Fault]:
        if "." in word and _MODULE.fullmatch(word) and not self._is_trusted(word):
            yield _Fault(f"has {word!r} for {place}", word)

    def _keys(self, value: Any, place: str) -> Iterator[_Fault]:
        """The parser has a meaning for keys with dots, signs and underscores at their head."""
        for key in value if isinstance(value, dict) else ():
            if not isinstance(key, int) and not _KEY.fullmatch(str(key)):
                yield _Fault(f"has the key {key!r} in {place}")

    def _is_inside(self, folder: str) -> bool:
        return self.folder is not None and Path(folder).resolve().is_relative_to(self.folder.resolve())

    def _is_file(self, word: str) -> bool:
        """Whether the parser could take a word for a file with more of the config."""
        return any((base / word).is_file() for base in (Path(), self.folder or Path()))


def _describes_class(value: dict[Any, Any]) -> bool:
    return not {"class_path", "init_args", "dict_kwargs"}.isdisjoint(value)


def _is_harmless(path: str) -> bool:
    package, _, rest = path.partition("lightning.pytorch.")
    room, _, name = rest.partition(".")
    return not package and name in _LIGHTNING.get(room, ())


def check_lent_values(values: Iterable[tuple[str, str]], origin: Path, trusted: Collection[str] = ()) -> None:
    """Raises InputError at the first of the options with values in ``origin`` that could run anything, as above."""
    for option, value in values:
        allowed = _PLAIN.fullmatch(value) or _OWN.fullmatch(value) or _TORCH.fullmatch(value) or _is_harmless(value)
        of_folder = option in _PATHS and not _MODULE.fullmatch(value)
        if allowed or of_folder or any(f"{value}.".startswith(f"{module}.") for module in trusted):
            continue
        module = value.rpartition(".")[0] if _MODULE.fullmatch(value) else None
        way = f"add --trust {module}" if module else "start another sweep with it"
        raise InputError(
            f"{origin} came with results and has {value!r} for {option}, but such a sweep may use only {_WHOSE}: read"
            f" it, then {way} if you trust it."
        )
