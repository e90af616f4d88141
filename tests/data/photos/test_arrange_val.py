"""``zoo data fetch imagenet``: a flat ``val/`` into class folders, from each kind of label file, stopped anywhere."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from zoo.cli import main
from zoo.data import ImageNet
from zoo.data.photos import arrange_val
from zoo.data.photos.val_labels import find_labels
from zoo.data.verify.folder import list_folder
from zoo.errors import InputError

WNIDS = ["n01440764", "n02102040", "n03000684"]
NUM = 8
# The class of image 1, 2, ...: in no order, and not the same number of each.
TRUTH = [random.Random(4).randrange(3) for _ in range(NUM)]
NAMES = [f"ILSVRC2012_val_{n:08d}.JPEG" for n in range(1, NUM + 1)]


@pytest.fixture
def root(tmp_path) -> Path:
    """Eight validation images in one folder, beside a train folder of three classes."""
    root = tmp_path / "ilsvrc"
    for wnid in WNIDS:
        (root / "train" / wnid).mkdir(parents=True)
        Image.new("RGB", (40, 40)).save(root / "train" / wnid / f"{wnid}_1.JPEG")
    (root / "val").mkdir()
    for n, name in enumerate(NAMES):
        Image.new("RGB", (40, 40), (n, 0, 0)).save(root / "val" / name)
    return root


def kaggle(root: Path) -> Path:
    rows = [f"{Path(name).stem},{WNIDS[label]} 1 2 3 4" for name, label in zip(NAMES, TRUTH, strict=True)]
    return written(root / "LOC_val_solution.csv", ["ImageId,PredictionString", *rows])


def devkit(root: Path) -> Path:
    identifiers = {0: 2, 1: 3, 2: 1}
    fields = [("ILSVRC2012_ID", object), ("WNID", object)]
    synsets = np.array([(identifiers[label], wnid) for label, wnid in enumerate(WNIDS)], fields)
    folder = root / "ILSVRC2012_devkit_t12" / "data"
    folder.mkdir(parents=True)
    savemat(folder / "meta.mat", {"synsets": synsets})
    lines = [str(identifiers[label]) for label in TRUTH]
    return written(folder / "ILSVRC2012_validation_ground_truth.txt", lines)


def caffe(root: Path) -> Path:
    written(root / "synset_words.txt", [f"{wnid} a thing, another name" for wnid in WNIDS])
    return written(root / "val.txt", [f"{name} {label}" for name, label in zip(NAMES, TRUTH, strict=True)])


def wnids_alone(root: Path) -> Path:
    return written(root / "imagenet_2012_validation_synset_labels.txt", [WNIDS[label] for label in TRUTH])


def names_and_wnids(root: Path) -> Path:
    rows = [f"{name}\t{WNIDS[label]}" for name, label in zip(NAMES, TRUTH, strict=True)]
    return written(root / "list.txt", random.Random(0).sample(rows, NUM))


def names_and_wnids_as_csv(root: Path) -> Path:
    return written(root / "list.csv", [f"{Path(n).stem},{WNIDS[k]}" for n, k in zip(NAMES, TRUTH, strict=True)])


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


OFFICIAL = [kaggle, devkit, caffe, wnids_alone]
ARRANGED = sorted(f"{WNIDS[label]}/{name}" for name, label in zip(NAMES, TRUTH, strict=True))


def listed(root: Path) -> list[str]:
    return sorted(path.relative_to(root / "val").as_posix() for path in (root / "val").rglob("*.JPEG"))


def fetch(root: Path, *words: str) -> int:
    return main(["data", "fetch", "imagenet", "--root", str(root), *words])


@pytest.mark.parametrize("write", [*OFFICIAL, names_and_wnids, names_and_wnids_as_csv])
def test_every_image_goes_into_the_folder_of_its_class(root, write, capsys):
    pixels = {path.name: path.read_bytes() for path in (root / "val").iterdir()}
    labels = write(root)
    words = [] if write in OFFICIAL else ["--labels", str(labels)]
    assert fetch(root, *words) == 0
    assert listed(root) == ARRANGED
    assert {path.name: path.read_bytes() for path in (root / "val").rglob("*.JPEG")} == pixels
    assert capsys.readouterr().out == f"8 images moved; all 8 of {root / 'val'} are in class folders.\n"
    assert fetch(root, *words) == 0
    assert capsys.readouterr().out.startswith("0 images moved; all 8 of")


@pytest.mark.parametrize("write", OFFICIAL)
def test_the_same_labels_serve_a_val_that_stays_flat(root, write):
    write(root)
    data = ImageNet(str(root), num_held_out=0, num_workers=0)
    data.setup()
    labels = data.splits["test"].labels.tolist()
    found = {file.name: label for file, label in zip(data.files["test"], labels, strict=True)}
    assert [found[name] for name in NAMES] == TRUTH


@pytest.mark.parametrize("moves", [0, 1, 5, 7])
def test_stopped_half_way_nothing_reads_it_and_it_goes_on(root, moves, monkeypatch, capsys):
    kaggle(root)
    rename, done = Path.rename, []

    def refused(self: Path, target: Path) -> Path:
        if len(done) == moves:
            raise OSError(5, "Input/output error", str(self))
        done.append(target)
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refused)
        assert fetch(root) == 2
    message = capsys.readouterr().err
    assert f"half arranged: {moves} of 8 images were moved before {root}/val/" in message
    assert "run the same command again" in message
    assert len(listed(root)) == NUM
    with pytest.raises(InputError, match=rf"{root}/val holds {NUM - moves} images beside its class folders"):
        ImageNet(str(root), num_held_out=0, num_workers=0).setup()
    _, findings = list_folder(root)
    assert sum(finding.kind == "loose image" for finding in findings) == NUM - moves
    assert all(finding.is_fault for finding in findings if finding.kind == "loose image")
    assert fetch(root) == 0
    assert listed(root) == ARRANGED


def refusal(root: Path, capsys, *words: str) -> str:
    """The sentence with which the command ends; nothing has moved."""
    before = listed(root)
    assert fetch(root, *words) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert listed(root) == before
    assert line.startswith("zoo: ")
    return line


def test_missing_and_strange_images_are_named_and_nothing_moves(root, capsys):
    kaggle(root)
    (root / "val" / NAMES[2]).unlink()
    assert f"has 7 of the 8 images in {root}/LOC_val_solution.csv; missing are {NAMES[2][:-5]}:" in refusal(
        root, capsys
    )
    (root / "val" / NAMES[0]).unlink()
    assert f"missing are {NAMES[0][:-5]} and 1 more" in refusal(root, capsys)
    Image.new("RGB", (40, 40)).save(root / "val" / "holiday.JPEG")
    assert f"{root}/val/holiday.JPEG has no class in" in refusal(root, capsys)


def test_an_image_in_a_wrong_folder_or_there_twice_is_named(root, capsys):
    kaggle(root)
    wrong = root / "val" / WNIDS[(TRUTH[0] + 1) % 3]
    wrong.mkdir()
    (root / "val" / NAMES[0]).rename(wrong / NAMES[0])
    assert f"{wrong / NAMES[0]} is of class {WNIDS[TRUTH[0]]} by" in refusal(root, capsys)
    (wrong / NAMES[0]).rename(root / "val" / NAMES[0])
    (root / "val" / NAMES[1].replace(".JPEG", ".jpg")).write_bytes(b"")
    assert "more than once" in refusal(root, capsys)


def test_labels_of_another_data_set_or_with_wrong_counts_are_refused(root, capsys, monkeypatch):
    kaggle(root)
    (root / "train" / WNIDS[TRUTH[0]] / f"{WNIDS[TRUTH[0]]}_1.JPEG").unlink()
    (root / "train" / WNIDS[TRUTH[0]]).rmdir()
    assert f"has the class {WNIDS[TRUTH[0]]}, which {root}/train lacks" in refusal(root, capsys)
    monkeypatch.setattr(arrange_val, "NUM_CLASSES", 4)
    monkeypatch.setattr(arrange_val, "NUM_VAL", 2)
    assert "but each class has 2: fetch it again" in refusal(root, capsys)


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("list.txt", "", "cannot be read as ILSVRC's labels"),
        ("list.txt", "ILSVRC2012_val_00000001.JPEG 5\n", "synsets.txt"),
        ("list.txt", "1\n2\n", "need meta.mat beside it"),
        ("list.txt", "ILSVRC2012_val_00000001.JPEG tench\n", "cannot be read"),
        ("list.csv", "ImageId,PredictionString\nILSVRC2012_val_00000001,tench 1\n", "tench is no wnid"),
    ],
)
def test_a_label_file_that_is_none_is_named(root, capsys, name, content, part):
    (root / name).write_text(content)
    line = refusal(root, capsys, "--labels", str(root / name))
    assert f"{root / name}" in line
    assert part in line


def test_a_number_past_the_last_synset_is_refused(root, capsys):
    path = caffe(root)
    path.write_text(path.read_text().replace(f"{NAMES[3]} {TRUTH[3]}", f"{NAMES[3]} 3"))
    assert f"{path} cannot be read as ILSVRC's labels" in refusal(root, capsys)


def test_without_labels_or_without_images_the_way_out_is_named(root, capsys):
    assert "there is no LOC_val_solution.csv" in refusal(root, capsys)
    for name in NAMES:
        (root / "val" / name).unlink()
    assert "unpack ILSVRC2012_img_val.tar there" in refusal(root, capsys)
    assert main(["data", "fetch", "MNIST", "--root", str(root), "--labels", "x"]) == 2
    assert "leave out --labels" in capsys.readouterr().err


def test_the_official_file_wins_over_public_lists(root):
    for write in reversed(OFFICIAL):
        write(root)
    assert find_labels(root).source == root / "LOC_val_solution.csv"
    (root / "LOC_val_solution.csv").unlink()
    assert find_labels(root).source.name == "ILSVRC2012_validation_ground_truth.txt"
