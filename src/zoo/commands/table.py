"""``zoo table``: measured errors beside the published ones."""

import sys

from zoo.commands.options import Parser
from zoo.errors import InputError
from zoo.files import given_output, given_path, write_output
from zoo.report.formats import FORMS, form_of


def run(verb: str, args: list[str]) -> int:
    """Prints or writes the tables, and draws the chart. Raises InputError where a file cannot be written."""
    parser = Parser(prog=f"zoo {verb}", description="Show measured errors beside the published ones, with a verdict.")
    parser.add_argument(
        "table", nargs="?", metavar="DATA", help="imagenet, cifar10, mnist, ..., ilsvrc or speed; default: all"
    )
    parser.add_argument(
        "--format",
        choices=FORMS,
        help="default: what --output ends in; otherwise for reading in a terminal, or md",
    )
    parser.add_argument("--columns", metavar="C,...", help="only these, by the beginnings of their headings")
    parser.add_argument("--networks", metavar="N,...", help="only these (zoo list models)")
    parser.add_argument("--sort", default="error", choices=("error", "network", "parameters", "macs", "time"))
    parser.add_argument(
        "--all",
        action="store_true",
        help="in a terminal and a chart: also recipes that later ones have replaced, and in a terminal what training"
        " took and figures that nothing here is compared with",
    )
    parser.add_argument(
        "--records", metavar="DIR", help="where the Records are: runs for your own (default: those that come with zoo)"
    )
    parser.add_argument(
        "--partial", action="store_true", help="also trials: a part of the test set (limit_test_batches), fast_dev_run"
    )
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of standard output")
    parser.add_argument("--chart", metavar="FILE", help="draw it as well, as .png or .svg")
    parser.add_argument(
        "--ladder", metavar="FILE", help="draw error over year, parameters and multiply-accumulates, as .png or .svg"
    )
    options = parser.parse_args(args)
    output, chart, ladder = (
        given_output(file) if file is not None else None for file in (options.output, options.chart, options.ladder)
    )
    given = [file.absolute() for file in (output, chart, ladder) if file is not None]
    if len({*given}) < len(given):
        raise InputError(f"{given[-1].name} is to be written twice: give --output, --chart and --ladder a file each.")
    from zoo.report.selection import Selection
    from zoo.report.tables import document

    records = given_path(options.records) if options.records is not None else None
    form = form_of(output, options.format)
    selection = Selection(
        _names(options.columns), _names(options.networks), options.sort, folded=form == "terminal" and not options.all,
        trials=options.partial,
    )  # fmt: skip
    text = document(options.table, form, records, selection)
    if chart is not None:
        from zoo.report.chart import draw

        draw(options.table, chart, records, everything=options.all)
    if ladder is not None:
        from zoo.report.ladder import draw_ladder

        draw_ladder(options.table, ladder, records)
    if output is None:
        sys.stdout.write(text)
        if selection.folded:
            print("--all: also costs, more published figures, earlier recipes.")
        return 0
    write_output(output, text.encode())
    return 0


def _names(given: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (given or "").split(",") if name.strip())
