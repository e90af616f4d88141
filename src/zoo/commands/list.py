"""``zoo list models|configs|data|weights|runs``: what there is."""

from zoo.commands.options import Parser
from zoo.errors import InputError
from zoo.files import given_path


def run(verb: str, args: list[str]) -> int:
    """Prints a line for each network, in the order of their years, config, data set or set of weights."""
    parser = Parser(prog=f"zoo {verb}", description="Show what the zoo holds.")
    parser.add_argument("what", choices=("models", "configs", "data", "weights", "runs"))
    parser.add_argument("--runs", metavar="DIR", help="of runs: where they are, sweeps among them (default: runs)")
    parser.add_argument("--json", action="store_true", help="of runs: as JSON")
    options = parser.parse_args(args)
    if options.what == "runs":
        return _list_runs(options.runs, options.json)
    if options.runs is not None or options.json:
        raise InputError("--runs and --json are of zoo list runs: leave them out here.")
    rows = _rows(options.what)
    width = max(map(len, rows))
    for name, text in rows.items():
        print(f"{name:<{width}}  {text}")
    return 0


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
