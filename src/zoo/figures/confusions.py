"""``confusion``: how often each class is taken for each other one."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.comparison.run import Run
from zoo.errors import InputError
from zoo.figures import style
from zoo.figures.measured import line_of, the_run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Of so many classes each pair has its number, and each class its name.
_NUMBERED, _NAMED = 12, 40


def counts(run: Run) -> tuple[list[str], np.ndarray]:
    """The classes, and images by label (row) and class ranked first (column): from predictions, else the Record.

    Raises InputError where neither says it: Records of more than 100 classes and old ones do not.
    """
    if run.answers:
        names = list(dict.fromkeys([*_names(run), *sorted({*run.answers.labels, *run.answers.first}, key=_in_order)]))
        place = {name: number for number, name in enumerate(names)}
        table = np.zeros((len(names), len(names)), dtype=np.int64)
        for label, first in zip(run.answers.labels, run.answers.first, strict=True):
            table[place[label], place[first]] += 1
        return names, table
    found = run.metrics.get("confusion")
    if found is None:
        raise InputError(
            f"{run.where} has neither predictions nor a Record that counts confusions: measure it again with zoo test."
        )
    return _names(run) or [str(label) for label in range(len(found))], np.array(found)


def _names(run: Run) -> list[str]:
    return list(run.metrics.get("per_class", {}).get("names", []))


def _in_order(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdecimal() else (0, name)


@style.styled
def confusion(name: "str | Path | Run") -> "Figure":
    """Images by class (row) and what they were taken for (column), the right ones on the diagonal.

    Shade is the share of the row's images, on a scale for what is wrong, so that the many right ones do not drown it.
    """
    run = the_run(name)
    names, table = counts(run)
    number = len(names)
    side = min(max(0.42 * number, 3.2), 9.0)
    figure = style.new(side + 2.2, side + 1.5)
    axes = figure.add_subplot()
    images = table.sum(axis=1, keepdims=True)
    shares = 100 * table / np.maximum(images, 1)
    wrong = np.where(np.eye(number, dtype=bool), np.nan, shares)
    most = np.nanmax(wrong) if number > 1 and np.nanmax(wrong) > 0 else 1.0
    shown = axes.imshow(wrong, cmap=style.rising(), vmin=0, vmax=most)
    figure.colorbar(shown, ax=axes, label="taken for it, % of the class", shrink=0.7)
    if number <= _NUMBERED:
        _write(axes, table, shown.to_rgba(wrong))
    labels = names if number <= _NAMED else [""] * number
    axes.set_xticks(range(number), labels, rotation=90 if max(map(len, labels)) > 2 else 0)
    axes.set_yticks(range(number), labels)
    axes.tick_params(length=0)
    axes.set(xlabel="class ranked first", ylabel="class of the image")
    n, right = int(table.sum()), int(np.trace(table))
    worst = np.unravel_index(np.nanargmax(wrong), wrong.shape) if number > 1 else (0, 0)
    often = f"{names[worst[0]]} taken for {names[worst[1]]} {table[worst]:,} times"
    return style.describe(
        figure,
        f"{run.name}: which class is taken for which",
        f"{line_of(run)}\nn = {n:,} images, {right:,} right (diagonal)",
        f"Confusion matrix of {run.name} over {n:,} images; most often {often}.",
    )


def _write(axes: "Axes", table: np.ndarray, colours: np.ndarray) -> None:
    for row, column in np.ndindex(*table.shape):
        if not table[row, column]:
            continue
        right = row == column
        axes.text(
            column, row, f"{table[row, column]:,}", ha="center", va="center", fontsize=7,
            color=style.chosen().ink if right else style.readable_on(tuple(colours[row, column])),
            fontweight="bold" if right else "normal",
        )  # fmt: skip
