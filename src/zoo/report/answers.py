"""What networks say about images, as text: a table to read, or JSON."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

# A longer path stands in a line of its own.
_WIDEST = 40


def table(answers: Iterable[dict[str, Any]], class_names: Iterable[str]) -> Iterator[str]:
    """The lines of a table, each as soon as its image has been looked at; one line a class.

    An answer is {"image": path, "classes": [{"class", "index", "probability"}, ...]}, the likeliest class first; no
    classes mean that the network gave no answer.
    """
    wide = max([len("class"), *map(len, class_names)])
    for place, answer in enumerate(answers):
        # Not before there is an answer: weights that cannot be had would leave the head of a table behind.
        if place == 0:
            yield f"{'image':<{_WIDEST}}  {'class':<{wide}}  probability"
        image = answer["image"]
        if len(image) > _WIDEST:
            yield image
            image = ""
        if not answer["classes"]:
            yield f"{image:<{_WIDEST}}  no answer"
        for guess in answer["classes"]:
            yield f"{image:<{_WIDEST}}  {guess['class']:<{wide}}  {100 * guess['probability']:9.2f} %"
            image = ""


def as_json(weights: dict[str, Any], answers: Iterable[dict[str, Any]]) -> str:
    """One document: ``weights`` says which they are, ``images`` holds the answers."""
    return json.dumps(weights | {"images": list(answers)}, indent=2, ensure_ascii=False, allow_nan=False)
