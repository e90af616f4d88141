"""Pictures of measurements: the numbers behind them, and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import ROOT
from results_cases import make_record, write_records

from zoo import figures
from zoo.cli import main
from zoo.comparison.run import Answers, Run
from zoo.figures.confusions import counts
from zoo.figures.learning import curves_of, placed
from zoo.figures.measured import the_run
from zoo.figures.reliability import reliability
from zoo.figures.surest_mistakes import surest
from zoo.results.record import Record

MEASURED = ROOT / "benchmarks" / "results" / "lenet5_cifar10-seed0.json"
OLD = ROOT / "benchmarks" / "results" / "linear_cifar10-seed0.json"


def answers(n: int = 500) -> Answers:
    """Made up: three classes, confidences that are edges of bins among them."""
    draw = np.random.default_rng(0)
    labels, first = draw.integers(0, 3, n), draw.integers(0, 3, n)
    confidence = draw.choice([*draw.uniform(1 / 3, 1, 50), 0.4, 0.6, 1.0], n)
    return Answers(list(range(n)), [str(x) for x in labels], [str(x) for x in first], confidence.tolist())


def test_confusions_of_predictions_are_counted_one_by_one():
    given = answers()
    names, table = counts(Run("a", "a", answers=given))
    assert names == ["0", "1", "2"]
    for label in names:
        for first in names:
            both = sum(pair == (label, first) for pair in zip(given.labels, given.first, strict=True))
            assert table[int(label), int(first)] == both


def test_confusions_of_a_record_are_its_own_under_the_names_of_its_classes():
    record = Record.read(MEASURED)
    names, table = counts(Run("a", "a", record.config, record))
    assert names == record.metrics["per_class"]["names"]
    assert table.tolist() == record.metrics["confusion"]
    figure = figures.confusion(MEASURED)
    texts = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in figure.axes[0].texts}
    assert texts[3, 5] == str(record.metrics["confusion"][3][5])
    assert "cat taken for dog 215 times" in figure.get_label()


def test_the_bins_of_predictions_are_left_open_and_right_closed():
    given = answers()
    found = reliability(Run("a", "a", answers=given))
    for place in range(15):
        inside = [k for k, c in enumerate(given.confidence) if place / 15 < c <= (place + 1) / 15]
        assert found.images[place] == len(inside)
        assert found.right[place] == sum(given.right[k] for k in inside)
    gaps = (abs(found.right - found.confidence)).sum() / 500
    assert found.ece == pytest.approx(gaps)


def test_the_error_of_a_records_calibration_is_the_records():
    record = Record.read(MEASURED)
    found = reliability(Run("a", "a", record.config, record))
    assert found.ece == pytest.approx(record.metrics["calibration"]["ece"], rel=1e-9)


@pytest.mark.parametrize(("over", "places"), [("steps", [10, 20]), ("images", [500, 1000]), ("epochs", [0.5, 1.0])])
def test_curves_are_over_steps_epochs_or_images(over, places):
    timing = {**make_record().timing, "train_steps": 20, "train_images": 1000, "train_epochs": 1}
    record = make_record(timing=timing)
    assert placed(Run("a", "a", record=record), {9: 2.0, 19: 1.0}, over) == (places, [2.0, 1.0])


def test_curves_show_what_was_logged(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.csv").write_text(
        "step,train/loss,val/loss,lr\n9,2.5,,0.1\n9,,2.0,\n19,1.5,1.75,0.05\n"
    )
    figure = figures.curves(tmp_path / "run")
    (panel,) = figure.axes
    lines = {line.get_label().split(", ")[-1]: (list(line.get_xdata()), list(line.get_ydata())) for line in panel.lines}
    assert lines == {"train": ([10, 20], [2.5, 1.5]), "val": ([10, 20], [2.0, 1.75])}


@pytest.mark.parametrize("stacked", [False, True])
def test_names_and_caption_of_curves_stand_apart_and_steps_are_told_apart(stacked):
    runs = [Run(f"a run with a name {n}", "a", curves={"val/loss": {99: 2.0, 390_000: 1.0}}) for n in range(4)]
    figure = curves_of(runs, stacked=stacked)
    figure.draw_without_rendering()
    legend = (figure.axes[0].get_legend() if stacked else figure.legends[0]).get_window_extent()
    assert not legend.overlaps(figure._supxlabel.get_window_extent())
    assert 0 <= legend.x0 < legend.x1 <= figure.bbox.width
    steps = [tick.get_window_extent() for tick in figure.axes[0].get_xticklabels()]
    assert all(before.x1 < after.x0 - 3 for before, after in pairwise(steps))
    assert "200,000" in [tick.get_text() for tick in figure.axes[0].get_xticklabels()]


def test_the_ladder_is_that_of_the_records(tmp_path):
    write_records(tmp_path, [make_record(), make_record(network="linear", wrong=740, transform="standard")])
    figure = figures.ladder("mnist", records=tmp_path)
    assert "linear 7.40 %; lenet5 0.95 %" in figure.get_label()
    assert len(figure.axes) == 3


def test_the_contest_names_its_winners():
    assert "AlexNet" in figures.ilsvrc().get_label()


def test_the_surest_mistakes_are_the_wrong_images_by_falling_probability():
    torch.manual_seed(0)
    chances, labels = torch.rand(200, 4).softmax(dim=1), torch.randint(0, 4, (200,))
    found = surest(chances, labels, 10).tolist()
    wrong = [n for n in range(200) if int(chances[n].argmax()) != int(labels[n])]
    expected = sorted(wrong, key=lambda n: -float(chances[n].max()))[:10]
    assert found == expected


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_they_are_written(tmp_path, theme):
    for words in (["confusion", str(MEASURED)], ["calibration", str(MEASURED), "lenet5/cifar10"], ["ladder", "mnist"]):
        file = tmp_path / f"{words[0]}.svg"
        assert main(["figure", *words, "--theme", theme, "--output", str(file)]) == 0
        assert "<dc:description>" in file.read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["confusion", str(OLD)], "has neither predictions nor a Record that counts confusions"),
        (["calibration", str(OLD)], "has neither predictions nor a Record that knows confidences"),
        (["curves", str(OLD)], "has no learning curves"),
        (["confusion", str(ROOT / "benchmarks" / "results")], "runs, and the figure is of one"),
        (["ladder", "imagnet"], "A ladder is of one data set, not of 'imagnet'"),
        (["confusion", "nowhere"], "There is no run 'nowhere'"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(tmp_path, capsys, words, message):
    assert main(["figure", *words, "--output", str(tmp_path / "f.png")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "f.png").exists()


@pytest.mark.parametrize("name", ["lenet5/mnist", "perceptron/cifar10"])
def test_what_only_the_card_of_shipped_weights_has_is_drawn(name):
    run = the_run(name)
    assert "confusion" not in run.record.metrics
    _, table = counts(run)
    wrong = run.measures["per_class"]["top1_wrong"]
    assert (table.sum(axis=1) - table.diagonal()).tolist() == wrong
    assert reliability(run).images.sum() == table.sum() == 10_000
