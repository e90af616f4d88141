"""A sweep's folder: what was asked for, a run folder for each member, and how those that are over ended.

``sweep.yaml`` holds the words of the grid and the names of the configs, which lie beside it as they were at the start.
``outcomes.json`` says of each member that ended how it did; ``logs/`` has what they printed.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from zoo import runs, yaml_text
from zoo.errors import InputError
from zoo.files import given_path, whole
from zoo.results.held_out import last_error
from zoo.results.json_file import read_json
from zoo.sweeps.grid import Grid, Member, read_grid


@dataclass(frozen=True)
class Outcome:
    """How a member ended: the exit status of its process, 0 for success, its time, and the reason of a failure."""

    status: int
    seconds: float
    reason: str = ""


@dataclass(frozen=True)
class Sweep:
    """A sweep in ``folder``: the configs that every member is made of, and the grid over them."""

    folder: Path
    configs: tuple[Path, ...]
    grid: Grid
    #: Images of the held-out slice.
    num_held_out: int

    def run_dir(self, member: Member) -> Path:
        """The run folder of a member."""
        return self.folder / member.name

    def log(self, member: Member) -> Path:
        """What a member printed."""
        return self.folder / "logs" / f"{member.name}.txt"

    def words(self, member: Member) -> list[str]:
        """The words after ``zoo fit`` that train a member, or go on with it."""
        configs = [word for config in self.configs for word in ("--config", str(config))]
        return [*configs, "--resume", str(self.run_dir(member)), "--test", "false", *member.words]

    def outcomes(self) -> dict[str, Outcome]:
        """How members ended, by name. Raises InputError where the file is not as it was written."""
        path = self.folder / runs.OUTCOMES
        if not path.exists():
            return {}
        try:
            return {name: Outcome(**values) for name, values in read_json(path, "sweep's outcomes").items()}
        except (TypeError, AttributeError) as error:
            raise InputError(f"{path} does not say how the runs of a sweep ended: move it away.") from error

    def keep(self, member: Member, outcome: Outcome) -> None:
        """Writes down how a member ended. Raises InputError where the disk refuses."""
        found = self.outcomes() | {member.name: outcome}
        path = self.folder / runs.OUTCOMES
        try:
            with whole(path, durable=True) as draft:
                content = {name: asdict(one) for name, one in found.items()}
                draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror}): make room, then go on.") from error

    def error(self, member: Member) -> float | None:
        """The member's error at its last validation, percent; None where it has none yet."""
        return last_error(self.run_dir(member))


def new_folder(config: Path, given: str | None) -> Path:
    """The folder for a new sweep, not yet made. Raises InputError where a sweep or a run is there already."""
    if given is None:
        name = f"sweep_{datetime.now().strftime('%Y-%m-%d_%H-%M-%S')}"
        return runs.unused(Path(runs.RUNS) / _name_of(config) / name)
    folder = given_path(given)
    if (folder / runs.SWEEP).exists():
        raise InputError(f"{folder} holds a sweep already: give another --run_dir, or --resume {folder} to go on.")
    runs.check_unused(folder)
    return folder


def _name_of(config: Path) -> str:
    """A config's name; that of a run stands for what the run was named after."""
    return config.absolute().parent.parent.name if config.name == runs.CONFIG else config.stem


def begin(folder: Path, configs: Sequence[Path], words: Sequence[str], num_held_out: int) -> Sweep:
    """Writes down what is asked for in ``folder``, which exists. Raises InputError where the disk refuses."""
    kept = [Path("configs") / f"{place}" / f"{_name_of(config)}.yaml" for place, config in enumerate(configs)]
    content = {"configs": [path.as_posix() for path in kept], "grid": [*words], "num_held_out": num_held_out}
    try:
        for config, path in zip(configs, kept, strict=True):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(config, folder / path)
        (folder / "logs").mkdir(exist_ok=True)
        with whole(folder / runs.SWEEP, durable=True) as draft:
            draft.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}): give another --run_dir.") from error
    return Sweep(folder, tuple(folder / path for path in kept), read_grid(words), num_held_out)


def open_sweep(given: str) -> Sweep:
    """The sweep in a folder. Raises InputError where there is none."""
    folder = given_path(given)
    path = folder / runs.SWEEP
    if not path.is_file():
        raise InputError(f"There is no sweep in {folder} to go on with: zoo sweep --config FILE starts one.")
    content: Any = yaml_text.read_file(path)
    try:
        configs, words, number = content["configs"], content["grid"], content["num_held_out"]
        known = [isinstance(each, str) for each in (*configs, *words)] + [isinstance(number, int)]
    except (KeyError, TypeError):
        known = [False]
    if not all(known) or not configs:
        raise InputError(f"{path} does not describe a sweep: start another one.")
    return Sweep(folder, tuple(folder / config for config in configs), read_grid(words), number)
