"""Pictures of a page, for light and for dark, inside the page."""

import base64
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo import figures
from zoo.errors import InputError
from zoo.figures.kinds import function_of
from zoo.figures.learning import curves_of
from zoo.figures.style import DPI, styled, theme
from zoo.page.subject import Subject
from zoo.report.ladder import figure_of, steps
from zoo.report.row import Row
from zoo.report.tables import rows_of
from zoo.results.experiment import experiments
from zoo.results.published import load

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The kinds of ``zoo figure`` that show what weights learnt; of each network those that it has.
LEARNT = ("templates", "filters", "rbf")
#: Those that show what was measured, of networks whose Record has it.
MEASURED = ("confusion", "calibration")


@dataclass(frozen=True)
class Picture:
    """A picture as two data URIs, and its words for who cannot see it."""

    light: str
    dark: str
    alt: str
    width: int
    height: int
    #: The same for a phone, where it would be too small.
    narrow: "Picture | None" = None


def learnt(subject: Subject) -> list[Picture]:
    """What its weights look like; nothing where only a Record was given."""
    return _drawn(LEARNT, subject.weights) if subject.weights is not None else []


def measured(subject: Subject) -> list[Picture]:
    """Which classes it takes for which, and how far its probabilities are to be believed."""
    return _drawn(MEASURED, subject.run.where)


def curves(subjects: Iterable[Subject]) -> list[Picture]:
    """The learning curves of those that have some, in one picture."""
    runs = [subject.run for subject in subjects if subject.run.curves]
    if not runs:
        return []
    wide, narrow = (picture(partial(curves_of, runs, stacked=stacked)) for stacked in (False, True))
    return [replace(wide, narrow=narrow)]


def ladder(subjects: Sequence[Subject]) -> list[Picture]:
    """Error over year, parameters and multiply-accumulates, for each data set that several were measured on."""
    published, found = load(), experiments(subject.record for subject in subjects)
    drawn = []
    for dataset in dict.fromkeys(experiment.record.dataset["name"] for experiment in found):
        rows = steps(rows_of(dataset, found, published))
        if len(rows) > 1:
            title = published.datasets[dataset].title if dataset in published.datasets else dataset
            wide, narrow = (picture(partial(_ladder, title, rows, stacked=stacked)) for stacked in (False, True))
            drawn.append(replace(wide, narrow=narrow))
    return drawn


def picture(draw: Callable[[], "Figure"]) -> Picture:
    """What ``draw`` draws, for both pages."""
    drawn = {}
    for name in ("light", "dark"):
        with theme(name):
            figure = draw()
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
        drawn[name] = f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
    width, height = figure.get_size_inches()
    return Picture(drawn["light"], drawn["dark"], str(figure.get_label()), round(96 * width), round(96 * height))


@styled
def _ladder(title: str, rows: "Sequence[Row]", *, stacked: bool) -> "Figure":
    figure = figure_of(title, rows, stacked=stacked)
    figure.set_label(f"{title}: " + "; ".join(f"{row.label} {row.error:.2f} % wrong" for row in rows))
    return figure


def _drawn(kinds: Iterable[str], *things: Any) -> list[Picture]:
    found = []
    for kind in kinds:
        try:
            found.append(picture(lambda kind=kind: getattr(figures, function_of(kind))(*things)))  # type: ignore[misc]
        except InputError:
            # It has no such thing: no filters, no bitmaps, no counts of its classes.
            continue
    return found
