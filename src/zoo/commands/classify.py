"""``zoo classify``: the likeliest classes of images."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.commands.options import Parser
from zoo.errors import InputError
from zoo.imports import import_large
from zoo.weights.cards import check_there

# Of the files of a folder that are no images, so many are named.
NAMED = 10


def run(verb: str, args: list[str]) -> int:
    """Reads the options and does what ``classify`` says."""
    parser = Parser(
        prog=f"zoo {verb}",
        description="Show the likeliest classes of images: one view each, through the preprocessing that the weights"
        " were trained with. For networks that learnt MNIST the digits in an image are found, dark or light, and each"
        " is brought into MNIST's form; for those that learnt CIFAR-10 a photograph's centre square is averaged down.",
    )
    parser.add_argument("weights", metavar="WEIGHTS", help="a name from: zoo list weights, a run folder or a file")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="images of any format and size, or folders of them")
    parser.add_argument("--top", type=int, default=5, metavar="K", help="how many classes (default: 5)")
    parser.add_argument("--invert", action="store_true", help="look at the negatives")
    parser.add_argument(
        "--as-is", action="store_true", help="only scale images, and leave out what brings them into the data's form"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_trust()
    options = parser.parse_args(args)
    return classify(options.weights, options.images, options.top, options.invert, options.as_is, options.json)


def classify(name: str, images: Sequence[str], top: int, invert: bool, as_is: bool, json_wanted: bool) -> int:
    """Prints the ``top`` classes of every image or digit, and how the images were prepared.

    On standard error it says what was passed over, and doubts. Raises InputError where weights or images are missing or
    broken, and where not one file is an image.
    """
    if top < 1:
        raise InputError(f"--top is a number of classes, at least 1, not {top}.")
    check_there(name)
    import_large("zoo.weights.classify")
    from zoo.report.answers import as_json, table
    from zoo.weights import classify as looking
    from zoo.weights.find import find

    found = looking.find_images(images)
    weights = find(name)
    skipped: list[InputError] = []
    doubts: dict[str, dict[Path, None]] = {}
    answers = _answers(looking.classify(weights, found, top, invert, skipped.append, as_is), doubts)
    if json_wanted:
        meta = {"weights": weights.name, "network": weights.meta["network"], "variant": weights.meta["variant"]}
        print(as_json(meta | {"view": "single view"}, answers))
    else:
        for line in table(answers, weights.class_names, looking.preparation_of(weights)):
            print(line)
    _tell(skipped, doubts)
    if len(skipped) == len(found):
        raise InputError(f"None of the {len(found)} files is an image: give images, or a folder of images.")
    return 0


def _answers(given: Iterator[Any], doubts: dict[str, dict[Path, None]]) -> Iterator[dict[str, Any]]:
    for answer in given:
        region = answer.region
        for doubt in region.doubts:
            doubts.setdefault(doubt, {})[region.image] = None
        classes = [{"class": g.name, "index": g.index, "probability": g.probability} for g in answer.guesses]
        found: dict[str, Any] = {"image": str(region.image)}
        if region.count > 1:
            found |= {"digit": region.number, "digits": region.count}
        if region.box is not None:
            found["box"] = list(region.box)
        yield found | {"prepared": region.prepared, "doubts": list(region.doubts), "classes": classes}


def _tell(skipped: Sequence[InputError], doubts: Mapping[str, Mapping[Path, None]]) -> None:
    for error in skipped[:NAMED]:
        print(f"zoo: passed over: {error}", file=sys.stderr)
    if len(skipped) > NAMED:
        print(f"zoo: passed over {len(skipped) - NAMED} more files.", file=sys.stderr)
    for doubt, images in doubts.items():
        several = f" and {len(images) - 1} more" if len(images) > 1 else ""
        print(f"zoo: {next(iter(images))}{several}: {doubt}", file=sys.stderr)
