"""Tables as Markdown, HTML, LaTeX, CSV and JSON: the same rows give the same bytes."""

import csv
import html
import io
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

from zoo.errors import InputError

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "<": "$<$", ">": "$>$", "|": "$|$",
}  # fmt: skip
_STYLE = (
    "body{font-family:sans-serif}table{border-collapse:collapse}caption{text-align:left;font-weight:bold}"
    "th,td{border-bottom:1px solid #ccc;padding:.2em .6em;text-align:left}.number{text-align:right}"
)


@dataclass(frozen=True)
class Column:
    """A heading; numbers stand to the right."""

    heading: str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """Cells as text, and for each row the notes that belong under the table, marked at the row's last cell."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    notes: Sequence[Sequence[str]]

    def footnotes(self) -> list[str]:
        """All notes, each once, in the order of the rows."""
        return list(dict.fromkeys(note for notes in self.notes for note in notes))

    def marked(self) -> Iterable[tuple[Sequence[str], list[int]]]:
        """Each row with the numbers of its footnotes."""
        numbers = {note: number for number, note in enumerate(self.footnotes(), start=1)}
        return (
            (row, sorted(numbers[note] for note in notes)) for row, notes in zip(self.rows, self.notes, strict=True)
        )


def write(form: str, rows: Sequence[dict[str, Any]], tables: Sequence[Table], columns: Sequence[str] = ()) -> str:
    """``rows`` as csv or json, which keep everything, or ``tables`` as md, html, latex or for a terminal, for reading.

    ``columns`` are the beginnings of the headings that are wanted; all where there are none. Raises InputError for one
    that no table has, and for columns of csv or json.
    """
    if columns:
        if form not in READABLE:
            raise InputError(f"--columns is for tables to be read, and {form} keeps everything: leave it out.")
        tables = _with_columns(tables, columns)
    if form == "json":
        return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if form == "csv":
        return _csv(rows)
    return READABLE[form](tables)


def _with_columns(tables: Sequence[Table], wanted: Sequence[str]) -> list[Table]:
    headings = list(dict.fromkeys(column.heading for table in tables for column in table.columns))
    for name in wanted:
        if not any(_begins(heading, name) for heading in headings):
            near = get_close_matches(name.lower(), [heading.lower() for heading in headings], 1, cutoff=0.4)
            hint = f"did you mean {near[0].split(',')[0]}?" if near else f"there is {', '.join(headings)}."
            raise InputError(f"No table has a column {name!r}: {hint}")
    found = []
    for table in tables:
        shown = [
            place for name in wanted for place, column in enumerate(table.columns) if _begins(column.heading, name)
        ]
        places = list(dict.fromkeys(shown))
        if places:
            rows = [[row[place] for place in places] for row in table.rows]
            found.append(Table(table.title, [table.columns[place] for place in places], rows, table.notes))
    return found


def _begins(heading: str, name: str) -> bool:
    return heading.lower().startswith(name.lower())


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    """One line a row; an interval has two columns, lists are joined by semicolons."""
    out = io.StringIO()
    flat = [_flat(row) for row in rows]
    writer = csv.DictWriter(out, list(flat[0]) if flat else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if key == "interval":
            flat["interval_low"], flat["interval_high"] = value or (None, None)
        else:
            flat[key] = "; ".join(map(str, value)) if isinstance(value, list) else value
    return flat


def _markdown(tables: Sequence[Table]) -> str:
    return "\n".join(map(_markdown_table, tables))


def _markdown_table(table: Table) -> str:
    lines = [f"## {table.title}", "", _piped(column.heading for column in table.columns)]
    lines.append("|" + "|".join(" ---: " if column.number else " --- " for column in table.columns) + "|")
    for row, marks in table.marked():
        cells = [_escaped(cell) for cell in row]
        cells[-1] += f" [{', '.join(map(str, marks))}]" if marks else ""
        lines.append(_piped(cells))
    notes = [f"{number}. {_escaped(_sentence(note))}" for number, note in enumerate(table.footnotes(), start=1)]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _piped(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Safe in Markdown, where ``1 CNN*`` and ``SIFT_FV`` would start emphasis."""
    return "".join(f"\\{char}" if char in "\\|*_`[<" else char for char in text)


def _html(tables: Sequence[Table]) -> str:
    title = html.escape(tables[0].title) if tables else "zoo"
    head = f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
    return f"{head}<style>{_STYLE}</style>\n</head>\n<body>\n{''.join(map(_html_table, tables))}</body>\n</html>\n"


def _html_table(table: Table) -> str:
    def line(tag: str, cells: Iterable[str]) -> str:
        opened = [f'<{tag} class="number">' if column.number else f"<{tag}>" for column in table.columns]
        return "<tr>" + "".join(f"{o}{cell}</{tag}>" for o, cell in zip(opened, cells, strict=True)) + "</tr>"

    lines = ["<table>", f"<caption>{html.escape(table.title)}</caption>", "<thead>"]
    lines += [line("th", (html.escape(column.heading) for column in table.columns)), "</thead>", "<tbody>"]
    for row, marks in table.marked():
        cells = [html.escape(cell) for cell in row]
        cells[-1] += f"<sup>{', '.join(map(str, marks))}</sup>" if marks else ""
        lines.append(line("td", cells))
    lines += ["</tbody>", "</table>"]
    notes = [f"<li>{html.escape(_sentence(note))}</li>" for note in table.footnotes()]
    return "\n".join([*lines, *(["<ol>", *notes, "</ol>"] if notes else [])]) + "\n"


def _latex(tables: Sequence[Table]) -> str:
    """Tabular environments that need no package; a document includes the file."""
    return "\n".join(map(_latex_table, tables))


def _latex_table(table: Table) -> str:
    lines = [rf"\paragraph{{{_tex(table.title)}}}", ""]
    lines.append(rf"\begin{{tabular}}{{{''.join('r' if column.number else 'l' for column in table.columns)}}}")
    lines += [r"\hline", " & ".join(_tex(column.heading) for column in table.columns) + r" \\", r"\hline"]
    for row, marks in table.marked():
        cells = [_tex(cell) for cell in row]
        cells[-1] += f"$^{{{', '.join(map(str, marks))}}}$" if marks else ""
        lines.append(" & ".join(cells) + r" \\")
    lines += [r"\hline", r"\end{tabular}"]
    notes = [rf"\item {_tex(_sentence(note))}" for note in table.footnotes()]
    return "\n".join([*lines, *([r"\begin{enumerate}", *notes, r"\end{enumerate}"] if notes else [])]) + "\n"


def _tex(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text)


def _sentence(note: str) -> str:
    return f"{note[0].upper()}{note[1:].rstrip('.')}."


def _terminal(tables: Sequence[Table]) -> str:
    from zoo.report.terminal import render

    return render(tables, get_terminal_size().columns)


READABLE: dict[str, Callable[[Sequence[Table]], str]] = {
    "md": _markdown,
    "html": _html,
    "latex": _latex,
    "terminal": _terminal,
}
FORMS = ("md", "csv", "latex", "html", "json")
# What files of them end in, and pictures, which a slip of the pen would replace.
_ENDINGS = {".md": "md", ".csv": "csv", ".tex": "latex", ".html": "html", ".htm": "html", ".json": "json"}
_PICTURES = (".png", ".jpg", ".jpeg", ".svg", ".pdf", ".gif", ".webp")


def form_of(output: Path | None, asked: str | None) -> str:
    """What is asked for; otherwise of a file what it ends in, in a terminal that, and md for all else.

    Raises InputError where the file ends as another form does, or as a picture.
    """
    if output is None:
        return asked or ("terminal" if sys.stdout.isatty() else "md")
    ending = output.suffix.lower()
    own = _ENDINGS.get(ending)
    if ending in _PICTURES or (own and asked not in (None, own)):
        kind = f"not {asked}" if asked else "and this is text"
        raise InputError(f"{output} ends in {output.suffix}, {kind}: give --output another ending.")
    return asked or own or "md"
