"""Where a network, its training or its data depart from the publication: paragraphs of their own in docstrings."""

import inspect
from collections.abc import Iterator
from typing import Any

#: How such a paragraph begins.
MARK = "Deviations and guesses"


def deviations_of(thing: Any) -> Iterator[tuple[Any, str]]:
    """Each such paragraph, on one line, of a class and of those it builds on, or of a function, with whose it is."""
    for owner in inspect.getmro(thing) if inspect.isclass(thing) else [thing]:
        if getattr(owner, "__module__", "").startswith("zoo."):
            for paragraph in inspect.cleandoc(owner.__doc__ or "").split("\n\n"):
                if paragraph.startswith(MARK):
                    yield owner, " ".join(paragraph.split())
