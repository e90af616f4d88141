"""``ladder`` and ``ilsvrc``: measured errors beside published ones, from Records."""

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo.figures import style
from zoo.files import given_path
from zoo.report.chart import contest_figure
from zoo.report.ilsvrc import contest_rows
from zoo.report.ladder import figure_of, steps
from zoo.report.tables import CONTEST, measured, rows_of
from zoo.results.published import load

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Russakovsky et al. 2015, table 2; the images of 2012 stayed to the end.
IMAGES = "top-5 error on the challenge's test images, n = 150,000 in 2010 and n = 100,000 from 2011"


@style.styled
def ladder(data: str = "cifar10", *, records: "str | Path | None" = None) -> "Figure":
    """Error over the networks' years, parameters and multiply-accumulates: ours as discs, published as bars.

    Of each network the best run on ``data`` among the Records of a folder, by default those that come with zoo. Raises
    InputError for data that have no table, and where nothing was measured.
    """
    found, published = measured(_folder(records)), load()
    known = [name for name in published.datasets if name != CONTEST]
    if data not in known:
        raise InputError(f"A ladder is of one data set, not of {data!r}: give one of {', '.join(known)}.")
    rows = steps(rows_of(data, found, published))
    if not rows:
        raise InputError(f"Nothing was measured on {data}, so there is nothing to draw: give other --records.")
    title = published.datasets[data].title
    figure = figure_of(title, rows, line=style.chosen().muted, beside=True)
    n = max(row.n or 0 for row in rows)
    said = "; ".join(f"{row.label} {row.error:.2f} %" for row in rows)
    return style.describe(
        figure, f"{title}: the ladder, measured in this zoo", f"{len(rows)} networks, n = {n:,} test images each",
        f"Top-1 errors on {title} over year, parameters and multiply-accumulates: {said}.",
    )  # fmt: skip


@style.styled
def ilsvrc(*, records: "str | Path | None" = None) -> "Figure":
    """The ImageNet challenge's winners and other entries by top-5 error, with ours where Records have it."""
    rows = contest_rows(measured(_folder(records)), load())
    colours = style.chosen()
    figure = contest_figure(rows, line=colours.ink, paper=colours.paper)
    axes = figure.axes[0]
    title = axes.get_title()
    axes.set_title("")
    n = {row.n for row in rows if row.n}
    ours = f"; this zoo: n = {max(n):,} validation images" if n else ""
    said = "; ".join(f"{row.entry} {row.year or ''} {row.top5_error:g} %" for row in rows)
    return style.describe(
        figure, title, IMAGES + ours,
        f"{title}, by top-5 error: {said}.",
    )  # fmt: skip


def _folder(records: "str | Path | None") -> Path | None:
    return given_path(records) if records is not None else None
