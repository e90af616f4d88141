"""``zoo compare --push``: what is sent is read back to the last digit, beside the published figures."""

import json

import pytest
import wandb_file
from results_cases import make_record

from zoo.cli import main
from zoo.comparison.document import document
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
    tables = list(by_name["2 runs compared"].rglob("*.table.json"))
    assert any("0.95" in json.loads(table.read_text())["data"][0] for table in tables)


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
