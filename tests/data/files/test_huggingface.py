"""``HuggingFaceImages``: folders that the library ``datasets`` writes and reads."""

import json
import pickle
from functools import partial
from pathlib import Path

import own_images
import pytest
import torch
from conftest import record_of
from own_images import COLOURS, picture, write_folder

from zoo.cli import main
from zoo.data import HuggingFaceImages, ImageFolder, huggingface
from zoo.data.sampling import Draw

datasets = pytest.importorskip("datasets")
# From Python 3.12 on, forking a process that has threads, as torch has, warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks")
NAMES = list(COLOURS)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Cache folders of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def table(first: int, number: int, **columns: object) -> "datasets.Dataset":
    """``number`` pictures of each class, in turn, in a column "image", with their classes in "label"."""
    cases = [(name, n) for n in range(first, first + number) for name in NAMES]
    content = {"image": [picture(*case) for case in cases], "label": [NAMES.index(name) for name, _ in cases]}
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)})
    return datasets.Dataset.from_dict(content, features=features)


@pytest.fixture
def saved(tmp_path):
    """A folder as save_to_disk leaves it, with train and test."""
    whole = datasets.DatasetDict({"train": table(0, 10), "test": table(10, 4)})
    whole.save_to_disk(str(tmp_path / "Flowers"))
    return tmp_path / "Flowers"


made, refusal = partial(own_images.made, HuggingFaceImages), partial(own_images.refusal, HuggingFaceImages)


def test_rows_give_the_pixels_and_labels_that_were_saved(saved, tmp_path):
    data = made(saved, num_held_out=0)
    # In the order of the labels that they have there, not of the alphabet.
    assert (data.class_names, data.name) == (NAMES, "flowers")
    assert {split: len(found) for split, found in data.splits.items()} == {"train": 30, "val": 0, "test": 12}
    assert data.splits["test"].labels.tolist() == [0, 1, 2] * 4
    # The same pictures as files.
    same = write_folder(tmp_path / "same", train=2, test=2)
    for split, first, number in (("train", 0, 10), ("test", 10, 4)):
        for n in range(first, first + number):
            for name in NAMES:
                picture(name, n).save(same / split / name / f"more{n:03d}.png")
    files = ImageFolder(str(same), transform="standard", num_held_out=0)
    files.setup()
    own = {image.numpy().tobytes() for image in data.splits["test"].images}
    of_files = {image.numpy().tobytes() for image in files.splits["test"].images}
    assert own <= of_files
    assert len(own) == 12


def test_the_slices_do_not_depend_on_seed_or_place(saved, tmp_path):
    first = made(saved)
    saved.rename(tmp_path / "moved")
    second = made(tmp_path / "moved", seed=3)
    assert torch.equal(first.splits["val"].positions, second.splits["val"].positions)
    assert torch.bincount(first.splits["val"].labels).tolist() == [1, 1, 1]
    assert first.fingerprint == second.fingerprint
    assert first.fingerprint.startswith("labelled-files-sha256:")


def test_a_table_without_splits_is_split_by_its_rows(tmp_path):
    table(0, 10).save_to_disk(str(tmp_path / "one"))
    data = made(tmp_path / "one")
    assert {split: len(found) for split, found in data.splits.items()} == {"train": 22, "val": 2, "test": 6}
    assert torch.bincount(data.splits["test"].labels).tolist() == [2, 2, 2]


def test_a_validation_split_is_for_choosing_where_there_is_a_test(tmp_path):
    parts = {"train": table(0, 5), "validation": table(5, 2), "test": table(7, 3)}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "three"))
    data = made(tmp_path / "three")
    assert {split: len(found) for split, found in data.splits.items()} == {"train": 15, "val": 6, "test": 9}
    del parts["test"]
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "two"))
    assert len(made(tmp_path / "two").splits["test"]) == 6


def test_photographs_are_read_from_their_rows_in_workers(saved):
    data = made(saved, transform="alexnet", batch_size=4, num_workers=2)
    images, labels, _ = next(iter(data.test_dataloader()))
    assert images.shape == (4, 3, 224, 224)
    colours = torch.tensor(list(COLOURS.values())).float()
    assert torch.equal(torch.cdist(images.float().mean((2, 3)), colours).argmin(1), labels)
    again = pickle.loads(pickle.dumps(data.splits["test"]))
    assert torch.equal(again[Draw(0, torch.arange(4))][0], images)


def test_a_folder_of_parquet_and_one_of_images_are_read(tmp_path):
    (tmp_path / "parquet" / "data").mkdir(parents=True)
    table(0, 4).to_parquet(str(tmp_path / "parquet" / "data" / "train-00000-of-00001.parquet"))
    table(4, 2).to_parquet(str(tmp_path / "parquet" / "data" / "test-00000-of-00001.parquet"))
    data = made(tmp_path / "parquet")
    assert (data.class_names, len(data.splits["test"])) == (NAMES, 6)
    folder = write_folder(tmp_path / "images", train=3, test=1)
    data = made(folder)
    assert sorted(data.class_names) == sorted(NAMES)
    assert {split: len(found) for split, found in data.splits.items()} == {"train": 9, "val": 0, "test": 3}


def test_labels_in_words_become_classes(tmp_path):
    words = datasets.Dataset.from_dict({"image": [picture("rose", n) for n in range(9)], "label": ["b", "a", "c"] * 3})
    words.cast_column("image", datasets.Image()).save_to_disk(str(tmp_path / "words"))
    data = made(tmp_path / "words")
    assert data.class_names == ["a", "b", "c"]


def test_columns_that_cannot_be_told_are_asked_for(tmp_path):
    two = table(0, 3).add_column("fine", [0] * 9).cast_column("fine", datasets.ClassLabel(names=["x", "y"]))
    two.save_to_disk(str(tmp_path / "two"))
    assert "of which 2 are of the type ClassLabel: name one with --data.label_column." in refusal(tmp_path / "two")
    assert made(tmp_path / "two", label_column="label").class_names == NAMES
    assert "has no column 'colour', but image, label, fine" in refusal(tmp_path / "two", label_column="colour")
    bare = table(0, 3).remove_columns("label")
    bare.save_to_disk(str(tmp_path / "bare"))
    assert "of which 0 are of the type ClassLabel" in refusal(tmp_path / "bare")


def test_rows_without_class_or_image_are_named(tmp_path):
    rows = table(0, 3)
    features = rows.features
    labels = [*rows["label"][:8], -1]
    gap = datasets.Dataset.from_dict({"image": [picture("rose", n) for n in range(9)], "label": labels}, features)
    gap.save_to_disk(str(tmp_path / "gap"))
    assert "row train/8 of train has the label -1, which is no class" in refusal(tmp_path / "gap")
    images = [picture("rose", n) for n in range(9)]
    images[4] = None
    empty = datasets.Dataset.from_dict({"image": images, "label": [0, 1, 2] * 3}, features)
    empty.save_to_disk(str(tmp_path / "empty"))
    assert "train/4 holds no image" in refusal(tmp_path / "empty")


def test_what_is_no_such_folder_is_refused_and_no_hub_is_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "There is no folder" in refusal(Path("user/flowers"))
    (tmp_path / "nothing").mkdir()
    assert "nothing cannot be read as a folder of datasets" in refusal(Path("nothing"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "state.json").write_text("{")
    assert "broken cannot be read as a folder of datasets" in refusal(Path("broken"))
    monkeypatch.setattr(huggingface, "find_spec", lambda name: None)
    assert "needs datasets, which is not installed: pip install datasets" in refusal(tmp_path)


def test_verify_info_and_fit_know_such_a_folder(saved, in_folder, capsys):
    assert main(["data", "verify", "HuggingFaceImages", "--root", str(saved)]) == 0
    assert main(["data", "info", "HuggingFaceImages", "--root", str(saved), "--transform", "crop_flip"]) == 0
    printed = capsys.readouterr().out
    assert printed.count(made(saved).fingerprint) == 2
    assert "42 rows" in printed
    words = ["--data", "HuggingFaceImages", "--data.root", str(saved), "--data.transform", "standard"]
    model = ["--model", "LinearModel", "--model.num_classes", "3", "--trainer.enable_progress_bar", "false"]
    assert (
        main(["fit", *words, *model, "--trainer.accelerator", "cpu", "--trainer.max_epochs", "3", "--run_dir", "run"])
        == 0
    )
    assert record_of(in_folder / "run")["metrics"]["per_class"]["names"] == NAMES
    picture("rose", 99).save(in_folder / "rose.png")
    capsys.readouterr()
    assert main(["classify", "run", "rose.png", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["images"][0]["classes"][0]["class"] in NAMES
