"""A Record whose classes, confusions or calibration contradict its counts is refused; older ones stay readable."""

import copy
import json

import pytest
import torch
from results_cases import make_record

from zoo.errors import InputError
from zoo.evaluation.collectors import Measures
from zoo.report.summary import _rows
from zoo.results.layout import laid_out
from zoo.results.record import Record


@pytest.fixture(scope="module")
def record():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(60, 6, generator=generator), torch.randint(6, (60,), generator=generator)
    measures = Measures(60, 6, list("abcdef"))
    measures.update(torch.arange(60), logits, labels)
    metrics = measures.result()
    wrong, wrong5 = (sum(metrics["per_class"][name]) for name in ("top1_wrong", "top5_wrong"))
    made = make_record(wrong=wrong, wrong5=wrong5, n=60, classes=6)
    return Record(**{**made.__dict__, "metrics": made.metrics | metrics})


def test_it_comes_back_as_it_was_written(record, tmp_path):
    record.write(tmp_path / "record.json")
    assert Record.read(tmp_path / "record.json") == record
    lines = (tmp_path / "record.json").read_text().splitlines()
    assert f"      {record.metrics['confusion'][0]}," in lines


def put(metrics, path, value):
    *parents, last = path
    for key in parents:
        metrics = metrics[key]
    metrics[last] = value(metrics[last]) if callable(value) else value


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (["per_class", "images", 0], lambda count: count + 1, "per_class.images adds up to 61, not to 60"),
        (["per_class", "top1_wrong", 2], lambda count: count + 1, "per_class.top1_wrong adds up"),
        (["per_class", "top5_wrong", 2], lambda count: count + 1, "per_class.top5_wrong adds up"),
        (["per_class", "images", 0], -1, "per_class.images[0] is -1, below 0"),
        (["per_class", "images", 0], 2.0, "per_class.images[0] is 2.0, not of type integer"),
        (["per_class", "images"], lambda counts: [*counts, 0], "lists of different lengths"),
        (["per_class", "images"], lambda c: [0, c[0] + c[1], *c[2:]], "of 0 images in class 0"),
        (["confusion", 1, 1], lambda count: count + 1, "row 1 of metrics.confusion"),
        (["confusion"], lambda matrix: matrix[:-1], "not a square"),
        (["confusion", 0], lambda row: row[:-1], "not a square"),
        (["near_ties"], -1, "near_ties is -1"),
        (["calibration", "images", 14], lambda count: count + 1, "calibration has"),
        (["calibration", "bins"], 10, "not as long as its bins"),
        (["calibration", "ece"], 0.9, "calibration.ece is 0.9, but its bins make"),
        (["calibration", "ece"], 1.5, "above 1"),
        (["calibration", "accuracy", 5], 0.123, "bin 5 of metrics.calibration"),
        (["calibration", "accuracy", 0], 0.5, "bin 0 of metrics.calibration"),
        (["calibration", "nll"], ..., "calibration.nll is missing"),
    ],
)
def test_counts_that_do_not_add_up_are_refused(record, tmp_path, path, value, says):
    content = copy.deepcopy(record.__dict__)
    if value is ...:
        del content["metrics"][path[0]][path[1]]
    else:
        put(content["metrics"], path, value)
    (tmp_path / "odd.json").write_text(json.dumps(content))
    with pytest.raises(InputError) as raised:
        Record.read(tmp_path / "odd.json")
    assert "odd.json is not a record" in str(raised.value)
    assert says in str(raised.value)


def test_nothing_of_it_is_needed(record, tmp_path):
    content = copy.deepcopy(record.__dict__)
    content["metrics"] |= {"confusion": None, "calibration": None}
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert Record.read(tmp_path / "a.json").metrics["calibration"] is None
    for name in ("confusion", "calibration", "per_class", "near_ties"):
        del content["metrics"][name]
    (tmp_path / "b.json").write_text(json.dumps(content))
    assert Record.read(tmp_path / "b.json").n == 60


def test_the_summary_names_the_hardest_classes(record):
    (shown,) = [text for name, text in _rows(record) if name == "hardest classes"]
    counts = record.metrics["per_class"]
    errors = {n: 100 * w / i for n, w, i in zip("abcdef", counts["top1_wrong"], counts["images"], strict=True)}
    worst = sorted(errors, key=lambda name: -errors[name])[:3]
    assert shown.splitlines() == [f"{name} {errors[name]:.1f} %" for name in worst]


def test_the_layout_is_json_with_numbers_side_by_side():
    value = {"b": [1, 2.5, None], "a": {"x": [[1, 2], [3]], "y": {}, "ü": "é\n"}, "c": [], "d": [{"k": [0]}], "e": ()}
    text = laid_out(value)
    assert json.loads(text) == {**value, "e": []}
    assert '"b": [1, 2.5, null]' in text
    assert text == laid_out(json.loads(text))
    with pytest.raises(ValueError, match="JSON"):
        laid_out({"a": [float("nan")]})
