"""What every kind of picture has, on light and on dark pages: n, a name, axes with units, words that can be read."""

import re
from itertools import combinations

import numpy as np
import pytest
from conftest import ROOT
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from zoo import figures
from zoo.figures.kinds import KINDS
from zoo.figures.style import CLASS_COLOURS, COLOURS, THEMES, readable_on, theme

MEASURED = str(ROOT / "benchmarks" / "results" / "lenet5_cifar10-seed0.json")
CURVES = "runs"
CASES = {
    "templates": (["linear/mnist"], {}),
    "filters": (["lenet5/digits"], {}),
    "feature-maps": (["lenet5/digits"], {}),
    "deconv": (["lenet5/digits"], {"count": 40, "units": [0, 3]}),
    "saliency": (["lenet5/digits"], {"count": 2}),
    "grad-cam": (["lenet5/digits"], {"count": 2}),
    "tsne": (["lenet5/digits"], {"count": 40}),
    # So few that some of the nearest are of another class.
    "retrieval": (["pixels", "lenet5/digits"], {"count": 20}),
    "top5": (["lenet5/digits"], {"count": 3}),
    "arithmetic": (["lenet5"], {}),
    "rbf": (["lenet5/digits"], {}),
    "confusion": ([MEASURED], {}),
    "calibration": ([MEASURED, "lenet5/cifar10"], {}),
    "mistakes": (["lenet5/digits"], {"count": 360}),
    "curves": ([CURVES], {}),
    "ladder": (["cifar10"], {}),
    "ilsvrc": ([], {}),
}  # fmt: skip

# Machado, Oliveira and Fernandes 2009, table 1, severity 1: what the colour-blind see, in linear RGB.
BLINDNESS = {
    "protan": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900],
    ],
}  # fmt: skip
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    """Of sRGB, 0 to 1, the light that it is."""
    colour = np.asarray(colour, float)
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def luminance(colour):
    """Relative luminance (..., 3) to (...), as WCAG has it."""
    return linear(colour) @ XYZ[1]


def contrast(one, other):
    """The contrast of two colours, 1 to 21, as WCAG has it."""
    light, dark = np.maximum(luminance(one), luminance(other)), np.minimum(luminance(one), luminance(other))
    return (light + 0.05) / (dark + 0.05)


def words(figure):
    """All texts that are drawn."""
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    found += [text for text in (figure._suptitle, figure._supxlabel) if text is not None]
    for axes in figure.axes:
        found += [*axes.texts, axes.title, axes._left_title]
        found += axes.get_legend().get_texts() if axes.get_legend() else []
        if axes.axison:
            found += [axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels(), *axes.get_yticklabels()]
    return [text for text in found if text.get_text().strip() and text.get_visible()]


def illegible(figure):
    """The texts whose contrast with what lies below them is less than WCAG's 4.5."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    figure.set_layout_engine("none")
    found = words(figure)
    places = [text.get_window_extent() for text in found]
    for text in found:
        text.set_alpha(0)
    canvas.draw()
    below = np.asarray(canvas.buffer_rgba())[::-1, :, :3] / 255
    bad = []
    for text, box in zip(found, places, strict=True):
        ground = below[max(0, int(box.y0)) : int(box.y1) + 1, max(0, int(box.x0)) : int(box.x1) + 1].reshape(-1, 3)
        # Lines may cross it.
        if len(ground) and np.median(contrast(to_rgb(text.get_color()), ground)) < 4.5:
            bad.append(text.get_text())
    return bad


def drawn(kind, folder):
    names, options = CASES[kind]
    if names == [CURVES]:
        (folder / "a").mkdir()
        (folder / "a" / "metrics.csv").write_text("step,train/loss,val/top1_error\n9,2.5,\n19,1.5,10\n")
        names = [folder / "a"]
    return getattr(figures, kind.replace("-", "_"))(*names, **options)


# Every second kind is drawn dark, the others light; both of all are slow.
@pytest.mark.parametrize(
    ("kind", "page"),
    [
        pytest.param(kind, page, marks=[pytest.mark.slow] if (number + light) % 2 else [])
        for number, kind in enumerate(KINDS)
        for light, page in enumerate(THEMES)
    ],
)
def test_it_says_how_many_and_of_what_and_can_be_read(kind, page, tmp_path):
    with theme(page):
        figure = drawn(kind, tmp_path)
    said = f"{figure.get_suptitle()}\n{figure.get_supxlabel()}"
    if kind != "curves":
        # Of a run without a Record it is not known.
        assert re.search(r"n = \d", said), said
    names = [name for name in CASES[kind][0] if name not in (CURVES, MEASURED, "pixels")]
    assert all(name in said or name.upper() in said.replace("-", "") for name in names), said
    for axes in figure.axes:
        for axis, shared in ((axes.xaxis, axes._sharex), (axes.yaxis, axes._sharey)):
            if axes.axison and any(label.get_text() for label in axis.get_ticklabels()):
                assert axis.label.get_text() or shared or _names_only(axis), (kind, axes.get_title())
    assert illegible(figure) == []


def _names_only(axis):
    """Whether its ticks are names, which say themselves what they are."""
    return not any(re.fullmatch(r"[-−\d.,]+", label.get_text()) for label in axis.get_ticklabels() if label.get_text())


@pytest.mark.parametrize("page", THEMES)
def test_the_window_has_its_pixels_and_numbers_that_can_be_read(page):
    with theme(page):
        figure = figures.arithmetic()
    assert [axes.get_xlabel() for axes in figure.axes] == ["pixels of a row"] * 3
    assert "N = 7 pixels" in figure.get_supxlabel()
    assert illegible(figure) == []


def least_difference(colours, blindness):
    """The distance in CIELAB of the two colours that are most alike to the colour-blind."""
    light = np.clip(linear([to_rgb(colour) for colour in colours]) @ np.transpose(BLINDNESS[blindness]), 0, 1)
    xyz = light @ XYZ.T / XYZ.sum(axis=1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)
    return min(float(np.linalg.norm(one - other)) for one, other in combinations(lab, 2))


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colours_are_told_apart_by_the_colour_blind(blindness):
    for colours in (COLOURS, CLASS_COLOURS):
        assert least_difference(colours, blindness) > 15


def test_the_colours_that_matplotlib_comes_with_would_not_be():
    usual = [f"tab:{name}" for name in ("blue", "orange", "green", "red", "purple", "brown")]
    assert least_difference(usual, "protan") < 5


def test_on_any_colour_black_or_white_can_be_read():
    levels = np.linspace(0, 1, 9)
    for colour in ((red, green, blue) for red in levels for green in levels for blue in levels):
        assert contrast(to_rgb(readable_on(colour)), colour) >= 4.5
