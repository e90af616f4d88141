"""``zoo compare``: runs side by side, wherever they were kept."""

import sys

from zoo.commands.options import Parser
from zoo.files import given_output, write_output
from zoo.report.formats import FORMS, form_of


def run(verb: str, args: list[str]) -> int:
    """Prints or writes the comparison. Raises InputError for what is no run, and where a file cannot be written."""
    parser = Parser(
        prog=f"zoo {verb}",
        description="Show runs side by side: errors with intervals, McNemar's test where both have predictions on the"
        " same images, time and compute, what differs in the config, learning curves.",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="run folders or folders of them, Records, weights' names (zoo list weights), files of predictions, offline"
        " W&B folders, wandb:entity/project[/run]",
    )
    parser.add_argument(
        "--format",
        choices=("terminal", *FORMS),
        help="default: what --output ends in; otherwise terminal in one, or md",
    )
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of standard output")
    parser.add_argument(
        "--push", metavar="ENTITY/PROJECT", help="also make W&B runs of them there, beside the published figures"
    )
    options = parser.parse_args(args)
    output = given_output(options.output) if options.output is not None else None
    form = form_of(output, options.format)
    from zoo.comparison.document import document
    from zoo.comparison.sources import runs_of

    found = runs_of(options.runs)
    text = document(found, form)
    if options.push is not None:
        from zoo.comparison.push import push

        # Not among the table, which may go on to another program.
        print(push(found, options.push), file=sys.stderr)
    if output is None:
        sys.stdout.write(text)
        return 0
    write_output(output, text.encode())
    return 0
