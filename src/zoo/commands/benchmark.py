"""``zoo benchmark``: trained networks under the papers' test protocols, or any network's images a second."""

from typing import Any

from zoo.commands.options import Parser
from zoo.errors import EMPTY, InputError
from zoo.files import given_path
from zoo.imports import import_large
from zoo.results.speed import FORMS
from zoo.weights.cards import check_there
from zoo.weights.names import network_and_variant

# Examples: the names stand in zoo.evaluation.protocols, which imports torch, and an unknown one is answered with all.
PROTOCOLS = (
    "such as centre, ten-crop, dense-384 or multi-crop+dense-256-384-512, with any scales, several with commas between;"
    " default: the network's own"
)
# Options that are for one of the two kinds of measuring only.
_OF_SPEED = ("batch_sizes", "warmup", "repeats", "forms")


def run(verb: str, args: list[str]) -> int:
    """Measures what the options say; returns 0. Raises InputError for bad input."""
    options = _parsed(verb, args)
    if options.pop("speed"):
        return _speed(options)
    for name in options["weights"]:
        check_there(name)
    import_large("zoo.benchmark.verb")
    from zoo.benchmark.measurements import BenchmarkOptions
    from zoo.benchmark.verb import benchmark

    predictions = given_path(options["predictions"]) if options["predictions"] else None
    chosen = BenchmarkOptions(options["ensemble"], options["batch_size"], options["devices"], predictions)
    given = {key.removeprefix("data."): value for key, value in options.items() if key.startswith("data.")}
    benchmark(
        options["weights"], [name for name in options["protocol"].split(",") if name], chosen, data=options["data"],
        data_options={key: value for key, value in given.items() if value is not None}, output=options["output"],
    )  # fmt: skip
    return 0


def _parsed(verb: str, args: list[str]) -> dict[str, Any]:
    parser = Parser(
        prog=f"zoo {verb}",
        description="Measure trained networks under the papers' test protocols, or, with --speed, any network's images"
        " a second.",
    )
    add = parser.add_argument
    add("weights", nargs="+", metavar="WEIGHTS", help="run folders, files, names of weights (zoo list weights)")
    add("--data", metavar="NAME", help="a name from: zoo list data; default: the weights' own")
    add("--data.root", metavar="DIR", help="the folder that holds the data")
    add("--data.transform", metavar="NAME", help="the preprocessing; default: the weights' own")
    add("--data.num_workers", type=int, metavar="N", help="ImageNet: processes that decode")
    add("--protocol", default="", metavar="P,...", help=PROTOCOLS)
    add("--output", metavar="DIR", help="where the Records go (default: runs/benchmark/<time>)")
    add("--predictions", metavar="FILE", help="also write FILE.npz, FILE.parquet or FILE.csv")
    add("--ensemble", action="store_true", help="measure the mean of the networks' probabilities")
    add("--batch_size", type=int, default=128, metavar="N", help="images a step (default: 128)")
    add("--devices", default="auto", metavar="N", help="GPUs, or processes where there is none")
    add("--speed", action="store_true", help="time networks, given as NETWORK or NETWORK-VARIANT")
    add("--batch_sizes", metavar="N,...", help="with --speed (default: 1,32,128)")
    add("--warmup", type=int, metavar="N", help="with --speed: steps before the clock starts (default: 3)")
    add("--repeats", type=int, metavar="N", help="with --speed: timings a row (default: 10)")
    add("--forms", metavar="F,...", help=f"with --speed, only these of {', '.join(FORMS)}, with commas between")
    parser.add_trust()
    options = vars(parser.parse_args(args))
    for name in _OF_SPEED:
        if not options["speed"] and options[name] is not None:
            raise InputError(f"--{name} is for zoo benchmark --speed: add --speed, or leave it out.")
    return options


def _speed(options: dict[str, Any]) -> int:
    from datetime import datetime

    for name in options["weights"]:
        network_and_variant(name)
    try:
        sizes = [int(size) for size in (options["batch_sizes"] or "1,32,128").split(",")]
    except ValueError as error:
        raise InputError(
            f"--batch_sizes are whole numbers with commas between, not {options['batch_sizes']}."
        ) from error
    folder = given_path(options["output"] or datetime.now().strftime("runs/speed/%Y-%m-%d_%H-%M-%S"))
    forms = [form for form in (options["forms"] or "").split(",") if form]
    if options["forms"] is not None and not forms:
        raise InputError(f"--forms names none: {EMPTY}.")
    warmup, repeats = options["warmup"], options["repeats"]
    import_large("zoo.benchmark.speed")
    from zoo.benchmark.speed import measure

    measure(
        options["weights"], sizes, folder, warmup=3 if warmup is None else warmup,
        repeats=10 if repeats is None else repeats, forms=forms,
    )  # fmt: skip
    print(f"Records: {folder}")
    return 0
