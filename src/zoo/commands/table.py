"""``zoo table``: measured errors beside the published ones."""

import sys
from pathlib import Path

from zoo.commands.options import Parser
from zoo.errors import InputError


def run(verb: str, args: list[str]) -> int:
    """Prints or writes the tables, and draws the chart. Raises InputError where a file cannot be written."""
    parser = Parser(prog=f"zoo {verb}", description="Show measured errors beside the published ones, with a verdict.")
    parser.add_argument(
        "data", nargs="?", metavar="DATA", help="imagenet, cifar10, mnist, ..., ilsvrc or speed; default: all"
    )
    parser.add_argument("--format", default="md", choices=("md", "csv", "latex", "html", "json"))
    parser.add_argument("--records", metavar="DIR", help="where the Records are: a checkout's own, otherwise runs/")
    parser.add_argument(
        "--partial", action="store_true", help="also trials: a part of the test set (limit_test_batches), fast_dev_run"
    )
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of standard output")
    parser.add_argument("--chart", metavar="FILE", help="draw it as well, as .png or .svg")
    parser.add_argument(
        "--ladder", metavar="FILE", help="draw error over year, parameters and multiply-accumulates, as .png or .svg"
    )
    options = parser.parse_args(args)
    from zoo.report.tables import document

    records = Path(options.records) if options.records is not None else None
    text = document(options.data, options.format, records, trials=options.partial)
    if options.chart is not None:
        from zoo.report.chart import draw

        draw(options.data, Path(options.chart), records)
    if options.ladder is not None:
        from zoo.report.ladder import draw_ladder

        draw_ladder(options.data, Path(options.ladder), records)
    if options.output is None:
        sys.stdout.write(text)
        return 0
    try:
        Path(options.output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"Cannot write {options.output}: {error.strerror}.") from error
    return 0
