"""``CSVImages``: tables of paths and classes, as they are written, and as they are not to be written."""

import csv
import os
from functools import partial
from pathlib import Path

import own_images
import pyarrow
import pyarrow.parquet
import pytest
import torch
from own_images import COLOURS, write_folder

from zoo.cli import main
from zoo.data import CSVImages, ImageFolder
from zoo.data.files import table

NAMES = sorted(COLOURS)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own, for manifests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    """Ten pictures of each of three classes, and a list of their paths and classes in no order."""
    return write_folder(tmp_path / "Pictures", whole=10)


def rows(folder: Path) -> list[tuple[str, str]]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".bmp"))
    found = [(path.relative_to(folder).as_posix(), path.relative_to(folder).parts[0]) for path in paths]
    return found[::2] + found[1::2]


def written(path: Path, content: list[tuple[object, ...]], header: tuple[str, ...] = ("path", "label")) -> Path:
    """A table of this content, of the kind that its ending says."""
    if path.suffix == ".parquet":
        columns = dict(zip(header, map(list, zip(*content, strict=True)), strict=True))
        pyarrow.parquet.write_table(pyarrow.table(columns), path)
        return path
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",").writerows([header, *content])
    return path


made, refusal = partial(own_images.made, CSVImages), partial(own_images.refusal, CSVImages)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet"])
def test_each_kind_of_table_gives_the_pixels_and_classes_of_the_folders(folder, ending):
    listed = rows(folder)
    data = made(written(folder / f"labels{ending}", listed))
    assert (data.class_names, data.name) == (NAMES, "pictures")
    assert sum(len(split) for split in data.splits.values()) == len(listed)
    found = {name: data.class_names[label] for images in data.listing.splits.values()
             for name, label in zip(images.names, images.labels, strict=True)}  # fmt: skip
    assert found == dict(listed)
    same = ImageFolder(str(folder), transform="standard", num_held_out=0)
    same.setup()
    pixels = {path: image for split in ("train", "test")
              for path, image in zip(same.files[split], same.splits[split].images, strict=True)}  # fmt: skip
    for path, image in zip(data.files["test"], data.splits["test"].images, strict=True):
        assert torch.equal(image, pixels[path])


def test_the_order_of_the_rows_changes_nothing(folder):
    listed = rows(folder)
    first, second = (made(written(folder / f"{n}.csv", order)) for n, order in enumerate((listed, sorted(listed))))
    for split in ("train", "val", "test"):
        assert torch.equal(first.splits[split].images, second.splits[split].images)
        assert torch.equal(first.splits[split].labels, second.splits[split].labels)
    assert first.fingerprint == second.fingerprint
    changed = [(name, "rose" if n == 0 else own) for n, (name, own) in enumerate(sorted(listed))]
    assert made(written(folder / "other.csv", changed)).fingerprint != first.fingerprint


def test_a_column_says_the_splits(folder):
    words = ("train", "Training", "val", "test")
    listed = [(name, own, words[n % 4]) for n, (name, own) in enumerate(rows(folder))]
    data = made(written(folder / "labels.csv", listed, ("path", "label", "split")))
    expected = {"train": words[:2], "val": words[2:3], "test": words[3:]}
    assert {split: len(data.splits[split]) for split in expected} == {
        split: sum(word in of_it for *_, word in listed) for split, of_it in expected.items()
    }
    other = made(written(folder / "fold.csv", listed, ("path", "label", "fold")), split_column="fold")
    assert len(other.splits["test"]) == len(data.splits["test"])
    # Without another test set the images for choosing are one.
    fewer = [row for row in listed if row[2] != "test"]
    data = made(written(folder / "fewer.csv", fewer, ("path", "label", "split")))
    assert len(data.splits["test"]) == sum(word == "val" for *_, word in fewer)


def test_a_folder_may_have_a_table_a_split(folder):
    listed = rows(folder)
    written(folder / "train.csv", listed[:15])
    written(folder / "validation.parquet", listed[15:18])
    written(folder / "test.tsv", listed[18:])
    data = made(folder)
    assert {split: len(found) for split, found in data.splits.items()} == {
        "train": 15, "val": 3, "test": len(listed) - 18,
    }  # fmt: skip
    written(folder / "train.parquet", listed[:15])
    assert "both train.csv and train.parquet for train" in refusal(folder)


def test_other_names_of_columns_and_numbers_for_classes(folder):
    listed = [(name, {"rose": 2, "Grass": 10, "blue sky": 1}[own]) for name, own in rows(folder)]
    for ending in (".csv", ".parquet"):
        path = written(folder / f"labels{ending}", listed, ("file", "class id"))
        data = made(path, path_column="file", label_column="class id")
        assert data.class_names == ["1", "2", "10"]
    with_gap = [(name, float(number)) for name, number in listed]
    path = written(folder / "floats.parquet", with_gap)
    assert made(path).class_names == ["1", "2", "10"]


def test_absolute_paths_and_pictures_elsewhere(folder, tmp_path):
    listed = [(str(folder / name), own) for name, own in rows(folder)]
    (tmp_path / "tables").mkdir()
    path = written(tmp_path / "tables" / "labels.csv", listed)
    data = made(path)
    assert sum(len(split) for split in data.splits.values()) == len(listed)
    assert data.fingerprint.startswith("labelled-listing-sha256:")
    upwards = written(tmp_path / "tables" / "up.csv", [(f"../Pictures/{name}", own) for name, own in rows(folder)])
    assert len(made(upwards).splits["test"]) == len(data.splits["test"])


@pytest.mark.parametrize(
    ("content", "header", "words"),
    [
        (
            [("a.png", "x")],
            ("filename", "label"),
            "has no column 'path', but 'filename', 'label': name it with --data.path",
        ),
        ([("a.png", "x")], ("path", "class"), "has no column 'label', but 'path', 'class': name it with --data.label"),
        ([("a.png", "")], ("path", "label"), "has nothing for 'label' in its row 1."),
        ([("a.png", "x"), ("b.png",)], ("path", "label"), "has nothing for 'label' in its row 2."),
        ([], ("path", "label"), "holds no row"),
        ([("a.png", "x"), ("./a.png", "y")], ("path", "label"), "a.png stands in"),
        (
            [("a.png", "x", "dev")],
            ("path", "label", "split"),
            "has 'dev' in its column 'split': say train, val or test",
        ),
        ([("a.png", "x", "test")], ("path", "label", "split"), "has no row of the split train"),
        ([("a.png", "x"), ("b.png", "x")], ("path", "label"), "of one class alone, 'x'"),
        (
            [("a.png", "x"), ("b.png", "y")],
            ("path", "label"),
            "a.png and 1 more are not there, or no file: zoo data verify finds",
        ),
    ],
)
def test_a_table_that_says_too_little_is_refused(tmp_path, content, header, words):
    assert words in refusal(written(tmp_path / "labels.csv", content, header))


def test_what_is_no_table_is_refused(tmp_path, monkeypatch):
    assert "There is no table" in refusal(tmp_path / "nowhere.csv")
    assert "holds no train.csv or train.parquet" in refusal(tmp_path)
    (tmp_path / "labels.xlsx").write_bytes(b"PK")
    assert "ends in none of .csv, .tsv, .parquet" in refusal(tmp_path / "labels.xlsx")
    (tmp_path / "labels.csv").write_bytes(b"path,label\na.png,\xff\n")
    assert "cannot be read as a table" in refusal(tmp_path / "labels.csv")
    (tmp_path / "quotes.csv").write_text('path,label\n"a.png"x,y\n')
    assert "cannot be read as a table" in refusal(tmp_path / "quotes.csv")
    (tmp_path / "labels.parquet").write_bytes(b"PAR1 not")
    assert "is not a Parquet file" in refusal(tmp_path / "labels.parquet")
    monkeypatch.setattr(table, "find_spec", lambda name: None)
    assert "needs pyarrow: pip install pyarrow" in refusal(tmp_path / "labels.parquet")


def test_a_table_that_cannot_be_one_is_not_read(tmp_path):
    with (tmp_path / "labels.csv").open("wb") as file:
        file.truncate(300_000_000_000)
    assert "has 300,000,000,000 bytes: a table" in refusal(tmp_path / "labels.csv")
    os.mkfifo(tmp_path / "train.csv")
    assert "holds no train.csv" in refusal(tmp_path)
    assert "is too long for the name of a file" in refusal(written(tmp_path / "long.csv", [("x" * 5000, "rose")]))


def test_a_table_of_a_spreadsheet_is_read(folder):
    path = written(folder / "labels.csv", rows(folder))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert made(path).class_names == NAMES


def test_verify_and_info_know_a_table(folder, capsys):
    path = written(folder / "labels.csv", [*rows(folder), ("gone.png", "rose")])
    assert main(["data", "verify", "CSVImages", "--root", str(path)]) == 1
    printed = capsys.readouterr().out
    assert "gone.png" in printed
    assert "unreadable: 1" in printed
    written(path, rows(folder))
    assert main(["data", "verify", "CSVImages", "--root", str(path)]) == 0
    assert main(["data", "info", "CSVImages", "--root", str(path), "--transform", "lenet5"]) == 0
    printed = capsys.readouterr().out
    assert "fingerprint labelled-files-sha256:" in printed
    assert made(path).fingerprint in printed
