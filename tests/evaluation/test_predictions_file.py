"""Predictions as files: the same images in each format, by index, and a sentence where a file cannot be."""

import csv
import json
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet
import pytest
import torch
from conftest import arrays_in

from zoo.cli import main
from zoo.errors import InputError
from zoo.evaluation import prediction_files
from zoo.evaluation.predictions import Predictions, file_names
from zoo.results.record import Record

QUIET = ["--trainer.enable_progress_bar", "false"]
NAMES = [f"class, {letter}" for letter in "abcdefg"]


@pytest.fixture
def logits():
    found = torch.randn(23, 7, generator=torch.Generator().manual_seed(0))
    found[4] = 0.0
    return found


def written(path, logits, data):
    """As two shares that come in another order than the official one."""
    labels = torch.arange(23) % 7
    predictions = Predictions(path)
    for part in torch.arange(23).flip(0).split(9):
        predictions.update(part, logits[part], labels[part])
    predictions.write(data)
    return labels


def test_every_format_holds_the_same(tmp_path, logits):
    files = [tmp_path / "root" / f"{number}.JPEG" for number in range(23)]
    data = SimpleNamespace(class_names=NAMES, files={"test": files}, root=tmp_path / "root")
    for ending in prediction_files.FORMATS:
        labels = written(tmp_path / f"p{ending}", logits, data)
    expected = logits.double().softmax(dim=1).float().numpy()
    order = np.argsort(-logits.numpy(), axis=1, kind="stable")[:, :5]
    arrays = arrays_in(tmp_path / "p.npz")
    table = pyarrow.parquet.read_table(tmp_path / "p.parquet")
    with (tmp_path / "p.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert arrays["index"].tolist() == table["index"].to_pylist() == [int(row["index"]) for row in rows] == [*range(23)]
    names = [f"{number}.JPEG" for number in range(23)]
    assert arrays["file_name"].tolist() == table["file_name"].to_pylist() == [row["file_name"] for row in rows] == names
    assert arrays["label"].tolist() == table["label_index"].to_pylist() == labels.tolist()
    assert table["label"].to_pylist() == [row["label"] for row in rows] == [NAMES[label] for label in labels]
    assert (arrays["top_classes"] == order).all()
    assert (arrays["probabilities"] == expected).all()
    assert (np.array(table["probabilities"].to_pylist(), np.float32) == expected).all()
    for place in range(5):
        best = [NAMES[number] for number in order[:, place]]
        assert table[f"class{place + 1}"].to_pylist() == [row[f"class{place + 1}"] for row in rows] == best
        chances = np.take_along_axis(expected, order, axis=1)[:, place]
        assert (arrays["top_probabilities"][:, place] == chances).all()
        assert (table[f"probability{place + 1}"].to_numpy() == chances).all()
        assert [float(row[f"probability{place + 1}"]) for row in rows] == pytest.approx(chances, abs=1e-6)
    assert arrays["class_names"].tolist() == json.loads(table.schema.metadata[b"class_names"]) == NAMES
    # Equal logits rank by class number, as they are counted.
    assert arrays["top_classes"][4].tolist() == [0, 1, 2, 3, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.csv", "p.npz", "p.parquet"]


def test_images_in_memory_have_no_file_names_and_outputs_beyond_the_classes_are_numbered(tmp_path, logits):
    data = SimpleNamespace(class_names=NAMES[:5])
    written(tmp_path / "p.csv", logits, SimpleNamespace(class_names=[*NAMES[:5], "x", "y"]))
    assert "file_name" not in (tmp_path / "p.csv").read_text().splitlines()[0].split(",")
    assert file_names(data) is None
    predictions = Predictions(tmp_path / "p.npz")
    predictions.update(torch.tensor([0]), logits[:1], torch.tensor([1]))
    predictions.write(data)
    assert arrays_in(tmp_path / "p.npz")["class_names"].tolist() == [*NAMES[:5], "class 5", "class 6"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("p.txt", "ends in none of .csv, .npz, .parquet"),
        ("p", "ends in none of"),
        ("nowhere/p.npz", "nowhere, which is not a folder"),
        ("folder.npz", "is a folder"),
    ],
)
def test_a_file_that_cannot_be_is_refused_before_anything_is_measured(tmp_path, name, says):
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(InputError, match=says):
        prediction_files.check_writable(tmp_path / name)


def test_parquet_without_pyarrow_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr(prediction_files, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs pyarrow: pip install pyarrow"):
        prediction_files.check_writable(tmp_path / "p.parquet")


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path, logits, monkeypatch):
    def full(file, *ignored):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(prediction_files.FORMATS, ".npz", full)
    with pytest.raises(InputError, match="No space left on device"):
        written(tmp_path / "p.npz", logits, SimpleNamespace(class_names=NAMES))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    words = [
        "--trainer.max_epochs",
        "1",
        "--trainer.limit_train_batches",
        "3",
        "--trainer.enable_progress_bar",
        "false",
    ]
    assert main(["fit", "--config", "lenet5_digits", "--test", "false", "--run_dir", str(folder), *words]) == 0
    return folder


def test_what_zoo_test_and_zoo_predict_write_fits_the_record(run, in_folder, capsys):
    words = ["--ckpt_path", str(run), *QUIET]
    assert main(["test", *words, "--run_dir", "t", "--predictions", "p.npz"]) == 0
    assert main(["predict", *words, "--run_dir", "p", "--predictions", "q.parquet"]) == 0
    metrics = Record.read(in_folder / "t" / "record.json").metrics
    arrays, table = arrays_in(in_folder / "p.npz"), pyarrow.parquet.read_table(in_folder / "q.parquet")
    assert (arrays["top_classes"][:, 0] != arrays["label"]).sum() == metrics["top1_wrong"]
    assert (arrays["top_classes"] != arrays["label"][:, None]).all(axis=1).sum() == metrics["top5_wrong"]
    assert (np.array(table["probabilities"].to_pylist(), np.float32) == arrays["probabilities"]).all()
    own = arrays["probabilities"][np.arange(360), arrays["label"]].astype(float)
    assert -np.log(own).mean() == pytest.approx(metrics["calibration"]["nll"], rel=1e-5)
    assert not (in_folder / "p" / "predictions.csv").exists()
    assert "hardest classes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["test", "--predictions", "p.xls"], "ends in none of"),
        (["validate", "--predictions", "p.npz"], "zoo validate writes no predictions"),
        (["fit", "--predictions", "p.npz"], "zoo fit writes no predictions"),
    ],
)
def test_bad_words_leave_a_sentence_and_no_folder(run, in_folder, capsys, words, says):
    assert main([*words, "--ckpt_path", str(run), "--run_dir", "r", *QUIET]) == 2
    assert says in capsys.readouterr().err
    assert list(in_folder.iterdir()) == []
