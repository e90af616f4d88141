"""The numbers of a comparison: errors with intervals, pairs of runs on the same images, cost, differing options."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from zoo.comparison.run import Run
from zoo.errors import InputError
from zoo.report.compute import device_of, macs_of, train_macs_of
from zoo.results.interval import difference_interval, error_interval
from zoo.results.paired import Paired
from zoo.results.record import Record

TOP1, TOP5 = "test/top1_error", "test/top5_error"
# Of so many runs each is paired with each; of more, the first with each.
_ALL_PAIRS = 4


@dataclass(frozen=True)
class Errors:
    """Percent; intervals are 95 %. ``n`` and what needs it are None where it is not known over how many images."""

    n: int | None = None
    top1_error: float | None = None
    top1_interval: tuple[float, float] | None = None
    top5_error: float | None = None
    top5_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Difference:
    """A run's top-1 error minus the first run's, in points, with its 95 % interval; ``paired`` image by image."""

    points: float
    interval: tuple[float, float]
    paired: bool


def letters(number: int) -> list[str]:
    """What runs are called in the tables: A, B, ..., Z, AA, AB, ..."""
    return [_letter(place) for place in range(number)]


def _letter(place: int) -> str:
    before = _letter(place // 26 - 1) if place >= 26 else ""
    return before + chr(ord("A") + place % 26)


def errors_of(run: Run) -> Errors:
    """The errors of a run's Record; without one those of its predictions, or the last ones that it logged.

    Raises InputError where a run's predictions are not those of its Record's weights.
    """
    wrong = None if run.answers is None else run.answers.right.count(False)
    if run.record:
        metrics, n = run.record.metrics, run.record.n
        if wrong is not None and run.answers and (wrong, len(run.answers.indices)) != (metrics["top1_wrong"], n):
            raise InputError(
                f"The predictions of {run.where} have {wrong} of {len(run.answers.indices)} images wrong and its Record"
                f" {metrics['top1_wrong']} of {n}: they are of other weights, so move one of the two away."
            )
        intervals = [error_interval(metrics[f"top{k}_wrong"], n) for k in (1, 5)]
        return Errors(n, metrics["top1_error"], intervals[0], metrics["top5_error"], intervals[1])
    if wrong is not None and run.answers:
        n = len(run.answers.indices)
        return Errors(n, 100 * wrong / n, error_interval(wrong, n))
    return Errors(top1_error=run.last(TOP1), top5_error=run.last(TOP5))


def difference(run: Run, first: Run) -> Difference | None:
    """What parts a run from the first; None where they were not measured on the same images."""
    pair = paired(run, first)
    if pair:
        return Difference(pair.difference, pair.interval, paired=True)
    ours, other = errors_of(run), errors_of(first)
    if ours.top1_error is None or other.top1_error is None or not _same_images(run.record, first.record):
        return None
    assert ours.n is not None
    interval = difference_interval([ours.top1_error], ours.n, other.top1_error, ours.n, 0.0)
    return Difference(ours.top1_error - other.top1_error, interval, paired=False)


def _same_images(one: Record | None, other: Record | None) -> bool:
    if one is None or other is None:
        return False
    return one.n == other.n and all(one.dataset[key] == other.dataset[key] for key in ("name", "fingerprint", "split"))


def pairs(runs: Sequence[Run]) -> list[tuple[int, int, Paired]]:
    """The places of runs with predictions on the same images, and how they fall apart."""
    wanted = combinations(range(len(runs)), 2) if len(runs) <= _ALL_PAIRS else ((0, k) for k in range(1, len(runs)))
    found = ((one, other, paired(runs[one], runs[other])) for one, other in wanted)
    return [(one, other, pair) for one, other, pair in found if pair]


def paired(one: Run, other: Run) -> Paired | None:
    """Two runs image by image; None where either has no predictions, or they are of other images."""
    if one.answers is None or other.answers is None:
        return None
    if one.record and other.record and not _same_images(one.record, other.record):
        return None
    same = ("indices", "labels", "files")
    if any(getattr(one.answers, name) != getattr(other.answers, name) for name in same):
        return None
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for rights in zip(one.answers.right, other.answers.right, strict=True):
        counts[rights] += 1
    return Paired(*counts.values())


def cost_of(run: Run) -> dict[str, Any]:
    """What a run took, by the names of a Record; empty where there is none."""
    if run.record is None:
        return {}
    timing = run.record.timing
    names = ("train_images", "train_steps", "train_epochs", "train_seconds", "train_images_per_second", "test_seconds")
    return {
        "parameters": run.record.parameters,
        "macs": macs_of(run.record),
        "train_macs": train_macs_of(run.record),
        **{name: timing.get(name) for name in names},
        "device": device_of(run.record),
    }


def differing(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The options that are not the same in all runs, each with every run's value; None where a run has none.

    Also what lies behind the config: fingerprint of the data, commit, versions of packages.
    """
    flat = [dict(_flat(run.config)) | _behind(run.record) for run in runs]
    behind = dict.fromkeys(name for run in runs for name in _behind(run.record))
    names = [*sorted({name for values in flat for name in values} - {*behind}), *behind]
    found = {name: [values.get(name) for values in flat] for name in names}
    return {name: values for name, values in found.items() if len({json.dumps(value) for value in values}) > 1}


def _behind(record: Record | None) -> dict[str, Any]:
    if record is None:
        return {}
    packages = record.environment.get("packages", {})
    return {
        "data fingerprint": record.dataset["fingerprint"],
        "commit": _commit(record.git),
        "python": record.environment.get("python"),
        **{f"package {name}": version for name, version in packages.items()},
    }


def _commit(git: dict[str, Any] | None) -> str | None:
    return f"{git['commit']}{', edited' if git.get('dirty') else ''}" if git else None


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Options by their path, ``model.optimizer.lr``; a class by the path of its options."""
    if not isinstance(value, dict):
        yield name, value
        return
    for key, content in value.items():
        inner = name if key in ("init_args", "class_path") and name else f"{name}.{key}".strip(".")
        yield from _flat(content, inner)
