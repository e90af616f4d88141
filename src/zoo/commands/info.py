"""``zoo info NETWORK`` and ``zoo info weights NAME``: a network layer by layer; how trained weights came to be."""

from zoo.commands.options import Parser
from zoo.errors import InputError
from zoo.files import given_path


def run(verb: str, args: list[str]) -> int:
    """Prints what is known, as text or JSON. Raises InputError for an unknown name."""
    return _weights(args[1:]) if args[:1] == ["weights"] else _network(verb, args)


def _network(verb: str, args: list[str]) -> int:
    parser = Parser(prog=f"zoo {verb}", description="Show a network layer by layer.")
    parser.add_argument("network", metavar="NETWORK", help="a name from: zoo list models; a run folder or a file")
    parser.add_argument("--variant", help="a form other than the default")
    parser.add_argument("--input-size", type=int, metavar="N", help="images of N x N pixels")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_trust()
    options = parser.parse_args(args)
    from zoo.catalog import NETWORKS
    from zoo.report.network import describe, describe_network, render
    from zoo.report.prepared import description_of

    if options.network not in NETWORKS and given_path(options.network).exists():
        # Not the report's to find, which is beside the weights.
        from zoo.weights.find import find

        if options.variant or options.input_size:
            raise InputError(f"{options.network} holds one network: leave out --variant and --input-size.")
        description = describe_network(find(options.network).network())
    else:
        ready = description_of(options.network, options.variant) if options.input_size is None else None
        description = ready or describe(options.network, options.variant, options.input_size)
    if options.json:
        import json

        print(json.dumps(description, indent=2))
    else:
        render(description)
    return 0


def _weights(args: list[str]) -> int:
    parser = Parser(prog="zoo info weights", description="Show how trained weights came to be, and what they score.")
    parser.add_argument("name", metavar="NAME", help="a name from: zoo list weights; a run folder or a file")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_trust()
    options = parser.parse_args(args)
    from zoo.weights.show import as_json, card_of, render

    card = card_of(options.name)
    if options.json:
        print(as_json(card))
    else:
        render(card)
    return 0
