"""``zoo list models|configs|data|weights``: what there is."""

from zoo.commands.options import Parser


def run(verb: str, args: list[str]) -> int:
    """Prints a line for each network, in the order of their years, config, data set or set of weights."""
    parser = Parser(prog=f"zoo {verb}", description="Show what the zoo holds.")
    parser.add_argument("what", choices=("models", "configs", "data", "weights"))
    rows = _rows(parser.parse_args(args).what)
    width = max(map(len, rows))
    for name, text in rows.items():
        print(f"{name:<{width}}  {text}")
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
