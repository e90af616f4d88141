"""``zoo classify``: the likeliest classes of images."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.commands.options import Parser
from zoo.errors import InputError

# Of the files of a folder that are no images, so many are named.
NAMED = 10


def run(verb: str, args: list[str]) -> int:
    """Reads the options and does what ``classify`` says."""
    parser = Parser(
        prog=f"zoo {verb}",
        description="Show the likeliest classes of images: one view each, through the preprocessing that the weights"
        " were trained with. Networks of handwritten digits expect what MNIST holds, light ink on black.",
    )
    parser.add_argument("weights", metavar="WEIGHTS", help="a name from: zoo list weights, a run folder or a file")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="images of any format and size, or folders of them")
    parser.add_argument("--top", type=int, default=5, metavar="K", help="how many classes (default: 5)")
    parser.add_argument("--invert", action="store_true", help="look at the negatives: for dark ink on light paper")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(args)
    return classify(options.weights, options.images, options.top, options.invert, options.json)


def classify(name: str, images: Sequence[str], top: int, invert: bool, json_wanted: bool) -> int:
    """Prints the ``top`` classes of every image; on standard error what was passed over, and doubts.

    Raises InputError where weights or images are missing or broken, and where not one file is an image.
    """
    from zoo.report.answers import as_json, table
    from zoo.weights import classify as looking
    from zoo.weights.find import find

    if top < 1:
        raise InputError(f"--top is a number of classes, at least 1, not {top}.")
    found = looking.find_images(images)
    weights = find(name)
    skipped: list[InputError] = []
    doubtful: list[Path] = []
    answers = _answers(looking.classify(weights, found, top, invert, skipped.append), doubtful)
    if json_wanted:
        meta = {"weights": weights.name, "network": weights.meta["network"], "variant": weights.meta["variant"]}
        print(as_json(meta | {"view": "single view"}, answers))
    else:
        for line in table(answers, weights.class_names):
            print(line)
    _tell(skipped, doubtful)
    if len(skipped) == len(found):
        raise InputError(f"None of the {len(found)} files is an image: give images, or a folder of images.")
    return 0


def _answers(given: Iterator[Any], doubtful: list[Path]) -> Iterator[dict[str, Any]]:
    for answer in given:
        if answer.dark_on_light:
            doubtful.append(answer.image)
        classes = [{"class": g.name, "index": g.index, "probability": g.probability} for g in answer.guesses]
        yield {"image": str(answer.image), "classes": classes}


def _tell(skipped: Sequence[InputError], doubtful: Sequence[Path]) -> None:
    for error in skipped[:NAMED]:
        print(f"zoo: passed over: {error}", file=sys.stderr)
    if len(skipped) > NAMED:
        print(f"zoo: passed over {len(skipped) - NAMED} more files.", file=sys.stderr)
    if doubtful:
        several = f" and {len(doubtful) - 1} more" if len(doubtful) > 1 else ""
        print(
            f"zoo: {doubtful[0]}{several}: dark on light, it seems, but this network was trained on light ink on black:"
            " add --invert to show it the negative.",
            file=sys.stderr,
        )
