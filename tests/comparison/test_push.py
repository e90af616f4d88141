"""``zoo compare --push``: what is sent is read back to the last digit, beside the published figures."""

import json
import re
import sys

import pytest
import wandb_file
from results_cases import make_record
from wandb_receiver import receiving

from zoo.cli import main
from zoo.comparison.document import document
from zoo.comparison.push import _report
from zoo.comparison.sources import runs_of
from zoo.results.published import load

METRICS = "step,train/loss,val/top1_error\n9,2.5,\n19,0.1,1.25\n29,0.30000000000000004,1.0\n"


def test_what_is_kept_offline_reads_as_what_was_compared(in_folder, capsys):
    for name, wrong in (("one", 95), ("two", 110)):
        (in_folder / name).mkdir()
        make_record(wrong=wrong, seed=wrong % 60).write(in_folder / name / "record.json")
        (in_folder / name / "metrics.csv").write_text(METRICS)
    assert main(["compare", "one", "two", "--format", "json", "--push", "team/zoo"]) == 0
    told = capsys.readouterr()
    assert "Kept 4 W&B runs for team/zoo" in told.err
    folders = sorted((in_folder / "wandb").glob("offline-run-*"), key=lambda folder: folder.name)
    by_name = {wandb_file.display_name(folder): folder for folder in folders if wandb_file.read(folder)}
    runs = [str(folder) for name, folder in by_name.items() if name.endswith(("one", "two"))]
    assert document(runs_of(sorted(runs, key=lambda run: runs_of([run])[0].name)), "json") == told.out
    (figure,) = (figure for figure in load().figures if figure.name in by_name)
    assert wandb_file.summary(by_name[figure.name])["test/top1_error"] == figure.top1_error
    assert (figure.network, figure.dataset) == ("lenet5", "mnist")
    tables = [json.loads(table.read_text()) for table in by_name["2 runs compared"].rglob("*.table.json")]
    assert any("0.95" in table["data"][0] for table in tables)
    # The benchmark table: the paper's error beside ours, with the verdict and where it is printed.
    (ours,) = (dict(zip(t["columns"], t["data"][0], strict=True)) for t in tables if "verdict" in t["columns"])
    assert ours["network"] == "lenet5"
    assert ours["published, %"].startswith(f"{figure.top1_error:g}")
    assert ours["verdict"] == "reproduced"
    assert "LeCun, Bottou, Bengio and Haffner" in ours["notes"]
    (others,) = (table for table in tables if "read in" in table["columns"])
    assert {figure.name for figure in load().of_dataset("mnist")} - {figure.name} == {row[0] for row in others["data"]}


def test_what_is_sent_to_a_server_reads_as_what_was_compared(tmp_path, zoo_process, monkeypatch):
    for name, wrong in (("one", 95), ("two", 110)):
        (tmp_path / name).mkdir()
        make_record(wrong=wrong, seed=wrong % 60).write(tmp_path / name / "record.json")
        (tmp_path / name / "metrics.csv").write_text(METRICS)
    with receiving(monkeypatch) as server:
        done = zoo_process("compare", "one", "two", "--format", "json", "--push", "team/zoo")
        assert "Sent 4 W&B runs to team/zoo. Their report: http" in done.stderr
        (report,) = server.reports
        told = json.dumps(report["spec"])
        assert (report["displayName"], report["projectName"]) == ("2 runs compared", "zoo")
        assert {"Bar Chart", "Run History Line Plot"} <= set(re.findall(r'"viewType": "([^"]+)"', told))
        assert all(f'"value": "{group}"' in told for group in ("zoo", "published"))
        text, benchmark = (block["content"] for block in report["spec"]["blocks"] if block["type"] == "markdown-block")
        assert text == document(runs_of([str(tmp_path / "one"), str(tmp_path / "two")]), "md")
        assert "| reproduced" in benchmark
        assert "## MNIST: published, not measured here" in benchmark
        by_group = {}
        for name, run in server.runs.items():
            by_group.setdefault(run["groupName"], []).append(name)
        sent = sorted(by_group["zoo"], key=lambda name: server.runs[name]["name"])
        assert document(runs_of([f"wandb:team/zoo/{name}" for name in sent]), "json") == done.stdout
        published, compared = (server.runs[name] for group in ("published", "compared") for name in by_group[group])
        (figure,) = (figure for figure in load().figures if figure.name == published["name"])
        assert published["summary"]["test/top1_error"] == figure.top1_error
        assert compared["config"]["runs"] == [server.runs[name]["name"] for name in sent]
        tables = [json.loads(text) for name, text in compared["files"].items() if name.endswith(".table.json")]
        assert any("0.95" in table["data"][0] for table in tables)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"wandb_workspaces": None}, "pip install zoo-vision[reports]"),
        ({}, "A report of them was not saved: no server."),
    ],
)
def test_without_a_report_it_is_said_why(monkeypatch, broken, sentence):
    def refusing(*_):
        raise OSError("no server.")

    for name in broken:
        monkeypatch.setitem(sys.modules, name, None)
    if not broken:
        monkeypatch.setattr("zoo.comparison.push.save_report", refusing)
    assert sentence in _report(runs_of(["lenet5/cifar10", "linear/cifar10"]), "team", "zoo")


def test_the_folder_is_the_working_one_whatever_the_process_did_before(tmp_path, in_folder, monkeypatch):
    wandb = pytest.importorskip("wandb")
    (tmp_path / "before").mkdir()
    monkeypatch.chdir(tmp_path / "before")
    wandb.init(mode="offline", project="x").finish()
    monkeypatch.chdir(in_folder)
    assert main(["compare", "lenet5/cifar10", "linear/cifar10", "--push", "team/zoo"]) == 0
    assert len(list((in_folder / "wandb").glob("offline-run-*"))) > 2


@pytest.mark.parametrize("where", ["zoo", "team/", "/zoo", "team/zoo/run"])
def test_what_is_no_place_is_one_sentence(capsys, where):
    assert main(["compare", "lenet5/cifar10", "linear/cifar10", "--push", where]) == 2
    assert f"--push {where} is no place to send to" in capsys.readouterr().err
