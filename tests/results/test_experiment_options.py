"""Options that make no difference to a number make none to the experiment, nor does one that came later."""

import inspect
import sys
from dataclasses import replace

import pytest
from lightning.pytorch import Trainer
from resume_cases import Noise, small_model

import zoo.data
import zoo.models
from zoo.evaluation.recorder import Recorder
from zoo.options import ChangesNoNumber, declared
from zoo.report.untrained import Shipped
from zoo.results.experiment import experiments, trainings
from zoo.results.record import Record
from zoo.results.reproduction import of_config

STREAM = (
    "zoo.data.StreamedImageNet",
    {"root": "s3://a/stream", "batch_size": 128, "num_workers": 4, "window": 16, "cache_gb": 50.0, "seed": 0},
)
LENET5 = ("zoo.models.LeNet5Model", {})


class Before(Noise):
    """Data as they were before an option came."""


class After(Noise):
    """The same data with an option more, which by itself does what was done before."""

    def __init__(self, num_held_out: int = 12, batch_size: int = 9, colours: str = "all") -> None:
        super().__init__(num_held_out, batch_size)
        self.colours = colours


class Changed(Noise):
    """The same data, when the option has another default."""

    def __init__(self, num_held_out: int = 12, batch_size: int = 9, colours: str = "few") -> None:
        super().__init__(num_held_out, batch_size)
        self.colours = colours


class Newest(Noise):
    """The same data with an option that changes no number and one that can."""

    def __init__(
        self, num_held_out: int = 12, batch_size: int = 9, shelf: ChangesNoNumber[str] = "top", colours: str = "all"
    ) -> None:
        super().__init__(num_held_out, batch_size)
        self.shelf, self.colours = shelf, colours


def measured(folder, seed, /, data=STREAM, model=LENET5, callbacks=(), **changed):
    """A Record that the Recorder wrote, read back; ``changed`` are options of the data."""
    config = {
        "data": {"class_path": data[0], "init_args": data[1] | changed},
        "model": {"class_path": model[0], "init_args": model[1]},
        "trainer": {
            "max_epochs": 1,
            "callbacks": [{"class_path": f"lightning.pytorch.callbacks.{c}"} for c in callbacks],
        },
        "seed_everything": seed,
    }
    path = folder / "record.json"
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[Recorder(path, config)],
    )  # fmt: skip
    trainer.test(small_model(), Noise(), verbose=False)
    # Of another seed, so of other weights: not the same run measured twice.
    return replace(Record.read(path), weights={"sha256": f"{seed:x}" * 64})


@pytest.mark.parametrize(
    "options",
    [{"cache_gb": 9.0}, {"cache_dir": "/scratch"}, {"root": "gs://b/stream"}, {"num_workers": None}, {"seed": 1}],
    ids=str,
)
def test_seeds_whose_data_lie_elsewhere_or_are_read_otherwise_are_one_experiment(tmp_path, options):
    records = [measured(tmp_path, 0), measured(tmp_path, 1, **options)]
    assert [len(experiment.runs) for experiment in experiments(records)] == [2]


@pytest.mark.parametrize("options", [{"window": 8}, {"batch_size": 64}], ids=str)
def test_an_option_that_can_change_a_number_parts_experiments(tmp_path, options):
    records = [measured(tmp_path, 0), measured(tmp_path, 1, **options)]
    assert [len(experiment.runs) for experiment in experiments(records)] == [1, 1]


@pytest.mark.parametrize(
    ("callbacks", "runs"), [(["LearningRateMonitor"], [2]), (["EMAWeightAveraging"], [1, 1])], ids=str
)
def test_a_callback_parts_experiments_unless_it_only_watches(tmp_path, callbacks, runs):
    records = [measured(tmp_path, 0), measured(tmp_path, 1, callbacks=callbacks)]
    assert [len(experiment.runs) for experiment in experiments(records)] == runs


def test_the_wiring_of_a_perceptron_is_another_draw_of_the_same_experiment(tmp_path):
    records = [measured(tmp_path, seed, model=("zoo.models.PerceptronModel", {"wiring_seed": seed})) for seed in (0, 1)]
    assert len(experiments(records)) == 1
    assert records[0].options["zoo.models.PerceptronModel"]["chance"] == ["wiring_seed"]


@pytest.mark.parametrize(("option", "counts"), [("shelf", False), ("colours", True)])
def test_what_a_class_declares_anew_is_honoured_by_the_table_and_by_running_again(tmp_path, option, counts):
    path = f"{__name__}.Newest"
    record = measured(tmp_path, 0, (path, {"shelf": "top", "colours": "all"}))
    asked = record.config | {"data": {"class_path": path, "init_args": {option: "other"}}}
    shipped = Shipped("newest", record.network, record.variant, record.dataset["name"], asked)
    assert shipped.is_of(experiments([record])[0]) is not counts
    again = measured(tmp_path, 0, (path, {"shelf": "top", "colours": "all"}), **{option: "other"}).config
    differences = [one.name for one in of_config(record.config, again, declared(again))]
    assert differences == ([f"data.init_args.{option}"] if counts else [])


def test_an_option_that_came_later_counts_by_itself_as_what_was_done_before(tmp_path, monkeypatch):
    data = (f"{__name__}.After", {"num_held_out": 12, "batch_size": 9})
    same, other = measured(tmp_path, 1, data, colours="all"), measured(tmp_path, 2, data, colours="none")
    monkeypatch.setattr(sys.modules[__name__], "After", Before)
    old = measured(tmp_path, 0, data)
    # Records from before there was any such thing say nothing of their options.
    for first in (old, replace(old, options=None)):
        found = [{run.seed for run in experiment.runs} for experiment in experiments([first, same, other])]
        assert sorted(found, key=min) == [{0, 1}, {2}]


def test_a_default_that_changes_leaves_older_runs_what_they_were(tmp_path, monkeypatch):
    data, records = (f"{__name__}.After", {"num_held_out": 12, "batch_size": 9}), []
    for seed, (then, options) in enumerate(((Before, {}), (After, {"colours": "all"}), (Changed, {"colours": "few"}))):
        monkeypatch.setattr(sys.modules[__name__], "After", then)
        records.append(
            replace(measured(tmp_path, seed, data, **options), created=f"20{20 + seed}-01-01T00:00:00+00:00")
        )
    found = [{run.seed for run in experiment.runs} for experiment in experiments(records)]
    assert sorted(found, key=min) == [{0, 1}, {2}]


@pytest.mark.parametrize(
    ("data", "changes_no_number"),
    {
        "CIFAR10": {"root", "download"},
        "Digits": set(),
        "FiveDigits": set(),
        "ImageNet": {"root", "num_workers"},
        "MNIST": {"root", "download"},
        "SmokeImageNet": {"root", "num_workers"},
        "StreamedImageNet": {"root", "num_workers", "cache_dir", "cache_gb", "endpoint_url"},
        "Symmetry": set(),
    }.items(),
)
def test_every_data_module_says_which_of_its_options_change_no_number(data, changes_no_number):
    path = f"zoo.data.{data}"
    said = declared({"data": {"class_path": path, "init_args": {}}})[path]
    assert (set(said["changes_no_number"]), said["chance"]) == (changes_no_number, ["seed"])
    assert said["defaults"].keys() == inspect.signature(getattr(zoo.data, data)).parameters.keys()


def test_declarations_of_classes_within_classes_are_found_and_nothing_is_imported_for_them():
    optimizer = {"class_path": "torch.optim.AdamW", "init_args": {"lr": 1.0}}
    config = {"model": {"class_path": "no_such_package.Model", "init_args": {"optimizer": optimizer}}, "trainer": {}}
    said = declared(config)
    assert said.keys() == {"torch.optim.AdamW"}
    assert said["torch.optim.AdamW"]["defaults"]["betas"] == [0.9, 0.999]
    unused = {"class_path": "this.Zen", "init_args": {}}
    assert declared({"data": unused}) == {}
    assert "this" not in sys.modules


def sgd(**options):
    return {"optimizer": {"class_path": "torch.optim.SGD", "init_args": options}}


def test_trainings_that_read_alike_are_told_apart_by_what_differs(tmp_path):
    class_path = LENET5[0]
    tried = [
        sgd(lr=0.1),
        sgd(lr=0.01),
        sgd(lr=0.01) | {"label_smoothing": 0.1},
        {"optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.1}}},
    ]
    records = []
    for place, model in enumerate(tried):
        (folder := tmp_path / str(place)).mkdir()
        record = measured(folder, 0, model=(class_path, model), cache_gb=float(place))
        records.append(replace(record, weights=record.weights | {"sha256": f"{place:064x}"}))
    found = experiments(records)
    words = dict(zip([one.record.weights["sha256"][-1] for one in found], trainings(found), strict=True))
    assert words == {
        "0": "SGD, 1 epoch, lr 0.1",
        "1": "SGD, 1 epoch, lr 0.01",
        "2": "SGD, 1 epoch, label_smoothing 0.1, lr 0.01",
        "3": "Adam, 1 epoch",
    }
