"""The figure of error over year, parameters and multiply-accumulates."""

import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from conftest import ROOT
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from results_cases import make_record, write_records

from zoo.cli import main
from zoo.report.ladder import draw_ladder, figure_of, steps
from zoo.report.row import Row
from zoo.report.tables import NOT_TRAINED, measured, rows_of
from zoo.results.published import load

sys.path.insert(0, str(ROOT / "benchmarks"))


def row(network: str, error: float | None, variant: str = "paper", verdict: str = "reproduced") -> Row:
    return Row(network=network, variant=variant, parameters=1, top1_error=error, verdict=verdict)


def test_the_best_run_of_each_network_is_a_step_from_the_worst_down():
    table = [row("mlp", 42.0), row("lenet5", 30.0), row("mlp", 45.0), row("lenet5", 33.0, "modern")]
    table.append(row("vgg16", None, verdict=NOT_TRAINED))
    assert [(step.network, step.top1_error) for step in steps(table)] == [("mlp", 42), ("lenet5", 33), ("lenet5", 30)]


def test_more_views_do_not_make_a_network_better_unless_the_published_figure_had_them():
    alone, mirrored = replace(row("alexnet", 10.0), protocol="single view"), replace(row("alexnet", 9.0), protocol="x")
    assert steps([mirrored, alone]) == [alone]
    assert steps([mirrored, alone, replace(mirrored, published=9.5)])[0].published == 9.5


def test_each_panel_holds_a_numbered_point_a_network_and_the_published_error(tmp_path):
    counted = {"macs": 7_840, "train_macs": None, "convention": "none"}
    linear = make_record(network="linear", wrong=740, transform="standard", compute=counted)
    write_records(tmp_path, [make_record(), linear, make_record(network="mlp", wrong=160, transform="standard")])
    found = steps(rows_of("mnist", measured(tmp_path), load()))
    panels = figure_of("MNIST", found).axes
    assert [panel.get_xlabel() for panel in panels] == [
        "year of the network",
        *("parameters", "multiply-accumulates an image"),
    ]
    points = [{text.get_text(): tuple(map(float, text.xy)) for text in panel.texts} for panel in panels]
    assert points[0] == {"1": (1958, 7.4), "2": (1986, 1.6), "3": (1998, 0.95)}
    assert points[1] == {"1": (60_000, 7.4), "2": (60_000, 1.6), "3": (60_000, 0.95)}
    # Nobody counted the multiply-accumulates of the second; those of the third are known by its parameters.
    assert points[2] == {"1": (7_840, 7.4), "3": (326_520, 0.95)}
    drawn = [[line for line in panel.lines if line.get_marker() == "_" and len(line.get_xdata())] for panel in panels]
    bars = [[float(line.get_ydata()[0]) for line in lines] for lines in drawn]
    assert 0.95 in bars[0]
    assert bars[0] == bars[1]


@pytest.mark.parametrize("networks", [["alexnet"], ["cuda_convnet", "vgg16"], ["linear", "vgg16"]])
def test_the_numbers_below_a_panel_do_not_lie_on_each_other(networks):
    parameters = {"linear": 30_730, "cuda_convnet": 2_112_970, "alexnet": 5_726_602, "vgg16": 14_728_266}
    found = [replace(row(name, 9.0), parameters=parameters[name], macs=10 * parameters[name]) for name in networks]
    figure = figure_of("CIFAR-10", found)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for panel in figure.axes:
        left, right = panel.get_xlim()
        words = [
            tick.label1.get_window_extent() for tick in panel.xaxis.get_major_ticks() + panel.xaxis.get_minor_ticks()
            if left <= tick.get_loc() <= right and tick.label1.get_text()
        ]  # fmt: skip
        words.sort(key=lambda box: box.x0)
        assert words
        assert all(before.x1 < after.x0 for before, after in pairwise(words))
    assert all(float(year.get_text()).is_integer() for year in figure.axes[0].get_xticklabels())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cifar10", "--ladder", "ladder.jpg"], "A chart is .png or .svg, not ladder.jpg"),
        (["--ladder", "ladder.png"], "A ladder is of one data set: zoo table DATA --ladder ladder.png"),
        (["ilsvrc", "--ladder", "ladder.png"], "A ladder is of one data set"),
    ],
)
def test_bad_words_are_one_sentence_and_leave_no_file(words, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["table", *words]) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_figure_of_the_readme_is_that_of_the_records(tmp_path):
    import tables

    draw_ladder("cifar10", tmp_path / "ladder.png", tables.RESULTS)
    drawn, shown = (
        np.asarray(Image.open(path).convert("L"), float) for path in (tmp_path / "ladder.png", tables.LADDER)
    )
    assert drawn.shape == shown.shape
    # Another version of Matplotlib smooths the edges of letters in its own way; a point in another place is a disc.
    assert np.abs(drawn - shown).mean() < 0.2
