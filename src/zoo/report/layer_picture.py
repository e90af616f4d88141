"""The layers of a network as a picture: SVG text, for pages that give the classes ``box`` and ``edge`` colours."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

# Pixels: the tallest and widest box, the smallest, the room between boxes and for the words below.
_TALLEST, _WIDEST, _SMALLEST, _GAP, _WORDS = 130, 46, 5, 30, 66


def picture(description: dict[str, Any]) -> str:
    """The maps behind each layer that has weights or changes the maps' size, left to right, of ``zoo info``'s facts.

    A box is as high as the logarithm of its maps' side and as wide as that of their number; a vector is a thin bar as
    high as that of its length.
    """
    channels, *sides = description["input_shape"]
    boxes = [("input", "", (channels, *sides))]
    boxes += [
        (layer["name"], layer["kind"], tuple(layer["output_shape"]))
        for layer in description["layers"]
        if not layer["elementwise"] and layer["output_shape"]
    ]
    drawn, x = [], 10.0
    for name, kind, shape in boxes:
        height, width = _sizes(shape)
        step = max(width + _GAP, 8 * max(len(text) for text in (name, kind, _words(shape))) + 12)
        middle = x + step / 2
        drawn.append(_box(middle, width, height, flat=len(shape) == 1))
        texts = ((name, 600), (kind, 400), (_words(shape), 400))
        drawn += [
            f'<text x="{middle:.1f}" y="{_TALLEST + 34 + 17 * line}" font-weight="{weight}">{escape(text)}</text>'
            for line, (text, weight) in enumerate(texts)
        ]
        x += step
    said = "; ".join(f"{name} {_words(shape)}" for name, _, shape in boxes)
    title = f"Layers of {description['network']}, {description['variant']}: {said}"
    return (
        f'<svg class="layers" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title, quote=True)}" '
        f'viewBox="0 0 {x + 10:.0f} {_TALLEST + _WORDS + 24}" width="{x + 10:.0f}" '
        'font-family="inherit" font-size="12" text-anchor="middle" fill="currentColor">' + "".join(drawn) + "</svg>"
    )


def _sizes(shape: Sequence[int]) -> tuple[float, float]:
    if len(shape) == 1:
        return _scaled(shape[0], 4096, _TALLEST), _SMALLEST
    return _scaled(shape[1], 256, _TALLEST), _scaled(shape[0], 512, _WIDEST)


def _scaled(value: int, largest: int, most: float) -> float:
    return max(_SMALLEST, most * min(1.0, math.log1p(value) / math.log1p(largest)))


def _words(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _box(middle: float, width: float, height: float, flat: bool) -> str:
    left, top = middle - width / 2, 10 + (_TALLEST - height) / 2
    front = f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1" class="box"/>'
    if flat:
        return front
    # Two edges behind the front, so that a stack of maps reads as one.
    depth = 5
    back = (
        f'<path class="edge" d="M{left:.1f} {top:.1f}l{depth} {-depth}h{width:.1f}v{height:.1f}l{-depth} {depth}'
        f'M{left + width:.1f} {top:.1f}l{depth} {-depth}"/>'
    )
    return front + back
