"""``zoo classify`` and ``zoo export``: trained networks put to use."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import InputError
from zoo.report.answers import as_json, table
from zoo.weights import classify as looking
from zoo.weights.export.write import Exported, export
from zoo.weights.find import find
from zoo.weights.trained import Weights

# Of the files of a folder that are no pictures, so many are named.
NAMED = 10


def classify(name: str, images: Sequence[str], top: int, invert: bool, json_wanted: bool) -> int:
    """Prints the ``top`` classes of every picture; on standard error what was passed over, and doubts.

    Raises InputError where weights or pictures are missing or broken, and where not one file is a picture.
    """
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
        raise InputError(f"None of the {len(found)} files is a picture: give pictures, or a folder of pictures.")
    return 0


def _answers(given: Iterator[looking.Answer], doubtful: list[Path]) -> Iterator[dict[str, Any]]:
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


def write(name: str, form: str, output: str | None, half: bool) -> int:
    """Exports and says what was written and how it was checked."""
    weights: Weights = find(name)
    for line in _report(export(weights, form, Path(output) if output is not None else None, half)):
        print(line)
    return 0


def _report(done: Exported) -> Iterator[str]:
    found, images = done.agreement, f"{done.num_real} real and {done.num_random} random images"
    yield f"Wrote {done.path}, {done.num_bytes:,} bytes."
    yield (
        f"Checked on {images}: logits, of up to {found.scale:.3g}, differ by {found.largest:.2g} at most, and the same"
        " five classes lead on all."
    )
    if done.rounding is not None:
        yield (
            f"Storing the weights in 16 bits moves the logits by {done.rounding.largest:.2g} at most; the first class"
            f" is the same on {done.rounding.same_first} of {found.num_images} images."
        )
