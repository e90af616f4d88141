"""Speed records: what is timed, what is written, what is refused, and their table. No speed is asserted."""

import csv
import io
import json
import subprocess
import sys
from statistics import median

import numpy as np
import pytest
import torch
from conftest import ROOT

from zoo.benchmark import timing
from zoo.benchmark.speed import built, measure, speed_rows
from zoo.cli import main
from zoo.errors import InputError
from zoo.evaluation.precision import multiplies_bfloat16
from zoo.report.formats import FORMS
from zoo.report.tables import document
from zoo.results import provenance, speed
from zoo.results.schema import DESCRIBING, KEYWORDS
from zoo.results.speed import SpeedRecord, rates, read_speeds, speed_schema

CPU = torch.device("cpu")
SPEEDS = ROOT / "benchmarks" / "results_speed"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """LeNet-5, whose layers take every form, and the perceptron, which is not trained by gradients."""
    output = tmp_path_factory.mktemp("speed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "LEAST_SECONDS", 0.001)
        patch.setattr(torch.accelerator, "current_accelerator", lambda check_available: None)
        measure(["lenet5", "perceptron"], [1, 3], output, warmup=1, repeats=3, forms=[])
    return output


def test_a_record_has_every_form_mode_and_batch_size(folder):
    lenet5, perceptron = read_speeds(folder)
    forms = ["float32", "channels_last"] + ["bfloat16"] * multiplies_bfloat16()
    expected = [(form, size, mode) for form in forms for size in (1, 3) for mode in ("eval", "train")]
    assert [(row["form"], row["batch_size"], row["mode"]) for row in lenet5.rows] == expected
    assert {row["mode"] for row in perceptron.rows} == {"eval"}
    assert (lenet5.parameters, lenet5.input_shape) == (60_000, [1, 32, 32])
    assert lenet5.environment["threads"] == torch.get_num_threads()
    assert all(len(row["seconds"]) == len(row["cpu_seconds"]) == 3 for row in lenet5.rows)


def test_the_schema_names_the_forms_that_can_be_measured():
    rule = speed_schema()["properties"]["rows"]["items"]["properties"]["form"]
    assert rule["pattern"] == f"^({'|'.join(speed.FORMS)})$"
    assert all(form in speed.CONVENTION for form in speed.FORMS)


def test_the_code_is_that_which_was_imported_whatever_is_committed_while_it_measures(tmp_path, monkeypatch):
    commits, timed = ["a" * 40], timing.timed
    monkeypatch.setattr(timing, "LEAST_SECONDS", 0.001)
    monkeypatch.setattr(provenance, "checkout_of", lambda package: tmp_path)
    monkeypatch.setattr(provenance, "_git", lambda checkout, *words: commits[-1] if words[0] == "rev-parse" else "")
    monkeypatch.setattr("zoo.benchmark.speed.timed", lambda *given: commits.append("b" * 40) or timed(*given))
    measure(["linear", "perceptron"], [1], tmp_path, warmup=1, repeats=2, forms=["float32"])
    assert commits[-1] == "b" * 40
    assert [record.git["commit"] for record in read_speeds(tmp_path)] == ["a" * 40] * 2


def test_rates_are_images_over_seconds_with_quartiles():
    seconds = [0.5, 1.0, 2.0, 4.0, 0.25]
    found = rates(10, 3, seconds)
    q1, middle, q3 = np.percentile([30 / taken for taken in seconds], [25, 50, 75])
    assert found == pytest.approx({"q1": q1, "median": middle, "q3": q3})


def test_a_training_step_leaves_gradients_of_the_models_loss_and_weights_as_they_were():
    model = built("lenet5-modern")
    images, labels = torch.randn(4, 1, 32, 32), torch.tensor([1, 2, 3, 4])
    before = [parameter.clone() for parameter in model.network.parameters()]
    expected = torch.autograd.grad(model.losses(model.network(images), labels).mean(), list(model.network.parameters()))
    timing.training_step(model.network, "float32", images, labels, model.losses)()
    for parameter, old, slope in zip(model.network.parameters(), before, expected, strict=True):
        assert torch.equal(parameter, old)
        torch.testing.assert_close(parameter.grad, slope)


def test_evaluation_and_training_are_timed_in_their_own_modes():
    model, seen = built("lenet5-modern"), []
    images, labels = torch.randn(2, 1, 32, 32), torch.tensor([1, 2])
    model.network.register_forward_hook(
        lambda layer, given, logits: seen.append((layer.training, logits.requires_grad))
    )
    timing.evaluation_step(model.network.train(), "float32", images)()
    timing.training_step(model.network.eval(), "float32", images, labels, model.losses)()
    assert seen == [(False, False), (True, True)]


def test_every_step_of_a_repeat_and_of_the_warmup_is_made(monkeypatch):
    calls = []
    monkeypatch.setattr(timing, "LEAST_SECONDS", 0.045)
    clock = iter(range(1000))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: 0.01 * next(clock))
    row = timing.timed(lambda: calls.append(1), 8, CPU, warmup=2, repeats=4)
    # Each look at the clock is 0.01 s after the last, so that five steps fill the least time.
    assert (row["steps"], len(calls)) == (5, 2 + 4 * 5)
    assert row["seconds"] == pytest.approx([0.01] * 4)
    assert row["images_per_second"]["median"] == pytest.approx(8 * 5 / 0.01)


def test_only_the_first_form_has_weights_in_torchs_own_order():
    network = built("lenet5-modern").network
    for form, expected in (("channels_last", True), ("float32", False), ("bfloat16", True)):
        timing.prepared(network, form)
        assert network.c3.weight.is_contiguous(memory_format=torch.channels_last) is expected


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no folder .*nowhere"):
        document("speed", "md", tmp_path / "nowhere")


@pytest.mark.parametrize("form", FORMS)
def test_the_table_is_the_same_bytes_again(folder, form):
    assert document("speed", form, folder) == document("speed", form, folder)


def test_the_table_has_a_row_for_each_row_of_the_records(folder):
    rows = json.loads(document("speed", "json", folder))
    records = read_speeds(folder)
    assert len(rows) == sum(len(record.rows) for record in records)
    lines = list(csv.DictReader(io.StringIO(document("speed", "csv", folder))))
    assert [line["network"] for line in lines] == [row["network"] for row in rows]
    row = next(row for row in rows if row["network"] == "perceptron" and row["batch_size"] == 3)
    (raw,) = [raw for raw in records[1].rows if raw["batch_size"] == 3 and raw["form"] == "float32"]
    assert row["images_per_second"] == pytest.approx(raw["images_per_second"]["median"], rel=1e-3)
    assert row["images_per_cpu_second"] == pytest.approx(3 * raw["steps"] / median(raw["cpu_seconds"]), rel=1e-3)
    assert "3 repeats after 1 steps of warm-up" in document("speed", "md", folder)


def test_the_table_for_reading_has_a_row_a_record_with_the_fastest_form_of_its_largest_batch(tmp_path):
    rates = {("eval", "float32"): 10, ("eval", "channels_last"): 25, ("train", "float32"): 4, ("train", "bfloat16"): 3}
    content = json.loads(sorted(SPEEDS.glob("lenet5*.json"))[0].read_text())
    content["rows"] = [
        {
            "mode": mode, "form": form, "batch_size": size, "steps": 1, "seconds": [size / value] * 5,
            "cpu_seconds": [size / value] * 5, "images_per_second": dict.fromkeys(("median", "q1", "q3"), value),
        }
        for (mode, form), rate in rates.items()
        for size, value in ((1, rate * 100.0), (32, float(rate)))
    ]  # fmt: skip
    (tmp_path / "lenet5-cpu.json").write_text(json.dumps(content))
    lines = [line for line in document("speed", "md", tmp_path).splitlines() if line.startswith("| lenet5")]
    cells = [cell.strip() for cell in lines[0].split("|")[1:-1]]
    assert len(lines) == 1
    assert cells[2:] == ["cpu", "1", "32", "25", r"channels\_last", "2.50", "4", "float32", "1.00 [1]"]


def test_a_loaded_machine_has_a_footnote(folder, tmp_path):
    content = json.loads((folder / "lenet5-cpu.json").read_text())
    for name, load in (("busy", 1.5), ("quiet", 0.5)):
        (tmp_path / name).mkdir()
        content["load_average"] = [0.1, load * content["environment"]["cores"]]
        (tmp_path / name / "lenet5.json").write_text(json.dumps(content))
    assert "ther processes ran" in document("speed", "md", tmp_path / "busy")
    assert "ther processes ran" not in document("speed", "md", tmp_path / "quiet")


def test_the_table_imports_no_torch(folder):
    code = f"import sys; from zoo.cli import main; main(['table', 'speed', '--records', {str(folder)!r}]);"
    code += "assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "lenet5" in done.stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.pop("warmup"), "the field warmup is missing"),
        (lambda c: c.update(repeats=4), r"rows\[0\] has 3 repeats, not 4"),
        (lambda c: c["rows"][1]["images_per_second"].update(median=1.0), r"rows\[1\].images_per_second.median is 1.0"),
        (lambda c: c["rows"][0].update(mode="fast"), r"rows\[0\].mode"),
        (lambda c: c["rows"][0]["seconds"].__setitem__(0, 0), r"rows\[0\].seconds\[0\] is 0, below"),
        (lambda c: c.update(more=1), "more is unknown"),
    ],
)
def test_a_broken_record_is_refused_with_its_path(folder, tmp_path, change, says, capsys):
    content = json.loads((folder / "lenet5-cpu.json").read_text())
    change(content)
    (tmp_path / "odd.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"odd\.json is not a speed record: .*{says}"):
        SpeedRecord.read(tmp_path / "odd.json")
    assert main(["table", "speed", "--records", str(tmp_path)]) == 2
    assert "odd.json" in capsys.readouterr().err


def test_the_schema_uses_only_words_that_are_checked():
    def walk(rule):
        assert set(rule) <= KEYWORDS | DESCRIBING
        for inner in [*rule.get("properties", {}).values(), rule.get("items"), rule.get("additionalProperties")]:
            if isinstance(inner, dict):
                walk(inner)

    walk(speed_schema())


@pytest.mark.parametrize(
    ("names", "options", "says"),
    [
        (["resnet"], {}, "no network 'resnet'"),
        (["lenet5-bn"], {}, "lenet5 has no variant 'bn'"),
        (["linear"], {"repeats": 1}, "--repeats 2"),
        (["linear"], {"batch_sizes": [0]}, "at least 1"),
        (["linear"], {"forms": ["float8"]}, "no form 'float8'"),
        (["lenet5", "linear"], {"forms": ["channels_last"]}, "linear has none of the forms channels_last on"),
    ],
)
def test_bad_input_is_refused_before_anything_is_timed(tmp_path, names, options, says):
    given = {"batch_sizes": [1], "warmup": 1, "repeats": 2, "forms": []} | options
    with pytest.raises(InputError, match=says):
        measure(names, given.pop("batch_sizes"), tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_a_record_is_not_overwritten(folder):
    with pytest.raises(InputError, match="is there already"):
        measure(["lenet5"], [1], folder, warmup=1, repeats=2, forms=[])


def test_forms_can_be_chosen(monkeypatch):
    monkeypatch.setattr(timing, "LEAST_SECONDS", 0.001)
    rows = list(speed_rows(built("linear"), [2], CPU, warmup=1, repeats=2, forms=["float32"]))
    assert [(row["mode"], row["form"]) for row in rows] == [("eval", "float32"), ("train", "float32")]
