"""How all pictures look, on light and on dark pages, and how they are written: the same picture gives the same bytes.

Colours are told apart by the colour-blind: Okabe and Ito's where there are up to seven, Petroff's ten (2021) where
there are classes, blue and red for signs; what a colour says, a label or a shape says too.
"""

import io
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from zoo.errors import InputError, nearest
from zoo.files import write_output

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from matplotlib.typing import ColorType

P = ParamSpec("P")

# Points, of a caption.
_SMALL = 7.5
FORMS = (".png", ".svg", ".pdf")
#: Okabe and Ito's colours without black and yellow, of which one page or the other swallows each.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
#: Petroff's, for ten classes.
CLASS_COLOURS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
#: Red above zero, blue below, and nothing in the middle.
SIGNED = "RdBu_r"
DPI = 150


@dataclass(frozen=True)
class Theme:
    """The colours of a page: its paper, its text, text that is less, lines that are least, and text that stands out."""

    paper: str
    ink: str
    muted: str
    faint: str
    accent: str


THEMES = {
    "light": Theme("#ffffff", "#1f2328", "#59636e", "#d1d9e0", "#b34f00"),
    "dark": Theme("#0d1117", "#f0f6fc", "#9198a1", "#3d444d", "#D55E00"),
}
_CHOSEN: ContextVar[str] = ContextVar("theme", default="light")
# Without these, the file names the day and the version that wrote it.
_METADATA: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None, "Creator": None}, ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}  # fmt: skip


@contextmanager
def theme(name: str) -> Iterator[Theme]:
    """Figures that are drawn in the block are for ``light`` or for ``dark`` pages. Raises InputError for another."""
    if name not in THEMES:
        raise InputError(f"There is no theme {name!r}: {nearest(name, THEMES)}")
    token = _CHOSEN.set(name)
    try:
        yield THEMES[name]
    finally:
        _CHOSEN.reset(token)


def chosen() -> Theme:
    """The colours of the page that is drawn for."""
    return THEMES[_CHOSEN.get()]


def readable_on(colour: "ColorType") -> str:
    """Black or white, whichever stands out more: at least 4.5 to 1 on any colour."""
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "white"


def rising() -> "Colormap":
    """Colours from the page's paper, for nothing, up to a blue that stands out on it."""
    from matplotlib.colors import LinearSegmentedColormap

    most = COLOURS[0] if chosen() is THEMES["light"] else COLOURS[4]
    return LinearSegmentedColormap.from_list("rising", [chosen().paper, most])


def styled(draw: "Callable[P, Figure]") -> "Callable[P, Figure]":
    """Makes a function that returns a Figure draw it in the zoo's style, whatever the reader's own settings are."""

    @wraps(draw)
    def drawn(*args: P.args, **options: P.kwargs) -> "Figure":
        from matplotlib import style

        with style.context(["default", settings()]):
            return draw(*args, **options)

    return drawn


def settings() -> dict[str, Any]:
    """matplotlib's settings for the theme that is chosen."""
    from cycler import cycler

    colours = chosen()
    return {
        "axes.edgecolor": colours.muted, "axes.facecolor": colours.paper, "axes.labelcolor": colours.ink,
        "axes.prop_cycle": cycler(color=COLOURS), "axes.spines.right": False, "axes.spines.top": False,
        "axes.titlecolor": colours.ink, "axes.titlesize": 9.0, "figure.constrained_layout.h_pad": 0.1,
        "figure.constrained_layout.w_pad": 0.1, "figure.edgecolor": colours.paper,
        "figure.facecolor": colours.paper, "figure.titlesize": 11.0, "figure.titleweight": "bold", "font.size": 9.0,
        "grid.color": colours.faint, "image.interpolation": "nearest", "legend.edgecolor": colours.faint,
        "legend.facecolor": colours.paper, "legend.frameon": False, "patch.edgecolor": colours.paper,
        "pdf.fonttype": 42, "savefig.facecolor": "auto", "svg.hashsalt": "zoo", "text.color": colours.ink,
        "xtick.color": colours.muted, "xtick.labelcolor": colours.ink, "ytick.color": colours.muted,
        "ytick.labelcolor": colours.ink,
    }  # fmt: skip


def new(width: float, height: float) -> "Figure":
    """An empty figure of that many inches, whose parts make room for one another."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def describe(figure: "Figure", title: str, caption: str, alt: str) -> "Figure":
    """Gives a figure its title above, a caption below, small and in muted ink, and the text for who cannot see it.

    ``alt`` is the figure's label, ``figure.get_label()``, and stands in the files as their description.
    """
    figure.suptitle(title)
    caption = "\n".join(_folded(line, 0.98 * figure.get_figwidth()) for line in caption.splitlines())
    figure.supxlabel(caption, fontsize=_SMALL, color=chosen().muted)
    figure.set_label(alt)
    return figure


def _folded(line: str, inches: float) -> str:
    """A line of a caption in as few lines of that width as will do: a longer one would be cut off on both sides."""
    from matplotlib.textpath import TextPath

    wide = TextPath((0, 0), line, size=_SMALL).get_extents().width / 72
    return textwrap.fill(line, int(len(line) * inches / wide)) if wide > inches else line


def check_form(file: Path) -> None:
    """Raises InputError for a file that is neither .png, .svg nor .pdf."""
    if file.suffix.lower() not in FORMS:
        raise InputError(
            f"A figure is {', '.join(FORMS[:-1])} or {FORMS[-1]}, not {file.name}: give it one of these endings."
        )


def save(figure: "Figure", file: str | Path) -> None:
    """Writes a figure as .png, .svg or .pdf. Raises InputError for another ending, and where it cannot be written."""
    path = Path(file)
    check_form(path)
    write_output(path, content_of(figure, path.suffix.lower()))


def content_of(figure: "Figure", form: str = ".png") -> bytes:
    """What ``save`` writes to a file of this ending, one of ``FORMS``."""
    from matplotlib import rc_context

    content = io.BytesIO()
    said = {".pdf": "Subject"}.get(form, "Description")
    metadata = _METADATA[form] | {said: str(figure.get_label())}
    with rc_context({"svg.hashsalt": "zoo", "pdf.fonttype": 42}):
        figure.savefig(content, format=form[1:], dpi=DPI, metadata=metadata)
    return content.getvalue()
