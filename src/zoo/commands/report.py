"""``zoo report``: all that is known of some networks as one page."""

from zoo.commands.options import Parser
from zoo.files import given_output
from zoo.imports import import_large


def run(verb: str, args: list[str]) -> int:
    """Writes the page. Raises InputError for what was not measured, and where the file cannot be written."""
    parser = Parser(prog=f"zoo {verb}", description="Write one page about networks: verdicts, pictures, provenance.")
    parser.add_argument(
        "names", nargs="+", metavar="NAME", help="weights from: zoo list weights; run folders, Records, W&B runs"
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="the page, as .html")
    options = parser.parse_args(args)
    output = given_output(options.output)
    import_large("zoo.page.document")
    from zoo.page.document import write_report

    size = write_report(options.names, output)
    print(f"{options.output}: {size / 1e6:.1f} MB")
    return 0
