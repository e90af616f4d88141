"""``zoo table DATA --ladder``: error over the networks' years, parameters and multiply-accumulates, in one figure."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.catalog import NETWORKS
from zoo.errors import InputError
from zoo.report.chart import OURS, PERSON, WINNER, check_form, save
from zoo.report.row import Row
from zoo.report.selection import NOT_MEASURED
from zoo.report.tables import CONTEST, NOT_TRAINED, measured, rows_of
from zoo.results.published import load

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS: tuple[tuple[str, str, Callable[[Row], int | None]], ...] = (
    ("year of the network", "linear", lambda row: NETWORKS[row.network or ""].year),
    ("parameters", "log", lambda row: row.parameters),
    ("multiply-accumulates an image", "log", lambda row: row.macs),
)
# A bar that shows on both sides of a disc, because many published errors are within a point of ours.
_PUBLISHED: dict[str, Any] = {
    "color": WINNER, "marker": "_", "markersize": 22, "markeredgewidth": 2, "linestyle": "none",
}  # fmt: skip


def draw_ladder(which: str | None, file: Path, records: Path | None = None) -> None:
    """Draws the best run of each network on a data set, beside the published error it is compared with.

    Raises InputError for a file that is neither .png nor .svg or cannot be written, and where there is nothing to draw.
    """
    check_form(file)
    found, published = measured(records), load()
    if which == CONTEST or which not in published.datasets:
        known = ", ".join(name for name in published.datasets if name != CONTEST)
        raise InputError(f"A ladder is of one data set: zoo table DATA --ladder {file}, with DATA one of {known}.")
    rows = steps(rows_of(which, found, published))
    if not rows:
        raise InputError(f"Nothing was measured on {which}, so there is nothing to draw: give other --records.")
    save(file, lambda: figure_of(published.datasets[which].title, rows))


def steps(rows: Sequence[Row]) -> list[Row]:
    """The best measured row of each network, variant and number of parameters; the worst network first.

    That is the one with the smallest error under the protocol of its published figure, else over single views: more
    views would make a network better than those beside it.
    """
    ours = [row for row in rows if row.verdict not in (NOT_MEASURED, NOT_TRAINED)]
    best: dict[tuple[Any, ...], Row] = {}
    for row in sorted(ours, key=lambda row: (row.published is not None, row.protocol == "single view", -row.error)):
        best[row.network, row.variant, row.parameters] = row
    return sorted(best.values(), key=lambda row: -row.error)


def figure_of(
    title: str, rows: Sequence[Row], line: str = PERSON, *, beside: bool = False, stacked: bool = False
) -> "Figure":
    """Three panels with a point for each of ``rows``, and their names below or ``beside``; ``line`` colours lines.

    They are ``stacked`` for a narrow screen.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    size = (13.0, 5.0) if beside else (4.2, 9.6 + 0.2 * len(rows)) if stacked else (11.0, 5.6)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(_PANELS), sharey=True) if stacked else figure.subplots(1, len(_PANELS), sharey=True)
    for axes, (label, scale, place) in zip(panels, _PANELS, strict=True):
        axes.set(xlabel=label, xscale=scale)
        _points(axes, rows, place, line)
        if scale == "log":
            # Two networks may be less than a decade apart: words between the powers of ten would lie on each other.
            axes.xaxis.set_minor_formatter(NullFormatter())
            low, high = axes.get_xlim()
            if high < 30 * low:
                axes.set_xlim(low / 3, high * 3)
        else:
            axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_ylabel("top-1 error, %")
    panels[0].set_ylim(bottom=0)
    names = [f"{number}  {row.label}, {row.error:.2f} %" for number, row in enumerate(rows, 1)]
    # The numbers in the names say which point it is.
    handles = [panels[0].plot([], [], linestyle="none")[0] for _ in rows]
    handles += panels[0].plot([], [], **_PUBLISHED)
    figure.legend(
        handles, [*names, "published, same protocol"], loc="outside right upper" if beside else "outside lower center",
        ncols=1 if beside or stacked else 4, frameon=False, fontsize=8,
    )  # fmt: skip
    figure.suptitle(f"{title}: the ladder,{chr(10) if stacked else ' '}measured in this zoo")
    return figure


def _points(axes: "Axes", rows: Sequence[Row], place: Callable[[Row], int | None], line: str) -> None:
    """A numbered disc a network, tied to the bar of its published error."""
    for number, row in enumerate(rows, 1):
        x = place(row)
        if x is None:
            continue  # nobody counted the multiply-accumulates of an old Record of this network
        if row.published is not None and row.published_measure == "top1_error":
            axes.plot([x, x], [row.error, row.published], color=line, linewidth=0.8, zorder=1)
            axes.plot(x, row.published, **_PUBLISHED, zorder=2)
        axes.plot(x, row.error, "o", color=OURS, markersize=10, alpha=0.9, zorder=3)
        axes.annotate(str(number), (x, row.top1_error), ha="center", va="center", fontsize=7, color="black", zorder=4)
