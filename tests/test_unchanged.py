"""benchmarks/unchanged.py: what differs between two commits is told, and what is only added is no difference."""

import copy
import json
import sys

import pytest
import torch
from conftest import ROOT

from zoo.results.record import Record

sys.path.insert(0, str(ROOT / "benchmarks"))
import unchanged
from unchanged import Item, compare, compare_run, explain, report, timeless

RECORD = Record.read(ROOT / "benchmarks" / "results" / "lenet5_digits-seed0.json").content()
TABLE = (ROOT / "benchmarks" / "tables" / "digits.md").read_text()


def test_a_tensor_is_the_same_where_its_bits_are():
    weights = {"f6.weight": torch.tensor([0.0, float("nan")]), "f6.bias": torch.ones(2, dtype=torch.float16)}
    assert compare("weights", weights, copy.deepcopy(weights)).verdict == "same"


@pytest.mark.parametrize(
    "changed",
    [
        torch.tensor([1.0, 2.0000002]),
        torch.tensor([1.0, 2.0], dtype=torch.float64),
        torch.tensor([[1.0, 2.0]]),
    ],
    ids=["one bit", "type", "shape"],
)
def test_a_changed_tensor_is_named(changed):
    item = compare("weights", {"a": torch.zeros(1), "b": torch.tensor([1.0, 2.0])}, {"a": torch.zeros(1), "b": changed})
    assert item.verdict == "differs"
    assert item.before != item.after
    assert [line[:4] for line in item.lines] == ["! b:"]


def test_minus_zero_is_not_zero():
    assert compare("weights", {"a": torch.tensor([0.0])}, {"a": torch.tensor([-0.0])}).verdict == "differs"


def test_a_changed_field_of_a_record_is_named():
    after = copy.deepcopy(RECORD)
    after["metrics"]["top1_wrong"] += 1
    item = compare("Record", RECORD, after)
    wrong = RECORD["metrics"]["top1_wrong"]
    assert (item.verdict, item.lines) == ("differs", (f"! metrics.top1_wrong: {wrong} -> {wrong + 1}",))


def test_a_field_that_went_is_a_difference_and_one_that_came_is_listed():
    more = RECORD | {"novelty": {"depth": 3}}
    assert compare("Record", more, RECORD).verdict == "differs"
    item = compare("Record", RECORD, more)
    assert (item.verdict, item.lines) == ("added", ("+ novelty: {depth: 3}",))


def test_a_changed_line_of_a_table_is_shown_on_both_sides():
    line = next(line for line in TABLE.splitlines() if line.startswith("| lenet5"))
    other = line.replace("lenet5", "lenet6", 1)
    item = compare("table", TABLE, TABLE.replace(line, other))
    assert (item.verdict, item.lines) == ("differs", (f"-{line}", f"+{other}"))


@pytest.mark.parametrize(
    ("after", "verdict", "lines"),
    [
        ("network,replaced,error\nlenet5,no,0.88\n", "added", ["+ [0].replaced: 'no'"]),
        ("network,error\nlenet5,0.87\n", "differs", ["! [0].error: '0.88' -> '0.87'"]),
        ("network\nlenet5\n", "differs", ["- [0].error: '0.88'"]),
    ],
)
def test_a_column_of_a_csv_that_came_is_no_difference_and_one_that_went_is(after, verdict, lines):
    before = "network,error\nlenet5,0.88\n"
    found = unchanged.compare("table mnist.csv", *map(unchanged.rows_of_csv, (before, after)))
    assert (found.verdict, list(found.lines)) == (verdict, lines)


def test_an_added_line_of_a_table_is_a_difference():
    assert compare("table", TABLE, TABLE + "| one more |\n").lines == ("+| one more |",)
    assert compare("table", TABLE, TABLE + "| one more |\n").verdict == "differs"


def test_clocks_commits_and_machines_are_left_out_and_nothing_else():
    kept = timeless(RECORD)
    assert RECORD.keys() - kept.keys() == {"created", "git", "environment"}
    assert RECORD["timing"].keys() - kept["timing"].keys() == {
        "train_seconds", "test_seconds", "train_images_per_second", "test_images_per_second",
    }  # fmt: skip
    assert {key: kept[key] for key in ("metrics", "weights", "config")} == {
        key: RECORD[key] for key in ("metrics", "weights", "config")
    }


def made_run(folder, seconds, weight=1.0, momentum=0.5, loss="0.5"):
    (folder / "checkpoints").mkdir(parents=True)
    state = {"weight": torch.tensor([weight]), "steps": torch.tensor(3)}
    optimizer = [{"state": {0: {"momentum_buffer": torch.tensor([momentum])}}, "param_groups": [{"lr": 0.1}]}]
    rest = {"global_step": 3, "zoo_ledger": {"images": 48, "seconds": seconds}}
    torch.save({"state_dict": state, "optimizer_states": optimizer, **rest}, folder / "checkpoints" / "last.ckpt")
    (folder / "metrics.csv").write_text(f"step,train/images_per_second,train/loss\n9,{seconds},{loss}\n")
    (folder / "record.json").write_text(json.dumps(RECORD | {"created": str(seconds)}))
    return folder


def test_runs_that_took_other_times_are_the_same(tmp_path):
    items = list(compare_run("x", made_run(tmp_path / "a", 1.0), made_run(tmp_path / "b", 2.0)))
    assert [item.name for item in items] == [
        "run x: weights", "run x: optimizer", "run x: other state", "run x: metrics", "run x: Record",
    ]  # fmt: skip
    assert {item.verdict for item in items} == {"same"}


@pytest.mark.parametrize(
    ("changed", "part", "line"),
    [
        ({"weight": 2.0}, "weights", "! weight: "),
        ({"momentum": 0.25}, "optimizer", "! [0].state.0.momentum_buffer: "),
        ({"loss": "0.25"}, "metrics", "-9,0.5"),
    ],
)
def test_what_another_run_did_is_told_by_its_part(tmp_path, changed, part, line):
    items = compare_run("x", made_run(tmp_path / "a", 1.0), made_run(tmp_path / "b", 1.0, **changed))
    (differing,) = (item for item in items if item.verdict != "same")
    assert (differing.name, differing.verdict) == (f"run x: {part}", "differs")
    assert differing.lines[0].startswith(line)


def test_a_file_that_differs_came_or_went_is_told(tmp_path):
    for name, text in {"one": "1", "same": "1", "other": "2"}.items():
        (tmp_path / name).write_text(text)
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    before, after = {"a": one, "b": one, "c": one}, {"a": same, "b": other, "d": one}
    items = unchanged.compare_files("Record", before, after)
    assert {item.name: item.verdict for item in items} == {
        "Record a": "same", "Record b": "differs", "Record c": "removed", "Record d": "added",
    }  # fmt: skip


def test_only_what_differs_is_explained_and_its_lines_stay():
    reasons = {"card lenet5/*": "cards name their paper"}
    item = explain(Item("card lenet5/mnist", "1", "2", "differs", ("! paper: 1 -> 2",)), reasons)
    assert (item.verdict, item.lines) == ("explained", ("cards name their paper", "! paper: 1 -> 2"))
    assert explain(Item("card mlp/mnist", "1", "2", "differs"), reasons).verdict == "differs"
    assert explain(Item("card lenet5/mnist", "1", "1", "same"), reasons).verdict == "same"


def test_the_report_counts_the_verdicts_and_shows_every_line():
    lines = tuple(f"! {number}: 0 -> 1" for number in range(100))
    text = report([Item("a", "1", "1", "same"), Item("b", "1", "2", "differs", lines)])
    assert text.endswith("\n2 items: 1 same, 1 differs\n")
    assert [line for line in lines if f"  {line}\n" not in text] == []
