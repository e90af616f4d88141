"""``zoo figure``: pictures of trained networks and of what was measured."""

import argparse
from typing import Any

from zoo.commands.options import Parser
from zoo.errors import InputError
from zoo.figures.kinds import KINDS, OPTIONS, PIXELS, function_of, kind_named, typed
from zoo.files import given_output
from zoo.weights.cards import check_there


def run(verb: str, args: list[str]) -> int:
    """Draws the figure and writes it. Raises InputError for bad input, before anything is drawn where it can be."""
    given = vars(_parser(verb).parse_args(args))
    name, names, output, theme = (given.pop(key) for key in ("kind", "weights", "output", "theme"))
    kind = kind_named(name)
    options = {key: value for key, value in given.items() if value is not None}
    if "download" in options:
        options["download"] = options["download"] == "true"
    for key in options:
        if key not in kind.options:
            takes = f"it takes {', '.join(map(typed, kind.options))}" if kind.options else "it has no options"
            raise InputError(f"The figure {name} has no {typed(key)}: {takes}.")
    _check_number(name, names)
    if kind.names == "WEIGHTS":
        for one in names:
            if one != PIXELS:
                check_there(one)
    draw(name, names, options, output, theme)
    return 0


def draw(name: str, names: list[str], options: dict[str, Any], output: str, theme: str) -> None:
    """Draws a kind of figure of these names into a file."""
    from zoo import figures
    from zoo.figures import style

    file = given_output(output)
    style.check_form(file)
    with style.theme(theme):
        style.save(getattr(figures, function_of(name))(*names, **options), file)


def _check_number(name: str, names: list[str]) -> None:
    kind = KINDS[name]
    if len(names) >= kind.fewest and (kind.most is None or len(names) <= kind.most):
        return
    if kind.most == 0:
        raise InputError(f"The figure {name} is of nothing that has a name: leave out {' '.join(names)}.")
    wanted = f"at least {kind.fewest}" if kind.most is None else f"{kind.fewest}"
    if kind.most is not None and kind.most > kind.fewest:
        wanted = f"{kind.fewest} or {kind.most}"
    raise InputError(f"The figure {name} is of {wanted} {kind.names}, not of {len(names)}: zoo {_usage(name)}.")


def _usage(name: str) -> str:
    kind = KINDS[name]
    several = " ..." if kind.most is None or kind.most > 1 else ""
    return f"figure {name} {kind.names}{several} --output F.png" if kind.most != 0 else f"figure {name} --output F.png"


def _parser(verb: str) -> Parser:
    width = max(map(len, KINDS))
    lines = [f"  {name:<{width}}  {kind.about}" for name, kind in KINDS.items()]
    parser = Parser(
        prog=f"zoo {verb}",
        description="Draw what networks learnt and what was measured.",
        epilog="\n".join(["kinds:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help="one of the kinds below")
    parser.add_argument("weights", nargs="*", metavar="NAME", help="weights (zoo list weights), runs, files: what of")
    parser.add_argument("--output", required=True, metavar="FILE", help="the picture, as .png, .svg or .pdf")
    parser.add_argument("--theme", default="light", choices=("light", "dark"), help="the page that it is for")
    for option, how in OPTIONS.items():
        takers = ", ".join(name for name, kind in KINDS.items() if option in kind.options)
        parser.add_argument(typed(option), dest=option, **how | {"help": f"{how['help']} ({takers})"})
    return parser
