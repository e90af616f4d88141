"""Whether the counts of a Record fit each other: errors, classes, confusions, calibration. Standard library only."""

import math
from typing import Any


def contradiction(metrics: dict[str, Any], n: int) -> str | None:
    """The first disagreement among ``metrics`` of ``n`` images, of the right types; None where there is none."""
    return (
        _errors(metrics, n)
        or _classes(metrics, n)
        or _confusion(metrics)
        or _calibration(metrics.get("calibration"), metrics, n)
    )


def _errors(metrics: dict[str, Any], n: int) -> str | None:
    for measure in ("top1", "top5"):
        error, wrong = metrics[f"{measure}_error"], metrics[f"{measure}_wrong"]
        if wrong > n:
            return f"metrics.{measure}_wrong is {wrong} of only {n} images"
        if not _close(error, 100 * wrong / n):
            return f"metrics.{measure}_error is {error}, but {wrong} wrong of {n} are {100 * wrong / n} %"
    if metrics["top5_wrong"] > metrics["top1_wrong"]:
        return f"metrics.top5_wrong is {metrics['top5_wrong']}, more than top1_wrong, {metrics['top1_wrong']}"
    return None


def _classes(metrics: dict[str, Any], n: int) -> str | None:
    counts = metrics.get("per_class")
    if counts is None:
        return None
    expected = {"images": n, "top1_wrong": metrics["top1_wrong"], "top5_wrong": metrics["top5_wrong"]}
    for name, total in expected.items():
        if sum(counts[name]) != total:
            return f"metrics.per_class.{name} adds up to {sum(counts[name])}, not to {total}"
    if len({len(counts[name]) for name in expected}) > 1:
        return "metrics.per_class has lists of different lengths"
    for label, (images, top1, top5) in enumerate(zip(*(counts[name] for name in expected), strict=True)):
        if not top5 <= top1 <= images:
            return f"metrics.per_class has {top1} and {top5} wrong of {images} images in class {label}"
    return None


def _confusion(metrics: dict[str, Any]) -> str | None:
    matrix, counts = metrics.get("confusion"), metrics.get("per_class")
    if matrix is None:
        return None
    if counts is None or any(len(row) != len(matrix) for row in matrix) or len(matrix) != len(counts["images"]):
        return "metrics.confusion is not a square of the classes in metrics.per_class"
    for label, row in enumerate(matrix):
        found, wrong = (sum(row), sum(row) - row[label]), (counts["images"][label], counts["top1_wrong"][label])
        if found != wrong:
            return (
                f"row {label} of metrics.confusion has {found[0]} images, {found[1]} of them wrong,"
                f" but metrics.per_class says {wrong[0]} and {wrong[1]}"
            )
    return None


def _calibration(values: dict[str, Any] | None, metrics: dict[str, Any], n: int) -> str | None:
    if values is None:
        return None
    bins, images, right = values["bins"], values["images"], values["right"]
    columns = (images, right, values["mean_confidence"], values["accuracy"])
    if any(len(column) != bins for column in columns):
        return f"metrics.calibration has lists that are not as long as its bins, {bins}"
    if sum(images) != n or sum(right) != n - metrics["top1_wrong"]:
        return (
            f"metrics.calibration has {sum(right)} right of {sum(images)} images,"
            f" but {n - metrics['top1_wrong']} of {n} are"
        )
    gaps = 0.0
    for number, (count, good, confidence, accuracy) in enumerate(zip(*columns, strict=True)):
        if not count and confidence is None and accuracy is None:
            continue
        if None in (confidence, accuracy) or not count or not _close(accuracy, good / count):
            return f"bin {number} of metrics.calibration has the accuracy {accuracy}, but {good} right of {count}"
        gaps += abs(good - confidence * count)
    if not _close(values["ece"], gaps / n):
        return f"metrics.calibration.ece is {values['ece']}, but its bins make {gaps / n}"
    return None


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12)


def ill_described(value: Any, name: str) -> str | None:
    """Where a part of a config does not describe a class as configs do, by its path and its options."""
    if not isinstance(value, dict):
        return None
    for key, kind, words in (("class_path", str, "string"), ("init_args", dict, "object")):
        if not isinstance(value.get(key), kind | None):
            return f"{name}.{key} is not of type {words}"
    return next((problem for key in value if (problem := ill_described(value[key], f"{name}.{key}"))), None)
