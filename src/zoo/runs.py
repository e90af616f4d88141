"""Run folders: where a run writes, and how a run is found again.

A folder ``runs/<config>/<time>`` holds config.yaml, metrics.csv, checkpoints/last.ckpt and record.json.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from zoo import yaml_text
from zoo.errors import InputError
from zoo.files import alone, given_path, keep_as, whole

RUNS = "runs"
CONFIG = "config.yaml"
CHECKPOINT = Path("checkpoints") / "last.ckpt"
RECORD = "record.json"
PREDICTIONS = "predictions.csv"
LOCK = ".lock"
# Of a sweep, whose members are the runs in its folder.
SWEEP = "sweep.yaml"
OUTCOMES = "outcomes.json"

# Tells the processes that Lightning starts for the other devices where the first one writes.
_SHARED = "ZOO_RUN_DIR"
# What torchrun, SLURM and others say of this process and its companions, as numbers.
_OF_LAUNCHERS = (
    "RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "SLURM_NTASKS", "SLURM_PROCID",
    "SLURM_LOCALID", "SLURM_NODEID", "JSM_NAMESPACE_RANK",
)  # fmt: skip

# What zoo and the loggers of its extras write into the folder of a run, and zoo sweep into its own.
_OF_RUN = re.compile(
    r"config(\.\d+)?\.yaml|metrics\.csv|checkpoints|record\.json|predictions\.\w+|\.lock|\..*\.part|wandb|tensorboard"
    r"|mlruns|mlflow\.db|\w*-?profile\w*\.txt"
)
_OF_SWEEP = re.compile(r"sweep\.yaml|outcomes\.json|configs|logs|\.lock|\..*\.part")


def new_run_dir(config_name: str, given: str | None) -> Path:
    """The folder for a new run, not yet made: ``given``, or ``runs/<config_name>/<time>``.

    Every process of one run gets the same answer. Raises InputError where ``given`` holds a run already, or where
    processes were started from outside (torchrun, SLURM) and could not agree on a time.
    """
    if "LOCAL_RANK" in os.environ and _SHARED in os.environ:
        return Path(os.environ[_SHARED])
    if given is not None:
        folder = given_path(given)
        if not _joins_a_run():
            check_unused(folder)
    elif _joins_a_run():
        raise InputError("Several processes started from outside need one folder for the run: add --run_dir DIR.")
    else:
        folder = unused(Path(RUNS) / config_name / datetime.now().strftime("%Y-%m-%d_%H-%M-%S"))
    os.environ[_SHARED] = str(folder)
    return folder


def resumed_run_dir(given: str) -> Path:
    """The folder of the run to go on with, or to start where it has none yet, told to the other processes.

    Raises InputError where the run there is over.
    """
    folder = given_path(given)
    if "LOCAL_RANK" not in os.environ:
        check_not_over(folder)
    os.environ[_SHARED] = str(folder)
    return folder


def name_of(folder: Path) -> str:
    """What a run is called among others: the end of its folder's path, ``lenet5_digits/2026-01-31_12-00-00``."""
    return "/".join(folder.absolute().parts[-2:])


def check_unused(folder: Path) -> None:
    """Raises InputError where ``folder`` holds a run."""
    if (folder / CONFIG).exists():
        raise InputError(
            f"{folder} holds a run already: give another --run_dir, none for a fresh folder, or --resume {folder}"
            " to go on with it."
        )


def check_not_over(folder: Path) -> None:
    """Raises InputError where the run in ``folder`` is over."""
    if (folder / RECORD).exists():
        raise InputError(
            f"The run in {folder} is over and has its Record: to train on from it, start another one with"
            f" --ckpt_path {folder}."
        )


@contextmanager
def alone_in(folder: Path) -> Iterator[bool]:
    """Makes ``folder`` and keeps other processes out of it until the block ends or this process dies.

    Gives whether the folder is new. Raises InputError where another process is at work in it, or the disk refuses.
    """
    with ExitStack() as stack:
        missing: list[Path] = []
        try:
            missing += (path for path in (folder, *folder.parents) if not path.exists())
            is_new = folder in missing
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(alone(folder / LOCK, wait=False))
            # What a killed process was writing is of no use to anybody.
            for draft in (*folder.glob(".*.part"), *(folder / CHECKPOINT).parent.glob(".*.part")):
                draft.unlink()
        except BlockingIOError as error:
            raise InputError(
                f"Another process is at work in {folder}: wait until it is over, or give another --run_dir."
            ) from error
        except OSError as error:
            for path in missing:
                with suppress(OSError):
                    path.rmdir()
            raise InputError(f"{folder} cannot be written ({error.strerror}): give another --run_dir.") from error
        yield is_new


def in_progress(folder: Path) -> bool:
    """Whether a process is at work in ``folder``; where the system has no locks, nobody knows of one."""
    path = folder / LOCK
    if not path.exists():
        return False
    try:
        with alone(path, wait=False):
            return False
    except OSError as error:
        return isinstance(error, BlockingIOError)


def last_checkpoint(folder: Path) -> Path | None:
    """The checkpoint that the run in ``folder`` goes on from, None where it has none yet.

    Raises InputError where something that is no file has its name.
    """
    last = folder / CHECKPOINT
    if last.is_file():
        return last
    for path in (last.parent, last):
        if os.path.lexists(path) and not (path.is_dir() and path != last):
            raise InputError(
                f"{path} is in the place of the checkpoint to go on from and holds none: move it away to start over."
            )
    return None


def find_checkpoint(path: str) -> Path:
    """The checkpoint that ``path`` means: a file, or a run folder's last one. Raises InputError where there is none."""
    given = given_path(path)
    found = given / CHECKPOINT if given.is_dir() else given
    if not found.is_file():
        raise InputError(f"No checkpoint at {found}: give a .ckpt file, or a run folder that has {CHECKPOINT}.")
    return found


def config_of(checkpoint: Path) -> Path | None:
    """The config.yaml of the run that wrote ``checkpoint``, where it still lies beside it."""
    config = checkpoint.absolute().parent.parent / CONFIG
    return config if config.is_file() else None


def keep_config(folder: Path, text: str) -> None:
    """Writes config.yaml; where another one is there, of an earlier part of the run, it stays as config.1.yaml, ...

    Raises InputError where the disk refuses; a config.yaml that was there is then still there.
    """
    config = folder / CONFIG
    if config.exists() and not differences(config, text):
        return
    try:
        with whole(config, durable=True) as draft:
            draft.write_text(text, encoding="utf-8")
            if config.exists():
                number = 1 + len(list(folder.glob("config.*.yaml")))
                keep_as(config, config.with_name(f"config.{number}.yaml"))
    except OSError as error:
        raise InputError(
            f"{config} cannot be written ({error.strerror}): make room, or give another --run_dir."
        ) from error


def differences(config: Path, text: str) -> list[str]:
    """Where the configuration ``text`` is another than the file's, a line a key: ``trainer.max_epochs 4, not 3``."""
    try:
        old = _flat(yaml_text.read_file(config))
    except InputError:
        return [f"{config} cannot be read"]
    new = _flat(yaml_text.read_own(text))
    return [
        f"{key} {new.get(key, 'not set')}, not {old.get(key, 'set')}"
        for key in [*new, *(key for key in old if key not in new)]
        if new.get(key) != old.get(key)
    ]


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {name: value}
    parts = (_flat(content, f"{name}.{key}" if name else str(key)) for key, content in value.items())
    return {key: content for part in parts for key, content in part.items() if key}


def check_removable(folder: Path) -> None:
    """Raises InputError unless ``folder`` is that of a run or a sweep, with nothing in it but what these write."""
    if folder.is_symlink() or not folder.is_dir():
        raise InputError(f"{folder} is no run folder: zoo list runs shows those there are.")
    if not (folder / CONFIG).is_file() and not (folder / SWEEP).is_file():
        raise InputError(
            f"{folder} holds no run of its own ({CONFIG}) and no sweep ({SWEEP}): name the runs one by one."
        )
    own = _OF_SWEEP if (folder / SWEEP).is_file() else _OF_RUN
    for path in sorted(folder.iterdir()):
        if path.is_dir() and own is _OF_SWEEP and (path / CONFIG).is_file():
            check_removable(path)
        elif not own.fullmatch(path.name):
            raise InputError(f"{folder} holds {path.name}, which no run writes: move it away, then remove the run.")


def remove_alone(folder: Path) -> None:
    """Removes a run or a sweep while no process is at work in it.

    Raises InputError where one is, or where the disk refuses; what had to stay is then a run still, or a part of one.
    """
    inner = [path.parent for path in folder.glob(f"*/{CONFIG}")] if (folder / SWEEP).is_file() else []
    with ExitStack() as stack:
        for path in (folder, *inner):
            try:
                stack.enter_context(alone(path / LOCK, wait=False))
            except BlockingIOError as error:
                raise InputError(
                    f"A process is at work in {path}: stop it, or wait until it is over, then remove {folder}."
                ) from error
            except OSError as error:
                raise InputError(f"{path} cannot be removed ({error.strerror}).") from error
        try:
            for path in folder.iterdir():
                # While the locks are held: their files go last.
                if path not in inner and path.name != LOCK:
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        except OSError as error:
            raise InputError(f"{folder} cannot be removed ({error.strerror}).") from error
    remove(folder)
    if folder.exists():
        raise InputError(f"{folder} cannot be removed: something in it is write-protected or in use.")


def remove(folder: Path) -> None:
    """Removes a run's folder, and those of ``runs/<config>`` above it that this leaves empty."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parts[0] == RUNS:
        for parent in list(folder.parents)[:2]:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()


def check_launcher() -> None:
    """Raises InputError where a variable that counts the processes of a run is no number."""
    for name in _OF_LAUNCHERS:
        value = os.environ.get(name)
        if value is not None and not re.fullmatch(r"-?\d+", value):
            raise InputError(f"The variable {name} counts processes and is {value!r}: give it a number, or unset it.")


def _joins_a_run() -> bool:
    """Whether something outside started this process as one of several."""
    by_hand = "LOCAL_RANK" in os.environ or "NODE_RANK" in os.environ
    return by_hand or int(os.environ.get("SLURM_NTASKS", "1")) > 1


def unused(folder: Path) -> Path:
    """``folder``, or the first of folder-2, folder-3, ... that does not exist: two runs may start in one second."""
    number, candidate = 1, folder
    while candidate.exists():
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate
