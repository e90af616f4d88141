"""A comparison as one HTML file: the tables, and the learning curves drawn in it. It asks for nothing from outside."""

import html
import math
import re
from collections.abc import Sequence

from zoo.comparison.measures import letters
from zoo.comparison.run import Curve, Run
from zoo.comparison.tables import shown_metrics
from zoo.report.formats import READABLE, Table

# Okabe and Ito's colours but for yellow and black, which one of the two backgrounds swallows; then dashes.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
_DASHES = ("none", "6 3", "2 3", "8 3 2 3")
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 440, 240, 56, 36, 24
_STYLE = (
    ":root{color-scheme:light dark}body{max-width:75rem;margin:1rem auto;padding:0 1rem;line-height:1.4}"
    ".scroll{overflow-x:auto;margin:1.5rem 0 .5rem}th,td{vertical-align:top}"
    ".curves{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0}svg{max-width:100%;height:auto}"
    "svg text{fill:currentColor;font:12px sans-serif}.frame{stroke:currentColor;stroke-opacity:.35;fill:none}"
)


def page(runs: Sequence[Run], tables: Sequence[Table]) -> str:
    """The tables as ``zoo table --format html`` has them, with the curves below."""
    figures = "\n".join(_figure(metric, runs) for metric in shown_metrics(runs))
    text = READABLE["html"](tables)
    text = text.replace(
        '<meta charset="utf-8">', '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">', 1
    )
    text = text.replace("</style>", f"{_STYLE}</style>", 1)
    # A wide table is moved by keys, too.
    box = r'<div class="scroll" tabindex="0" role="region" aria-label="\1">'
    text = re.sub(r"<table>\n<caption>(.*?)</caption>", rf"{box}\n\g<0>", text)
    text = text.replace("</table>", "</table>\n</div>").replace("<th>", '<th scope="col">')
    text = text.replace('<th class="number">', '<th scope="col" class="number">')
    drawn = f'<div class="curves">\n{figures}\n</div>\n' if figures else ""
    text = text.replace("<body>", f"<body>\n<main>\n<h1>{len(runs)} runs compared</h1>", 1)
    return text.replace("</body>", f"{drawn}</main>\n</body>", 1)


def _figure(metric: str, runs: Sequence[Run]) -> str:
    """One metric over the trainer's step, a line a run."""
    drawn = [
        (place, name, curve)
        for place, (name, run) in enumerate(zip(letters(len(runs)), runs, strict=True))
        if (curve := {step: value for step, value in run.curves.get(metric, {}).items() if math.isfinite(value)})
    ]
    if not drawn:
        return ""
    end = max(max(curve) for _, _, curve in drawn) or 1
    values = [value for _, _, curve in drawn for value in curve.values()]
    low, high = min(values), max(values)
    high = high if high > low else low + 1
    said = ", ".join(f"{name} ends at {curve[max(curve)]:.4g}" for _, name, curve in drawn)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img"'
        f' aria-label="{html.escape(metric)} over steps: {said}">',
        f'<text x="{_LEFT}" y="14">{html.escape(metric)}</text>',
        f'<path class="frame" d="M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - 30}"/>',
        *(_tick(value, low, high) for value in (low, (low + high) / 2, high)),
        f'<text x="{_LEFT}" y="{_HEIGHT - _BOTTOM + 16}">0</text>',
        f'<text x="{_WIDTH - 30}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="end">{end:,}</text>',
        f'<text x="{(_LEFT + _WIDTH - 30) / 2}" y="{_HEIGHT - 4}" text-anchor="middle">step</text>',
    ]
    for place, name, curve in drawn:
        parts.append(_line(place, name, curve, (end, low, high)))
    return "<figure>" + "\n".join([*parts, "</svg>"]) + "</figure>"


def _tick(value: float, low: float, high: float) -> str:
    y = _y(value, low, high)
    return f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>'


def _line(place: int, name: str, curve: Curve, scale: tuple[int, float, float]) -> str:
    """A run's line with its letter at the end; a dot where there is only one value."""
    end, low, high = scale
    colour, dash = _COLOURS[place % len(_COLOURS)], _DASHES[place // len(_COLOURS) % len(_DASHES)]
    points = [(_LEFT + step / end * (_WIDTH - 30 - _LEFT), _y(value, low, high)) for step, value in curve.items()]
    x, y = points[-1]
    path = " ".join(f"{left:.1f},{top:.1f}" for left, top in points)
    dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{dash}"/>'
    return f'{line}{dot}<text x="{x + 6:.1f}" y="{y + 4:.1f}">{name}</text>'


def _y(value: float, low: float, high: float) -> float:
    return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _BOTTOM - _TOP)
