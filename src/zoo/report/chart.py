"""``zoo table --chart``: the ImageNet challenge, or a data set's errors beside the published ones, as a figure.

The same Records give the same bytes: nothing in the file depends on the date or on the reader's own settings.
"""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo.files import write_output
from zoo.report.ilsvrc import ContestRow, contest_rows
from zoo.report.row import Row
from zoo.report.selection import NOT_MEASURED
from zoo.report.tables import CONTEST, NOT_TRAINED, dataset_names, measured, rows_of
from zoo.results.published import load

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMS = (".png", ".svg")
# Okabe and Ito's colours, which the colour-blind can tell apart.
WINNER, ENTRY, OURS, PERSON = "#0072B2", "#9ecae1", "#E69F00", "#444444"
# The teams whose networks this zoo holds, in a part of their entries' names.
HELD_HERE = ("AlexNet", "VGG")
_STYLE = {"svg.hashsalt": "zoo", "font.size": 9.0, "axes.spines.top": False, "axes.spines.right": False}
_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
# Without these, the file names the day and the version that wrote it.
_METADATA = {".svg": {"Date": None, "Creator": None}, ".png": {"Software": None}}


def draw(which: str | None, file: Path, records: Path | None = None, *, everything: bool = False) -> None:
    """Draws the challenge (``ilsvrc``) or the runs on a data set into ``file``.

    ``everything``: recipes, too, that later ones have replaced.

    Raises InputError for a file that is neither .png nor .svg or cannot be written, and where there is nothing to draw.
    """
    check_form(file)
    found, published = measured(records), load()
    names = dataset_names(found, published)
    if which is None:
        raise InputError(f"A chart is of one table: zoo table {CONTEST} --chart {file}, or one of {', '.join(names)}.")
    if which == CONTEST:
        save(file, lambda: contest_figure(contest_rows(found, published)))
        return
    known = rows_of(which, found, published)
    rows = [row for row in known if row.verdict not in (NOT_MEASURED, NOT_TRAINED) and (everything or not row.replaced)]
    if not rows:
        raise InputError(f"Nothing was measured on {which}, so there is nothing to draw: give other --records.")
    title = published.datasets[which].title if which in published.datasets else which
    save(file, lambda: _errors(title, rows))


def check_form(file: Path) -> None:
    """Raises InputError for a file that is neither .png nor .svg."""
    if file.suffix not in FORMS:
        raise InputError(f"A chart is {' or '.join(FORMS)}, not {file.name}: give it one of these endings.")


def save(file: Path, figure: Callable[[], "Figure"]) -> None:
    """Writes the figure that ``figure()`` makes in the charts' style. Raises InputError where it cannot be written."""
    from matplotlib import style

    content = io.BytesIO()
    with style.context(["default", _STYLE]):
        figure().savefig(content, format=file.suffix[1:], dpi=150, metadata=_METADATA[file.suffix])
    write_output(file, content.getvalue())


def contest_figure(rows: Sequence[ContestRow], line: str = PERSON, paper: str = "white") -> "Figure":
    """One bar an entry, the largest error on top; a person is a line through all of them, on ``paper``."""
    from matplotlib.patches import Patch

    entries = [row for row in rows if row.result != "human"]
    figure, axes = _bars(len(entries), 0.3)
    axes.set(xlim=(0, 1.1 * max(row.top5_error for row in rows)), ylim=(len(entries) - 0.1, -0.6))
    colours = {"winner": WINNER, "entry": ENTRY, "this zoo": OURS}
    for place, row in enumerate(entries):
        bar = axes.barh(place, row.top5_error, color=colours[row.result], height=0.72)
        for patch in bar if row.extra_data else ():
            patch.set(hatch="///", edgecolor=paper, linewidth=0)
        # On white, because the person's line may pass below the number.
        axes.text(row.top5_error + 0.3, place, f"{row.top5_error:.1f}", va="center", bbox=_PAPER | {"facecolor": paper})
    axes.set_yticks(range(len(entries)), [_entry_label(row) for row in entries])
    for label, row in zip(axes.get_yticklabels(), entries, strict=True):
        label.set_fontweight("bold" if row.result == "this zoo" or _held(row) else "normal")
    for row in (row for row in rows if row.result == "human"):
        axes.axvline(row.top5_error, color=line, linestyle="--", linewidth=1)
        text = f"a trained person, {row.top5_error:g} %"
        axes.text(row.top5_error + 0.3, len(entries) - 0.35, text, color=line, va="center")
    shown = [name for name in colours if any(row.result == name for row in entries)]
    words = {"winner": "winner of the year", "entry": "other entry", "this zoo": "this zoo, one net, validation images"}
    handles = [Patch(color=colours[name], label=words[name]) for name in shown]
    handles.append(Patch(facecolor=WINNER, edgecolor=paper, hatch="///", linewidth=0, label="trained on more data"))
    axes.legend(handles=handles, loc="lower right", frameon=False, title="bold: networks that this zoo holds")
    axes.set(xlabel="top-5 error, %", title="ILSVRC image classification, 2010 to 2017")
    return figure


def _errors(title: str, rows: Sequence[Row]) -> "Figure":
    """One bar a run of ours, with the interval of its difference from the published error, which is a diamond."""
    figure, axes = _bars(len(rows), 0.42)
    for place, row in enumerate(rows):
        error = row.error
        axes.barh(place, error, color=OURS, height=0.72, label=None if place else "this zoo")
        axes.annotate(f"{error:.2f}", (0, place), (4, 0), textcoords="offset points", va="center")
        if row.interval and row.published is not None and row.published_measure == "top1_error":
            half = (row.interval[1] - row.interval[0]) / 2
            axes.errorbar(error, place, xerr=half, color=PERSON, capsize=3, linewidth=1)
            axes.plot(row.published, place, "D", color=WINNER, markeredgecolor="white", zorder=3)
    axes.plot([], [], "D", color=WINNER, label="published, same protocol")
    axes.errorbar([], [], xerr=[], color=PERSON, capsize=3, linewidth=1, label="95 % interval of the difference")
    axes.set_yticks(range(len(rows)), [_run_label(row) for row in rows])
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    axes.set(xlabel="top-1 error, %", title=f"{title}: measured beside published")
    return figure


def _bars(number: int, inches: float) -> "tuple[Figure, Axes]":
    """A figure with room for ``number`` bars of that height each, the first on top."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 1.6 + inches * max(number, 3)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_ylim(number - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    return figure, axes


def _entry_label(row: ContestRow) -> str:
    return f"{row.entry}  {row.year}" if row.year else f"{row.entry}: {row.protocol}"


def _held(row: ContestRow) -> bool:
    return any(name in row.entry for name in HELD_HERE)


def _run_label(row: Row) -> str:
    return f"{row.label}\n{row.training}" if row.training else row.label
