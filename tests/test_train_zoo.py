"""benchmarks/train_zoo.py: skips what has a Record, stops when its time is over, goes on when called again."""

import importlib.util
import sys

import preloaded
import pytest
from conftest import ROOT

from zoo.configs import find_config
from zoo.results.record import Record

SCRIPT = ROOT / "benchmarks" / "train_zoo.py"
FEW = ["--options", "--trainer.max_epochs", "2", "--trainer.enable_progress_bar", "false"]


@pytest.fixture
def train_zoo(monkeypatch, tmp_path):
    """The script as a module, with one recipe and with results in a folder of the test's own."""
    spec = importlib.util.spec_from_file_location("train_zoo", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "train_zoo", module)
    spec.loader.exec_module(module)
    module.names = dict(module.RECIPES)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(module, "RECIPES", {"lenet5/digits": module.Recipe("lenet5_digits", (1, 2))})
    (tmp_path / "results").mkdir()
    monkeypatch.chdir(tmp_path)
    return module


def call(module, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["train_zoo.py", *words])
    return module.main()


def test_every_recipe_has_its_config(train_zoo):
    for recipe in train_zoo.names.values():
        assert find_config(recipe.config).is_file()


def test_time_runs_out_and_the_next_call_goes_on_and_skips_what_has_a_record(train_zoo, monkeypatch, capfd):
    assert call(train_zoo, monkeypatch, "--seeds", "1", "--minutes", "0.001", *FEW) == 1
    assert "stopped, call again" in capfd.readouterr().out
    assert not list(train_zoo.RESULTS.iterdir())
    monkeypatch.setattr(sys, "executable", preloaded.python())
    assert call(train_zoo, monkeypatch, "--seeds", "1", *FEW) == 0
    record = Record.read(train_zoo.RESULTS / "lenet5_digits-seed1.json")
    assert (record.seed, record.n, record.timing["train_epochs"]) == (1, 360, 2)
    capfd.readouterr()
    assert call(train_zoo, monkeypatch, "--seeds", "1", *FEW) == 0
    assert capfd.readouterr().out == ""
    assert call(train_zoo, monkeypatch, "--list") == 1
    assert "seeds 2 missing" in capfd.readouterr().out


def test_a_name_without_a_recipe_is_refused(train_zoo, monkeypatch, capsys):
    with pytest.raises(SystemExit) as stop:
        call(train_zoo, monkeypatch, "lenet6/digits")
    assert stop.value.code == 2
    assert "no recipe for 'lenet6/digits'" in capsys.readouterr().err
