"""Tables for a terminal: as many columns as it is wide, the rest by name."""

import io
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from zoo.report.formats import Table

# What a narrow terminal does without, the first first.
_LEFT_OUT_FIRST = (
    "top-5 interval", "top-5", "neither", "images", "interval, 95 %", "points", "first", "reached at step", "at step",
    "test time", "epochs", "steps", "training images/s", "seed", "compared", "time a run", "over seeds",
    "MACs", "n", "training MACs", "images seen", "top-5 error, %", "parameters", "time then", "device", "runs",
    "difference, 95 % interval", "hardware of the time", "protocol", "split", "nets", "more data", "read in",
    "wall time", "in this zoo", "variant", "source", "training",
)  # fmt: skip
# Text may be wrapped down to so many columns, or to its longest word where that is not much more; numbers may not.
_LEAST, _LONGEST_WORD = 14, 20
_GAP = 3


def render(tables: Sequence[Table], width: int) -> str:
    """The tables as text of at most ``width`` columns, with a line for the columns that found no room."""
    console = Console(file=io.StringIO(), width=width, highlight=False, legacy_windows=False)
    for table in tables:
        left_out = _left_out(table, width)
        shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title_justify="left")
        kept = [place for place, column in enumerate(table.columns) if column.heading not in left_out]
        fits = sum(_need(table, place) + _GAP for place in kept) <= width
        for place in kept:
            column = table.columns[place]
            shown.add_column(
                Text(column.heading),
                justify="right" if column.number else "left",
                no_wrap=column.number,
                min_width=_need(table, place) if fits else None,
                overflow="fold",
            )
        for row in table.rows:
            shown.add_row(*(Text(row[place]) for place in kept))
        console.print(Text(table.title, style="bold"))
        console.print(shown)
        if left_out:
            console.print(no_room(left_out), "", sep="\n")
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _left_out(table: Table, width: int) -> list[str]:
    needs = [(column.heading, _need(table, place)) for place, column in enumerate(table.columns)]
    return without_room(needs, width, _GAP, _LEFT_OUT_FIRST)


def _need(table: Table, place: int) -> int:
    column = table.columns[place]
    texts = [column.heading, *(row[place] for row in table.rows)]
    widest = max(map(cell_len, texts))
    if column.number:
        return widest
    word = max((cell_len(word) for text in texts for word in text.split()), default=0)
    return min(widest, max(_LEAST, min(word, _LONGEST_WORD)))


def without_room(needs: Sequence[tuple[str, int]], width: int, gap: int, first: Sequence[str]) -> list[str]:
    """Headings of ``first``, in that order, until the other columns fit into ``width``.

    ``needs`` are the columns' headings and widths, ``gap`` is what stands behind each.
    """
    left_out = []
    for heading in first:
        if sum(need for _, need in needs) + gap * len(needs) <= width:
            break
        if any(heading == other for other, _ in needs):
            needs = [(other, need) for other, need in needs if other != heading]
            left_out.append(heading)
    return left_out


def no_room(left_out: Sequence[str]) -> Text:
    """The line that names the columns left out, without their units."""
    return Text(f"No room for {', '.join(heading.split(',')[0] for heading in left_out)}.", style="dim")
