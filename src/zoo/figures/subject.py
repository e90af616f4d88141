"""What a picture is of: the line that names trained weights below it, and the units that were asked for."""

from collections.abc import Sequence

from zoo.errors import InputError
from zoo.weights.trained import Weights


def line_of(weights: Weights) -> str:
    """Name, network and error of trained weights, with n, for the caption of a picture."""
    meta = weights.meta
    line = f"weights {weights.name}: {meta['network']}, {meta['variant']}"
    scores = meta.get("scores") or (meta.get("record") or {}).get("metrics")
    if scores and "record" in meta:
        n = scores.get("n") or meta["record"]["n"]
        line += f", {scores['top1_error']:.2f} % top-1 error on {meta['record']['dataset']['name']} (n = {n:,})"
    return line


def units_of(layer: str, number: int, asked: Sequence[int] | None, most: int) -> list[int]:
    """The units that are shown: those asked for, else the first ``most``. Raises InputError for others."""
    if asked is None:
        return list(range(min(number, most)))
    if not asked:
        raise InputError(f"No unit of {layer} was named: give their numbers, 0 to {number - 1}, or leave them out.")
    for unit in asked:
        if not 0 <= unit < number:
            raise InputError(f"{layer} has no unit {unit}: they are 0 to {number - 1}.")
    return list(asked)
