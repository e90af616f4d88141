"""What networks say about images, as text: a table to read, or JSON."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

# A longer path stands in a line of its own.
_WIDEST = 40


def table(answers: Iterable[dict[str, Any]], class_names: Iterable[str], preparation: str = "") -> Iterator[str]:
    """The lines of a table, each as soon as its image has been looked at; one line a class.

    An answer is {"image": path, "prepared": bool, "classes": [{"class", "index", "probability"}, ...]}, the likeliest
    class first; no classes mean that the network gave no answer. Of several digits in one image each has an answer,
    with "digit", from 1 to "digits", and after the last one they are read together. At the end ``preparation`` says
    what was done to the images that were prepared.
    """
    wide = max([len("class"), *map(len, class_names)])
    read: list[str] = []
    count = prepared = 0
    for count, answer in enumerate(answers, 1):
        # Not before there is an answer: weights that cannot be had would leave the head of a table behind.
        if count == 1:
            yield f"{'image':<{_WIDEST}}  {'class':<{wide}}  probability"
        prepared += answer["prepared"]
        several = "digit" in answer
        image = f"{answer['image']}, digit {answer['digit']}" if several else answer["image"]
        if len(image) > _WIDEST:
            yield image
            image = ""
        if not answer["classes"]:
            yield f"{image:<{_WIDEST}}  no answer"
        for guess in answer["classes"]:
            yield f"{image:<{_WIDEST}}  {guess['class']:<{wide}}  {100 * guess['probability']:9.2f} %"
            image = ""
        if several:
            read.append(answer["classes"][0]["class"] if answer["classes"] else "?")
            if answer["digit"] == answer["digits"]:
                yield f"{answer['image']} reads {''.join(read)}"
                read = []
    if prepared:
        yield f"{prepared} of {count} {preparation}; --as-is leaves this out."


def as_json(weights: dict[str, Any], answers: Iterable[dict[str, Any]]) -> str:
    """One document: ``weights`` says which they are, ``images`` holds the answers."""
    return json.dumps(weights | {"images": list(answers)}, indent=2, ensure_ascii=False, allow_nan=False)
