"""What an attack calls: the command itself, or, where it has no verb for a reader, the reader of the Python API."""

import sys
from pathlib import Path

from zoo.cli import main
from zoo.errors import InputError


def call(words: list[str]) -> int:
    """The exit status of ``zoo WORDS``; a first word such as ``!from_state_dict`` means the function of that name."""
    if not words or not words[0].startswith("!"):
        return main(words)
    try:
        CALLS[words[0]](*words[1:])
    except InputError as error:
        # As zoo.cli has it.
        print(f"zoo: {error}", file=sys.stderr)
        return 2
    return 0


def _from_state_dict(path: str, name: str = "linear") -> None:
    from zoo.weights.sources.pytorch import from_state_dict

    from_state_dict(path, name)


def _from_caffemodel(path: str, name: str, mean: str | None = None) -> None:
    from zoo.weights.sources.caffemodel import from_caffemodel

    from_caffemodel(path, name, mean)


def _from_convnetjs(path: str) -> None:
    from zoo.weights.sources.convnetjs import from_convnetjs

    from_convnetjs(path)


def _read_published(path: str) -> None:
    from zoo.results.published import load

    load(Path(path))


def _load(path: str) -> None:
    import zoo

    zoo.load(path)


def _logits(name: str, channels: str, size: str) -> None:
    import torch

    import zoo

    zoo.get_model(name)(torch.zeros(1, int(channels), int(size), int(size)))


CALLS = {
    "!from_state_dict": _from_state_dict,
    "!from_caffemodel": _from_caffemodel,
    "!from_convnetjs": _from_convnetjs,
    "!read_published": _read_published,
    "!load": _load,
    "!logits": _logits,
}
