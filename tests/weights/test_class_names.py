"""The names of classes, on their way from the data into the checkpoint and the Record, and out to those who ask."""

import json

import pytest
import torch
from export_cases import write_run
from lightning.pytorch import Trainer

import zoo
from zoo.data import Digits
from zoo.errors import InputError
from zoo.evaluation.collectors import Measures
from zoo.models import LinearModel
from zoo.models.network import CLASSES_KEY

NAMES = ["ant", "bee", "cicada"]


@pytest.fixture
def run(tmp_path):
    """Three outputs on photographs, whose data module knows no class before it has read its folder."""
    return write_run(tmp_path / "run", zoo.get_model("linear", num_classes=3), "ImageNet", "torchvision", record=True)


def change(run, **changes):
    """Puts something else into the checkpoint."""
    file = run / "checkpoints" / "last.ckpt"
    torch.save(torch.load(file, weights_only=True) | changes, file)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_training_writes_the_names_of_its_data_into_the_checkpoint(tmp_path):
    class Named(Digits):
        def __init__(self):
            super().__init__(transform="raw")
            self.class_names = [f"digit {number}" for number in range(10)]

    trainer = Trainer(
        max_steps=1, logger=False, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(LinearModel(in_channels=1, input_size=8), datamodule=Named())
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    held = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert held[CLASSES_KEY] == [f"digit {number}" for number in range(10)]


def test_a_run_s_weights_have_the_names_in_its_checkpoint(run):
    change(run, **{CLASSES_KEY: NAMES})
    assert zoo.get_weights(run).class_names == NAMES


def test_an_older_run_has_those_of_its_record(run):
    assert zoo.get_weights(run).class_names == ["class 0", "class 1", "class 2"]
    record = json.loads((run / "record.json").read_text())
    n, wrong = record["n"], record["metrics"]["top1_wrong"]
    counts = {"images": [n, 0, 0], "top1_wrong": [wrong, 0, 0], "top5_wrong": [record["metrics"]["top5_wrong"], 0, 0]}
    record["metrics"]["per_class"] = counts | {"names": NAMES}
    (run / "record.json").write_text(json.dumps(record))
    assert zoo.get_weights(run).class_names == NAMES


def test_outputs_beyond_the_classes_are_named_by_their_number(run):
    change(run, **{CLASSES_KEY: NAMES[:2]})
    assert zoo.get_weights(run).class_names == ["ant", "bee", "class 2"]
    measures = Measures(1, 3, NAMES[:2])
    measures.update(torch.tensor([0]), torch.tensor([[0.0, 1.0, 0.0]]), torch.tensor([1]))
    assert measures.result()["per_class"]["names"] == ["ant", "bee", "class 2"]


@pytest.mark.parametrize("names", ["abc", [1, 2, 3], ["a", "", "c"], {"a": 1}])
def test_what_is_no_list_of_names_is_refused(run, names):
    change(run, **{CLASSES_KEY: names})
    with pytest.raises(InputError, match="does not hold the names of classes"):
        zoo.get_weights(run).class_names  # noqa: B018


def test_names_of_imagenet_s_thousand_classes_stay_words(tmp_path):
    run = write_run(tmp_path / "run", zoo.get_model("linear", num_classes=1000), "ImageNet", "torchvision")
    change(run, **{CLASSES_KEY: [f"n{number:08d}" for number in range(1000)]})
    assert zoo.get_weights(run).class_names[1] == "goldfish"
