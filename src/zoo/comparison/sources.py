"""What a word of ``zoo compare`` means: run folders, Records, weights' names, predictions, W&B. Imports no torch."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from zoo import runs, yaml_text
from zoo.comparison.answers import FORMS, answers_in, read_answers
from zoo.comparison.offline import is_offline, offline_runs
from zoo.comparison.run import Run, curves_of
from zoo.comparison.tracked import answers_logged
from zoo.errors import EMPTY, InputError
from zoo.files import given_path
from zoo.results.metrics_file import read_metrics
from zoo.results.record import Record
from zoo.weights.cards import NAME, TORCHVISION, is_card, read_card, shipped, shipped_card, suggestion

WANDB = "wandb:"
_METRICS = "metrics.csv"


def runs_of(words: Iterable[str]) -> list[Run]:
    """The runs that are meant, in the order of the words. Raises InputError for a word that means none."""
    return [run for word in words for run in _meant(word)]


def _meant(word: str) -> list[Run]:
    if not word.strip():
        raise InputError(f"The name of a run is empty: {EMPTY}.")
    if word.startswith(WANDB):
        from zoo.comparison.server import server_runs

        return server_runs(word.removeprefix(WANDB))
    if word in shipped():
        return [_of_card(shipped_card(word))]
    path = given_path(word)
    if path.is_dir():
        return _in_folder(path)
    if path.exists():
        return [_of_file(path)]
    if word in TORCHVISION:
        raise InputError(f"{word} has no Record: measure it with zoo benchmark {word}, and give its Record.")
    if NAME.fullmatch(word):
        shipped_card(word)
    ways = suggestion(word) or f"give a run folder, a Record, a name from zoo list weights, or {WANDB}entity/project."
    raise InputError(f"There is no run {word!r}: {ways}")


def _in_folder(folder: Path) -> list[Run]:
    """A run folder's run; of any other folder, those of all run folders, W&B runs and Records in it."""
    if is_offline(folder) or folder.name == "wandb":
        found = offline_runs(folder)
    elif _is_run(folder):
        found = [_of_run_folder(folder)]
    else:
        inner = sorted({file.parent for name in (runs.CONFIG, runs.RECORD) for file in folder.rglob(name)})
        records = sorted(folder.glob("*.json"))
        found = [*map(_of_run_folder, inner), *(_of_record(file) for file in records)]
    if not found:
        raise InputError(f"{folder} holds no run: give a run folder such as runs/lenet5_digits/2026-01-31_12-00-00.")
    return found


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (runs.CONFIG, runs.RECORD, _METRICS))


def _of_run_folder(folder: Path) -> Run:
    record = Record.read(folder / runs.RECORD) if (folder / runs.RECORD).is_file() else None
    config = record.config if record else _config(folder / runs.CONFIG)
    metrics = folder / _METRICS
    curves = curves_of(_numbers(metrics)) if metrics.is_file() else {}
    # A run that was sent to W&B, or kept for it, has them there.
    answers = answers_in(folder) or answers_logged(sorted(folder.glob("wandb/*run-*-*")))
    return Run(runs.name_of(folder), str(folder), config, record, curves, answers)


def _config(path: Path) -> dict[str, Any]:
    content = yaml_text.read_file(path) if path.is_file() else {}
    return content if isinstance(content, dict) else {}


def _numbers(metrics: Path) -> list[dict[str, float]]:
    try:
        return [{name: float(value) for name, value in row.items() if value} for row in read_metrics(metrics)]
    except ValueError as error:
        raise InputError(f"{metrics} does not hold the metrics of a run ({error}).") from error


def _of_file(path: Path) -> Run:
    readers: dict[str, Callable[[Path], Run]] = {
        ".json": lambda file: _of_card(file) if is_card(file) else _of_record(file),
        ".safetensors": lambda file: _of_card(file.with_suffix(".json")),
        ".ckpt": lambda file: _of_run_folder(file.absolute().parent.parent),
        **dict.fromkeys(FORMS, lambda file: Run(file.stem, str(file), answers=read_answers(file))),
    }
    if path.suffix not in readers:
        raise InputError(f"{path} is no run: give a run folder, a Record or a file of predictions.")
    return readers[path.suffix](path)


def _of_record(path: Path) -> Run:
    record = Record.read(path)
    return Run(path.stem, str(path), record.config, record)


def _of_card(path: Path) -> Run:
    card = read_card(path)
    record = Record(**card["record"])
    return Run(card["name"], str(path), record.config, record, measures=card.get("measures") or {})
