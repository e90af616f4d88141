"""``zoo export``: trained weights written for other programs."""

from collections.abc import Iterator
from typing import Any

from zoo.commands.options import Parser
from zoo.files import given_path
from zoo.imports import import_large
from zoo.weights.cards import check_there
from zoo.weights.export.formats import FORMATS


def run(verb: str, args: list[str]) -> int:
    """Exports, and says what was written and how it was checked."""
    parser = Parser(
        prog=f"zoo {verb}",
        description="Write trained weights for other programs. What was written is read back and must give the"
        " network's logits on real and on random images, or nothing is left.",
    )
    parser.add_argument("weights", metavar="WEIGHTS", help="a name from: zoo list weights, a run folder or a file")
    parser.add_argument(
        "--format", required=True, choices=tuple(FORMATS),
        help="; ".join(each.summary for each in FORMATS.values()),
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FILE", help="the file, for hub the folder (default: named after the weights)"
    )
    parser.add_argument("--half", action="store_true", help="store the weights in 16 bits; computing stays in 32")
    parser.add_trust()
    options = parser.parse_args(args)
    check_there(options.weights)
    import_large("zoo.weights.export.write")
    from zoo.weights.export.write import export
    from zoo.weights.find import find

    output = given_path(options.output) if options.output is not None else None
    for line in _report(export(find(options.weights), options.format, output, options.half)):
        print(line)
    return 0


def _report(done: Any) -> Iterator[str]:
    found, images = done.agreement, f"{done.num_real} real and {done.num_random} random images"
    yield f"Wrote {done.path}, {done.num_bytes:,} bytes."
    yield (
        f"Checked on {images}: logits, of up to {found.scale:.3g}, differ by {found.largest:.2g} at most, and the same"
        " five classes lead on all."
    )
    if done.rounding is not None:
        yield (
            f"Storing the weights in {done.bits} bits moves the logits by {done.rounding.largest:.2g} at most; the"
            f" first class is the same on {done.rounding.same_first} of {found.num_images} images."
        )
