"""The protocols by name: as Records and published figures call them, and as one types them."""

import difflib
import re

from zoo.errors import InputError
from zoo.evaluation.protocols.plan import Part, Protocol, centre, grid, mirror, nine, shifted, ten, whole

SINGLE_VIEW = "single view"
SIX_VIEWS = "six shifted and flipped views"
NINE_CROPS = "nine crops"
TEN_CROPS = "ten crops"

_PLAIN = (
    Protocol(SINGLE_VIEW, "centre", (centre,)),
    Protocol("centre and mirror", "mirror", (mirror,)),
    Protocol(TEN_CROPS, "ten-crop", (ten,), any_size=False),
    Protocol(NINE_CROPS, "nine-crops", (nine,), any_size=False),
    Protocol(SIX_VIEWS, "six-views", (shifted,)),
)
# Those that take scales: what one types, the parts, and the words of a Record for one scale's number of views.
_SCALED: dict[str, tuple[tuple[Part, ...], str]] = {
    "dense": ((whole,), "dense"),
    "multi-crop": ((grid,), "{crops} crops"),
    "multi-crop+dense": ((grid, whole), "{crops} crops and dense"),
}
_CROPS_PER_SCALE = 50
_EXAMPLES = ("dense-256", "dense-384", "dense-256-384-512", "multi-crop-256-384-512", "multi-crop+dense-256-384-512")


def protocol(name: str) -> Protocol:
    """The protocol of a name, typed (``dense-256-384-512``) or stored (``dense, Q = 256, 384, 512``).

    Raises InputError, with the nearest name, where there is none.
    """
    for known in _PLAIN:
        if name in (known.name, known.typed):
            return known
    typed = re.fullmatch(r"(dense|multi-crop|multi-crop\+dense)((?:-\d+)+)", name)
    if typed:
        return _scaled(typed[1], [int(scale) for scale in typed[2][1:].split("-")])
    stored = re.fullmatch(r"(dense|\d+ crops|\d+ crops and dense), Q = (\d+(?:, \d+)*)", name)
    if stored:
        kind = re.sub(r"^\d+ crops", "multi-crop", stored[1]).replace(" and ", "+")
        found = _scaled(kind, [int(scale) for scale in stored[2].split(", ")])
        if found.name == name:
            return found
    names = [*(known.typed for known in _PLAIN), *_EXAMPLES]
    near = difflib.get_close_matches(name, [*names, *_SCALED], 1)
    if near and near[0] in _SCALED:
        raise InputError(f"The protocol {name!r} needs scales: {near[0]}-384, or {near[0]}-256-384-512, for example.")
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(names)}."
    raise InputError(f"There is no protocol {name!r}: {hint}")


def _scaled(kind: str, scales: list[int]) -> Protocol:
    if len(set(scales)) < len(scales) or 0 in scales:
        raise InputError(f"The scales of {kind} must be positive and different, not {', '.join(map(str, scales))}.")
    parts, words = _SCALED[kind]
    name = f"{words.format(crops=_CROPS_PER_SCALE * len(scales))}, Q = {', '.join(map(str, scales))}"
    return Protocol(name, "-".join((kind, *map(str, scales))), parts, tuple(scales))
