"""``zoo list models|configs|data|weights|runs``: what there is."""

import shutil
import sys
import textwrap

from zoo.commands.options import Parser
from zoo.errors import InputError
from zoo.files import given_path

WHAT = ("models", "configs", "data", "weights", "runs")
# So many columns a description has at least, or it goes on below the name.
_LEAST = 30


def run(verb: str, args: list[str]) -> int:
    """Prints a line for each network, in the order of their years, config, data set or set of weights."""
    parser = Parser(prog=f"zoo {verb}", description="Show what the zoo holds.")
    parser.add_argument("what", nargs="?", choices=WHAT, help="which of these")
    parser.add_argument("--runs", metavar="DIR", help="of runs: where they are, sweeps among them (default: runs)")
    parser.add_argument("--json", action="store_true", help="of runs: as JSON")
    options = parser.parse_args(args)
    if options.what is None:
        raise InputError(f"What shall be listed? zoo list takes {', '.join(WHAT[:-1])} or {WHAT[-1]}.")
    if options.what == "runs":
        return _list_runs(options.runs, options.json)
    if options.runs is not None or options.json:
        raise InputError("--runs and --json are of zoo list runs: leave them out here.")
    rows = _rows(options.what)
    width = max(map(len, rows))
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    for name, text in rows.items():
        print("\n".join(_folded(f"{name:<{width}}  ", text, columns)))
    return 0


def _folded(name: str, text: str, columns: int) -> list[str]:
    """Lines of at most ``columns``: the text goes on below itself, or where that is too narrow below the name."""
    indent = " " * (len(name) if columns - len(name) >= _LEAST else 4)
    return textwrap.wrap(f"{name}{text}", columns, subsequent_indent=indent, break_on_hyphens=False) or [name]


def _list_runs(given: str | None, as_json: bool) -> int:
    import json

    from zoo.report.run_list import as_data, found_in, lines
    from zoo.runs import RUNS

    found = found_in(given_path(given if given is not None else RUNS))
    print(json.dumps(as_data(found), indent=2) if as_json else "\n".join(lines(found)))
    return 0


def _rows(what: str) -> dict[str, str]:
    if what == "configs":
        from zoo.configs import list_configs

        return list_configs()
    if what == "weights":
        from zoo.weights.show import listed

        return listed()
    from zoo.catalog import DATA, NETWORKS, networks_by_year

    def whose(text: str, added: bool) -> str:
        return f"{text} [another package's]" if added else text

    if what == "data":
        return {name: whose(entry.summary, DATA.is_added(name)) for name, entry in DATA.items()}
    found = {name: NETWORKS[name] for name in networks_by_year()}
    return {
        name: whose(f"{e.year}  {e.summary} ({', '.join(e.variants)})", NETWORKS.is_added(name))
        for name, e in found.items()
    }
