"""Photographs and drawings of digits, made here, and how many of them trained networks read.

    python benchmarks/digits_on_paper.py                        # the table, for lenet5/mnist-distorted
    python benchmarks/digits_on_paper.py --keep pictures --weights lenet5/mnist

No stroke comes from MNIST: the hands are skeletons drawn for this file, two forms or three a digit, with a writer's
slant, tremble and proportions, and scikit-learn's digits, which other people wrote for another set. A picture is what a
phone makes of them: ink of a pen on white, lined or squared paper or chalk on a board, under uneven light and shadows,
from an angle, out of focus, with noise and JPEG; or a drawing in a paint program. All of it is drawn from ``--seed``.
A picture of several digits is right where all of them are, from left to right, and nothing else is read.
"""

import argparse
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageOps
from scipy import ndimage

from zoo.models.network import Network
from zoo.weights.doubts import dark_on_light
from zoo.weights.find import find
from zoo.weights.preprocessing import ImagePreprocessing
from zoo.weights.regions import regions_of
from zoo.weights.trained import Weights

Rng = np.random.Generator

# Each form is a list of strokes, a stroke a list of points in a box of width and height 1, y downwards; curves go
# through their points. A point that is repeated makes a corner.
SKELETONS: dict[int, list[list[list[tuple[float, float]]]]] = {
    0: [
        [[(0.52, 0.02), (0.2, 0.14), (0.05, 0.5), (0.2, 0.88), (0.5, 0.99), (0.82, 0.85), (0.95, 0.48), (0.8, 0.12),
          (0.5, 0.02)]],
        [[(0.62, 0.06), (0.3, 0.06), (0.1, 0.4), (0.14, 0.8), (0.45, 1.0), (0.8, 0.82), (0.9, 0.42), (0.72, 0.1),
          (0.48, 0.03), (0.4, 0.08)]],
    ],
    1: [
        [[(0.5, 0.0), (0.5, 0.35), (0.49, 0.7), (0.48, 1.0)]],
        [[(0.28, 0.24), (0.42, 0.14), (0.55, 0.0), (0.55, 0.0), (0.54, 0.5), (0.52, 1.0)]],
        [[(0.22, 0.28), (0.4, 0.16), (0.56, 0.0), (0.56, 0.0), (0.55, 0.5), (0.54, 0.98)],
         [(0.24, 1.0), (0.55, 0.99), (0.84, 0.98)]],
    ],
    2: [
        [[(0.08, 0.24), (0.22, 0.05), (0.52, 0.0), (0.82, 0.12), (0.84, 0.36), (0.6, 0.62), (0.3, 0.84), (0.06, 0.99),
          (0.06, 0.99), (0.5, 0.97), (0.95, 0.98)]],
        [[(0.1, 0.2), (0.35, 0.01), (0.7, 0.06), (0.83, 0.28), (0.68, 0.55), (0.38, 0.82), (0.14, 0.96), (0.07, 0.86),
          (0.2, 0.78), (0.42, 0.88), (0.7, 0.98), (0.96, 0.9)]],
    ],
    3: [
        [[(0.12, 0.12), (0.4, 0.0), (0.75, 0.08), (0.8, 0.28), (0.62, 0.43), (0.36, 0.47), (0.36, 0.47), (0.66, 0.5),
          (0.88, 0.68), (0.78, 0.92), (0.42, 1.0), (0.08, 0.88)]],
        [[(0.1, 0.03), (0.45, 0.02), (0.84, 0.02), (0.84, 0.02), (0.6, 0.24), (0.42, 0.42), (0.42, 0.42), (0.72, 0.46),
          (0.9, 0.68), (0.74, 0.94), (0.4, 1.0), (0.08, 0.9)]],
    ],
    4: [
        [[(0.34, 0.02), (0.22, 0.3), (0.08, 0.62), (0.08, 0.62), (0.5, 0.6), (0.94, 0.58)],
         [(0.7, 0.2), (0.68, 0.6), (0.66, 1.0)]],
        [[(0.16, 0.02), (0.14, 0.3), (0.14, 0.52), (0.14, 0.52), (0.45, 0.52), (0.8, 0.5)],
         [(0.8, 0.0), (0.79, 0.5), (0.76, 1.0)]],
    ],
    5: [
        [[(0.86, 0.02), (0.52, 0.03), (0.22, 0.04), (0.22, 0.04), (0.18, 0.24), (0.14, 0.44), (0.14, 0.44),
          (0.45, 0.37), (0.78, 0.5), (0.86, 0.74), (0.64, 0.95), (0.34, 1.0), (0.06, 0.9)]],
        [[(0.24, 0.08), (0.2, 0.28), (0.17, 0.44), (0.17, 0.44), (0.5, 0.38), (0.82, 0.54), (0.82, 0.8), (0.52, 0.99),
          (0.08, 0.92)],
         [(0.25, 0.06), (0.55, 0.04), (0.9, 0.0)]],
    ],
    6: [
        [[(0.74, 0.02), (0.46, 0.16), (0.2, 0.44), (0.1, 0.72), (0.26, 0.96), (0.58, 0.99), (0.86, 0.82), (0.8, 0.6),
          (0.54, 0.52), (0.28, 0.62), (0.13, 0.8)]],
        [[(0.58, 0.0), (0.3, 0.24), (0.12, 0.6), (0.22, 0.92), (0.54, 1.0), (0.86, 0.86), (0.84, 0.64), (0.58, 0.54),
          (0.3, 0.66), (0.18, 0.84)]],
    ],
    7: [
        [[(0.06, 0.05), (0.45, 0.04), (0.92, 0.02), (0.92, 0.02), (0.66, 0.38), (0.48, 0.7), (0.38, 1.0)]],
        [[(0.08, 0.06), (0.5, 0.03), (0.9, 0.03), (0.9, 0.03), (0.64, 0.4), (0.5, 0.72), (0.42, 1.0)],
         [(0.3, 0.5), (0.55, 0.48), (0.82, 0.46)]],
    ],
    8: [
        [[(0.76, 0.12), (0.48, 0.0), (0.2, 0.12), (0.24, 0.32), (0.54, 0.48), (0.84, 0.68), (0.78, 0.92), (0.46, 1.0),
          (0.16, 0.9), (0.16, 0.68), (0.46, 0.48), (0.74, 0.32), (0.78, 0.14)]],
        [[(0.5, 0.46), (0.22, 0.32), (0.24, 0.08), (0.52, 0.0), (0.78, 0.1), (0.76, 0.34), (0.48, 0.46), (0.16, 0.66),
          (0.18, 0.92), (0.5, 1.0), (0.82, 0.9), (0.82, 0.66), (0.5, 0.46)]],
    ],
    9: [
        [[(0.82, 0.18), (0.54, 0.01), (0.2, 0.12), (0.14, 0.36), (0.38, 0.5), (0.68, 0.42), (0.83, 0.18), (0.83, 0.18),
          (0.78, 0.55), (0.7, 1.0)]],
        [[(0.78, 0.14), (0.48, 0.02), (0.18, 0.18), (0.22, 0.42), (0.5, 0.48), (0.76, 0.32), (0.8, 0.12), (0.82, 0.4),
          (0.74, 0.78), (0.5, 0.98), (0.2, 0.92)]],
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Pen:
    """A pen: its width in millimetres, colours of a full stroke, and how much of one the paper's grain leaves bare."""

    width: tuple[float, float]
    colours: tuple[tuple[int, int, int], ...]
    grain: float
    strength: tuple[float, float] = (0.85, 1.0)


PENCIL = Pen((0.5, 0.8), ((70, 70, 74), (88, 88, 90)), 0.55, (0.7, 0.9))
BALLPOINT = Pen((0.4, 0.7), ((28, 38, 120), (30, 30, 40), (24, 24, 90)), 0.2)
FINELINER = Pen((0.4, 0.8), ((20, 20, 24), (20, 30, 110), (150, 25, 35)), 0.05)
FELT_TIP = Pen((1.5, 3.5), ((15, 15, 18), (20, 40, 130), (170, 25, 30), (10, 90, 50)), 0.04)
CHALK = Pen((5.0, 9.0), ((235, 235, 228), (240, 232, 190)), 0.5, (0.75, 0.95))


@dataclass(frozen=True)
class Scene:
    """One kind of picture. Sizes are in pixels (width, height), ``field`` the width of what is seen in millimetres."""

    name: str
    pens: tuple[Pen, ...]
    sizes: tuple[tuple[int, int], ...]
    field: tuple[float, float] = (70, 130)
    height: tuple[float, float] = (12, 34)
    ruling: str = "none"
    board: bool = False
    digits: tuple[int, int] = (1, 1)
    light: float = 0.35
    shadow: str = "none"
    tilt: float = 0.0
    table: bool = False
    noise: float = 2.5
    blur: float = 0.6
    texture: float = 1.5
    quality: tuple[int, int] = (75, 93)


PHONE = ((3000, 4000), (4000, 3000), (3024, 4032))
MESSENGER = ((1200, 1600), (1600, 1200), (960, 1280))
SCENES = (
    Scene("pencil on white paper", (PENCIL,), PHONE, noise=4.0),
    Scene("pen on lined paper", (BALLPOINT, FINELINER), PHONE + MESSENGER, ruling="lines", light=0.3),
    Scene("pen on squared paper", (BALLPOINT, FINELINER), PHONE + MESSENGER, ruling="squares", light=0.3),
    Scene("pencil on lined paper", (PENCIL,), PHONE + MESSENGER, ruling="lines", noise=3.0),
    Scene("felt-tip", (FELT_TIP,), MESSENGER, height=(20, 70)),
    Scene("shadow of a hand or phone", (BALLPOINT, PENCIL, FELT_TIP), PHONE, shadow="hard", light=0.3),
    Scene("from an angle, table in view", (BALLPOINT, FELT_TIP), PHONE, tilt=1.0, table=True, field=(120, 190),
          height=(20, 45), light=0.4),
    Scene("chalk on a board", (CHALK,), PHONE + MESSENGER, field=(400, 700), height=(110, 240), board=True,
          texture=3.5),
    Scene("evening, out of focus, small JPEG", (BALLPOINT, FELT_TIP, PENCIL), ((640, 480), (600, 800)), light=0.6,
          shadow="soft", noise=9.0, blur=1.3, quality=(30, 55)),
    Scene("several digits on white paper", (BALLPOINT, FELT_TIP, PENCIL), PHONE + MESSENGER, digits=(2, 5),
          field=(110, 170), height=(14, 26), shadow="soft"),
    Scene("several digits on lined paper", (BALLPOINT, FINELINER), PHONE + MESSENGER, digits=(2, 4), field=(110, 160),
          height=(14, 26), ruling="lines"),
)  # fmt: skip
DRAWN = ("drawn on a screen, dark on light", "drawn on a screen, light on dark", "28x28, off centre")


@dataclass(frozen=True)
class Picture:
    """A file, JPEG or PNG, with the digits that it shows, from left to right."""

    kind: str
    file: bytes
    digits: str

    @property
    def image(self) -> Image.Image:
        """The picture in RGB."""
        return Image.open(io.BytesIO(self.file)).convert("RGB")


def curve(points: Sequence[tuple[float, float]], per_piece: int = 24) -> np.ndarray:
    """A Catmull-Rom spline through ``points``, which breaks where a point is repeated: float (N, 2)."""
    runs: list[list[tuple[float, float]]] = [[points[0]]]
    for before, after in pairwise(points):
        if before == after:
            runs.append([after])
        else:
            runs[-1].append(after)
    pieces = []
    steps = np.linspace(0, 1, per_piece, endpoint=False)[:, None]
    for run in runs:
        p = np.array([run[0], *run, run[-1]], float)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
            pieces.append(
                0.5
                * (2 * b + (c - a) * steps + (2 * a - 5 * b + 4 * c - d) * steps**2 + (3 * (b - c) + d - a) * steps**3)
            )
        pieces.append(p[-1:])
    return np.concatenate(pieces)


def written(digit: int, rng: Rng) -> list[np.ndarray]:
    """The strokes of one digit by a hand of its own: points (N, 2) in units of the digit's height, about the origin."""
    forms = SKELETONS[digit]
    form = forms[rng.integers(len(forms))]
    width = rng.uniform(0.5, 0.78) * (0.8 if digit == 1 else 1)
    slant, turn = rng.normal(0.12, 0.14), rng.normal(0, 0.07)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved: dict[tuple[float, float], tuple[float, float]] = {}
    strokes = []
    for stroke in form:
        # A repeated point stays a corner.
        for point in stroke:
            moved.setdefault(point, tuple(np.array(point) + rng.normal(0, 0.028, 2)))
        points = curve([moved[point] for point in stroke])
        length = np.linspace(0, rng.uniform(6, 14), len(points))[:, None]
        tremble = rng.normal(0, 0.008, 2) * np.sin(length + rng.uniform(0, 6, 2))
        points = (points + tremble - 0.5) * (width, 1)
        points[:, 0] -= slant * points[:, 1]
        strokes.append(points @ turned.T)
    return strokes


def stroke_mask(strokes: Sequence[np.ndarray], pen: float, shape: tuple[int, int], rng: Rng) -> np.ndarray:
    """Ink of strokes in pixels: float32 in 0..1. ``pen`` is the width in pixels; pressure varies along a stroke."""
    scale = 2 if max(shape) < 6000 else 1
    image = Image.new("L", (shape[1] * scale, shape[0] * scale))
    draw = ImageDraw.Draw(image)
    for points in strokes:
        pressure = 1 + 0.16 * np.sin(np.linspace(rng.uniform(0, 6), rng.uniform(6, 14), len(points)))
        dense = np.linspace(
            0, len(points) - 1, max(2, int(np.abs(np.diff(points, axis=0)).sum() * 2 / max(pen, 1)) + 2)
        )
        x, y, p = (np.interp(dense, np.arange(len(points)), v) for v in (points[:, 0], points[:, 1], pressure))
        for a, b, c, d, q in zip(x, y, x[1:], y[1:], p, strict=False):
            half = max(q * pen * scale / 2, 0.5)
            draw.line([a * scale, b * scale, c * scale, d * scale], fill=255, width=max(1, round(2 * half)))
            draw.ellipse([a * scale - half, b * scale - half, a * scale + half, b * scale + half], fill=255)
        draw.ellipse([x[-1] * scale - half, y[-1] * scale - half, x[-1] * scale + half, y[-1] * scale + half], fill=255)
    if scale > 1:
        image = image.reduce(scale)
    return np.asarray(image, np.float32) / 255


def smooth_noise(shape: tuple[int, int], cells: int, rng: Rng) -> np.ndarray:
    """Random values of deviation about 1 that change over ``1 / cells`` of the picture: float32 (H, W)."""
    small = rng.normal(0, 1, (cells * shape[0] // max(shape) + 3, cells * shape[1] // max(shape) + 3))
    image = Image.fromarray(small.astype(np.float32)).resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(image)


def sklearns(digit: int, height: int, rng: Rng) -> np.ndarray:
    """A digit of scikit-learn's as a shape with smooth outlines, ``height`` pixels high: float32 in 0..1."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    image = images[rng.choice(np.flatnonzero(labels == digit))].reshape(8, 8).astype(np.float32)
    image = np.pad(image, 1)
    scale = height / 8
    grown = ndimage.zoom(image, scale, order=3)
    grown = ndimage.gaussian_filter(grown, scale * 0.18)
    return np.clip((grown - 8.5) / 16 * scale * 1.2 + 0.5, 0, 1)


def photograph(scene: Scene, rng: Rng, scale: float = 1.0, digits: Sequence[int] | None = None) -> Picture:
    """One picture of a scene; ``scale`` makes all of it smaller, for a quick look."""
    if digits is None:
        digits = rng.integers(0, 10, rng.integers(scene.digits[0], scene.digits[1] + 1)).tolist()
    size = tuple(round(side * scale) for side in scene.sizes[rng.integers(len(scene.sizes))])
    # A phone's lens resolves about half of what its sensor counts.
    width, height = (side // 2 if max(size) > 2000 else side for side in size)
    shape = (height, width)
    per_mm = width / rng.uniform(*scene.field) * (1 if width < height else 0.75)
    pen = scene.pens[rng.integers(len(scene.pens))]

    paper = np.empty((*shape, 3), np.float32)
    white = np.array((38, 60, 48) if scene.board else (238, 236, 228)) + rng.normal(0, 4, 3)
    paper[:] = white
    texture = smooth_noise(shape, 400, rng) + 0.7 * smooth_noise(shape, 60, rng)
    if scene.board:
        # Chalk that was wiped away stays in clouds.
        texture += 3 * np.clip(smooth_noise(shape, 7, rng) + 0.5 * smooth_noise(shape, 20, rng), 0, None)
    paper += (scene.texture * texture)[..., None]
    _rule(paper, scene.ruling, per_mm, rng)

    ink = _line_of_digits(scene, digits, pen, per_mm, shape, rng)
    if pen.grain:
        # Paper takes graphite and chalk on its hills only.
        hills = np.clip(
            0.5 + ndimage.gaussian_filter(rng.normal(0, 1, shape).astype(np.float32), 1.2 * scale) * 2, 0, 1
        )
        ink = ink * (1 - pen.grain * hills)
    colour = np.array(pen.colours[rng.integers(len(pen.colours))], np.float32)
    ink = (ink * rng.uniform(*pen.strength))[..., None]
    paper = paper * (1 - ink) + colour * ink
    if scene.tilt or scene.table:
        paper = _seen_from_aside(paper, scene, rng)
    seen = paper * _light(scene, shape, rng)[..., None]
    pixels = _camera(seen, scene, size, rng)
    quality = int(rng.integers(*scene.quality))
    return Picture(scene.name, _file(Image.fromarray(pixels), "JPEG", quality=quality), "".join(map(str, digits)))


def _line_of_digits(
    scene: Scene, digits: Sequence[int], pen: Pen, per_mm: float, shape: tuple[int, int], rng: Rng
) -> np.ndarray:
    height, width = shape
    tall = rng.uniform(*scene.height) * per_mm
    step = tall * rng.uniform(0.85, 1.15)
    # What people photograph is in the picture, and not at its very edge.
    tall = min(tall, 0.7 * min(shape))
    if len(digits) * step > 0.85 * width:
        step = 0.85 * width / len(digits)
        tall = min(tall, step * 1.1)
    margin = 0.62 * tall, 0.5 * step * len(digits) + 0.1 * tall
    y = rng.uniform(min(margin[0], height / 2), max(height - margin[0], height / 2))
    x = rng.uniform(min(margin[1], width / 2), max(width - margin[1], width / 2)) - step * (len(digits) - 1) / 2
    wide = np.clip(rng.uniform(*pen.width) * per_mm, 1.0, tall * 0.16)
    climb = rng.normal(0, 0.03)
    if pen is FELT_TIP and rng.random() < 0.5:
        ink = np.zeros(shape, np.float32)
        for number, digit in enumerate(digits):
            drawn = sklearns(digit, round(tall), rng)
            top = int(np.clip(y + climb * number * step - drawn.shape[0] / 2, 0, height - drawn.shape[0]))
            left = int(np.clip(x + step * number - drawn.shape[1] / 2, 0, width - drawn.shape[1]))
            place = ink[top : top + drawn.shape[0], left : left + drawn.shape[1]]
            np.maximum(place, drawn, out=place)
        return ink
    strokes = []
    for number, digit in enumerate(digits):
        size = tall * rng.uniform(0.88, 1.08)
        centre = x + step * number + rng.normal(0, 0.03) * tall, y + climb * number * step + rng.normal(0, 0.04) * tall
        strokes += [stroke * size + centre for stroke in written(digit, rng)]
    return stroke_mask(strokes, wide, shape, rng)


def _rule(paper: np.ndarray, ruling: str, per_mm: float, rng: Rng) -> None:
    """Draws the lines of exercise books, not quite level, into ``paper``."""
    if ruling == "none":
        return
    height, width = paper.shape[:2]
    gap = (rng.choice([7.0, 8.0, 9.0]) if ruling == "lines" else 5.0) * per_mm
    wide = max(1.0, rng.uniform(0.15, 0.3) * per_mm)
    colour = np.array([(120, 150, 205), (150, 150, 160), (150, 175, 190)][rng.integers(3)], np.float32)
    strength = rng.uniform(0.55, 0.9)
    slope, bend = rng.normal(0, 0.03), rng.normal(0, 0.004)
    for axis in (0, 1) if ruling == "squares" else (0,):
        along = np.arange(width if axis == 0 else height, dtype=np.float32)
        middle = along - len(along) / 2
        offset = (
            rng.uniform(0, gap) + (slope * middle if axis == 0 else -slope * middle) + bend * middle**2 / len(along)
        )
        across = np.arange(height if axis == 0 else width, dtype=np.float32)
        distance = np.abs((across[:, None] - offset[None] + gap / 2) % gap - gap / 2)
        ink = np.clip(wide / 2 - distance + 0.5, 0, 1) * strength
        ink = (ink if axis == 0 else ink.T)[..., None]
        paper *= 1 - ink
        paper += colour * ink
    if ruling == "lines" and rng.random() < 0.4:
        x = np.abs(np.arange(width) - rng.uniform(0.05, 0.2) * width) < wide / 2
        paper[:, x] = paper[:, x] * 0.4 + np.array((215, 90, 100), np.float32) * 0.6


def _seen_from_aside(paper: np.ndarray, scene: Scene, rng: Rng) -> np.ndarray:
    """The sheet from an angle; beyond its edges lies a table of wood, where the scene has one."""
    height, width = paper.shape[:2]
    inset = 0.06 if scene.table else -0.02
    reach = 0.09 * scene.tilt
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)
    moved = rng.uniform(-1, 1, (4, 2)) * (reach, 0.05)
    # What is far away, at the top, looks smaller.
    moved[2:, 0] *= 0.6
    target = inset + corners * (1 - 2 * inset) + moved
    rows, values = [], []
    for (x, y), (u, v) in zip(corners * (width, height), target * (width, height), strict=True):
        rows += [[u, v, 1, 0, 0, 0, -x * u, -x * v], [0, 0, 0, u, v, 1, -y * u, -y * v]]
        values += [x, y]
    way = np.linalg.solve(np.array(rows), np.array(values))
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(plane)).transform(
                (width, height), Image.Transform.PERSPECTIVE, tuple(way), Image.Resampling.BILINEAR, fillcolor=-1
            )
        )
        for plane in paper.transpose(2, 0, 1)
    ]
    seen = np.stack(planes, axis=-1)
    out = (seen < 0).all(axis=-1)
    if out.any():
        grain = smooth_noise((height, 40), 30, rng)[:, :1] * 14 + smooth_noise((height, width), 90, rng) * 4
        wood = np.array([(120, 84, 56), (90, 92, 96), (176, 148, 112)][rng.integers(3)], np.float32)
        table = wood + grain[..., None]
        # The sheet's own thin shadow on the table.
        near = ndimage.gaussian_filter((~out).astype(np.float32), 0.004 * width)
        seen = np.where(out[..., None], table * (1 - 0.5 * near[..., None]), seen)
    return seen


def _light(scene: Scene, shape: tuple[int, int], rng: Rng) -> np.ndarray:
    """How bright each place is: a lamp on one side, vignetting, the shadow of a hand or phone; float32 (H, W)."""
    y, x = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij", copy=False)
    angle = rng.uniform(0, 2 * np.pi)
    side = np.cos(angle) * x + np.sin(angle) * y
    light = 1 - scene.light * rng.uniform(0.5, 1) * (side + 1.2) / 2.4 - 0.12 * (x**2 + y**2) / 2
    if scene.shadow != "none":
        angle, at = rng.uniform(0, 2 * np.pi), rng.uniform(-0.35, 0.25)
        border = np.cos(angle) * x + np.sin(angle) * y - at + 0.12 * np.sin(4 * (np.sin(angle) * x - np.cos(angle) * y))
        width = 0.012 if scene.shadow == "hard" else 0.2
        light = light * (1 - rng.uniform(0.35, 0.6) / (1 + np.exp(-np.clip(border / width, -30, 30))))
    return (light * rng.uniform(0.8, 1.04)).astype(np.float32)


def _camera(seen: np.ndarray, scene: Scene, size: tuple[int, ...], rng: Rng) -> np.ndarray:
    """Focus, colour of the light, noise of the sensor: float (h, w, 3) to uint8 of ``size`` (width, height)."""
    # No two pictures are equally sharp.
    sharp = scene.blur * max(seen.shape) / 1600 * rng.uniform(0.5, 1.5)
    tint = np.array([rng.uniform(0.97, 1.05), 1.0, rng.uniform(0.86, 1.0)], np.float32)
    out = np.empty((size[1], size[0], 3), np.uint8)
    for channel in range(3):
        plane = ndimage.gaussian_filter(seen[..., channel], sharp) * tint[channel]
        if size != plane.shape[::-1]:
            plane = np.array(Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC))
        plane += rng.standard_normal(plane.shape, dtype=np.float32) * scene.noise
        out[..., channel] = np.clip(plane + 0.5, 0, 255)
    return out


def drawing(kind: str, rng: Rng, scale: float = 1.0, digits: Sequence[int] | None = None) -> Picture:
    """What somebody draws in a paint program, anywhere and of any size; or a small one on 28x28."""
    digit = int(rng.integers(10)) if digits is None else digits[0]
    side = 28 if kind.startswith("28x28") else int(rng.choice([112, 280, 300, 512]))
    large = side if side > 28 else 280
    tall = large * rng.uniform(0.45 if side == 28 else 0.3, 0.85)
    pen = max(2.0, tall * rng.uniform(0.05, 0.16))
    margin = tall / 2 + pen
    centre = rng.uniform(margin, max(large - margin, margin + 1), 2)
    if rng.random() < 0.3:
        ink = np.zeros((large, large), np.float32)
        drawn = sklearns(digit, round(tall * 0.8), rng)
        top, left = (int(np.clip(c - s / 2, 0, large - s)) for c, s in zip(centre[::-1], drawn.shape, strict=True))
        ink[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    else:
        ink = stroke_mask([s * tall + centre for s in written(digit, rng)], pen, (large, large), rng)
    light = "light on dark" in kind or (side == 28 and rng.random() < 0.5)
    colours = (np.array((250, 250, 250)), np.array((12, 12, 12))) if light else (
        np.array([(0, 0, 0), (30, 60, 160), (180, 30, 30)][rng.integers(3)]), np.array((255, 255, 255)))  # fmt: skip
    pixels = colours[0] * ink[..., None] + colours[1] * (1 - ink[..., None])
    image = Image.fromarray(pixels.round().astype(np.uint8))
    image = image if side == large else image.resize((side, side), Image.Resampling.BOX)
    return Picture(kind, _file(image, "PNG"), str(digit))


def _file(image: Image.Image, form: str, **options: int) -> bytes:
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


KINDS: dict[str, Callable[[Rng, float], Picture]] = {s.name: partial(photograph, s) for s in SCENES}
KINDS |= {kind: partial(drawing, kind) for kind in DRAWN}


def rng_of(seed: int, kind: str, number: int) -> Rng:
    """Each picture has numbers of its own, whichever others are made."""
    return np.random.default_rng([seed, list(KINDS).index(kind), number])


def reader(weights: Weights) -> Callable[[Image.Image, str], str]:
    """Reads a picture with a network in one of WAYS; without preparation it is only scaled."""
    network, as_is = weights.network().eval(), weights.transforms(as_is=True)
    return partial(_read, network, as_is, weights.class_names)


def _read(
    network: Network, as_is: ImagePreprocessing, class_names: Sequence[str], picture: Image.Image, way: str
) -> str:
    if way == "negative where dark on light" and dark_on_light(picture):
        picture = ImageOps.invert(picture)
    regions = regions_of(Path(), picture, as_is, "ink" if way == "prepared" else None, light_on_dark=True)
    with torch.inference_mode():
        logits = network(torch.stack([shown for _, shown in regions]))
    return "".join(class_names[index] for index in logits.argmax(dim=1).tolist())


WAYS = ("as is", "negative where dark on light", "prepared")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="lenet5/mnist-distorted")
    parser.add_argument("--each", type=int, default=6, metavar="N", help="pictures of each kind (default: 6)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=float, default=1.0, help="makes photographs smaller, for a quick look")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="writes the pictures there, named KIND-NUMBER-DIGITS")
    options = parser.parse_args()
    read = reader(find(options.weights))
    totals = dict.fromkeys(WAYS, 0)
    wrong = []
    print(f"{'right, of ' + str(options.each):<36}" + "".join(f"{way:>30}" for way in WAYS))
    for kind, make in KINDS.items():
        right = dict.fromkeys(WAYS, 0)
        for number in range(options.each):
            picture = make(rng_of(options.seed, kind, number), options.scale)
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                ending = "jpg" if picture.file.startswith(b"\xff\xd8") else "png"
                name = f"{kind.replace(', ', '-').replace(' ', '-')}-{number}-{picture.digits}.{ending}"
                (options.keep / name).write_bytes(picture.file)
            for way in WAYS:
                found = read(picture.image, way)
                right[way] += found == picture.digits
                if way == "prepared" and found != picture.digits:
                    wrong.append(f"{kind} {number}: {picture.digits} read as {found}")
        print(f"{kind:<36}" + "".join(f"{right[way]:>30}" for way in WAYS), flush=True)
        totals = {way: totals[way] + right[way] for way in WAYS}
    num = options.each * len(KINDS)
    print(f"{f'all {num}':<36}" + "".join(f"{f'{n} = {100 * n / num:.1f} %':>30}" for n in totals.values()))
    print("\n".join(wrong))


if __name__ == "__main__":
    main()
