import inspect
import sys
from importlib import import_module

import pytest
from conftest import ROOT

from zoo.results.experiment import CAME_LATER, experiments
from zoo.results.record import Record

sys.path.insert(0, str(ROOT / "benchmarks"))
import ladder

RECORDS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


def test_the_page_on_training_shows_the_table_of_the_records():
    assert ladder.table() in (ROOT / "docs" / "train.md").read_text()


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_complete_and_of_committed_code(path):
    record = Record.read(path)
    assert record.n == record.dataset["num_images"]
    assert record.metrics["top1_error"] == 100 * record.metrics["top1_wrong"] / record.n
    assert record.git is not None
    assert record.git["dirty"] is False


@pytest.mark.parametrize("name", sorted({path.stem.rpartition("-seed")[0] for path in RECORDS}))
def test_all_seeds_of_a_config_are_one_experiment(name):
    paths = [path for path in RECORDS if path.stem.rpartition("-seed")[0] == name]
    (experiment,) = experiments(map(Record.read, paths))
    assert len(experiment.runs) == len(paths)


@pytest.mark.parametrize("path", sorted(CAME_LATER))
def test_an_option_that_came_later_exists_and_does_by_itself_what_was_done_before(path):
    module, _, name = path.rpartition(".")
    parameters = inspect.signature(getattr(import_module(module), name)).parameters
    assert {option: parameters[option].default for option in CAME_LATER[path]} == CAME_LATER[path]


@pytest.mark.parametrize("config", ladder.ORDER)
def test_the_header_of_a_config_states_the_error_of_its_record(config):
    error = Record.read(ROOT / "benchmarks" / "results" / f"{config}-seed0.json").metrics["top1_error"]
    header = (ROOT / "configs" / f"{config}.yaml").read_text()
    assert f"# Error: {error:.1f} %" in header or f"# Error: {error:.2f} %" in header
