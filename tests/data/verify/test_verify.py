"""``zoo data verify``: every injected fault is found under its path and named with its kind, and nothing else is."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from photo_fault_cases import INJECTIONS, WNIDS, empty, fill, inject, rewrite
from scipy.io import savemat

from zoo.catalog import DATA
from zoo.cli import main
from zoo.data import ImageNet
from zoo.data.photos import manifest
from zoo.data.photos.ilsvrc import wrong_counts
from zoo.data.photos.inspection import check_photo
from zoo.data.verification import FAULTS, KINDS
from zoo.data.verify.folder import verify_folder
from zoo.data.verify.memory import verify_memory
from zoo.errors import InputError


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Three classes of twelve training and four validation images, all sound; an empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return fill(tmp_path / "images", num_val=4, side=32)


@pytest.mark.parametrize("verb", ["verify", "prepare"])
def test_photos_are_verified_and_prepared_without_torch(root, verb):
    code = (
        "import sys; from zoo.cli import main; status = main(sys.argv[1:]);"
        "print('HEAVY', status, sorted({'torch', 'lightning', 'jsonargparse', 'matplotlib'} & set(sys.modules)))"
    )
    words = [sys.executable, "-c", code, "data", verb, "imagenet", "--root", str(root), "--workers", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY 0 []"


def found_in(verification) -> dict[str, Counter]:
    """For each kind how many findings a class folder."""
    kinds: dict[str, Counter] = {}
    for finding in verification.findings:
        kinds.setdefault(finding.kind, Counter())[finding.path.split("/")[1]] += 1
    return kinds


def verified(root: Path, workers: int = 1):
    return verify_folder(root, "ImageNet", workers)


def test_sound_images_are_clean_and_counted(root):
    found = verified(root)
    assert found.findings == []
    assert found.counts == {"train": dict.fromkeys(WNIDS, 12), "val": dict.fromkeys(WNIDS, 4)}


@pytest.mark.parametrize("kind", INJECTIONS)
def test_each_fault_is_named_with_its_path_and_kind_alone(root, kind):
    path, other = (root / "train" / WNIDS[1] / f"{WNIDS[1]}_{n}.JPEG" for n in (5, 4))
    before = set(root.rglob("*.JPEG"))
    INJECTIONS[kind](path, [other])
    moved = set(root.rglob("*.JPEG")) - before
    (finding,) = verified(root).findings
    assert finding.kind == kind
    assert root / finding.path == (moved.pop() if moved else path)


@pytest.mark.parametrize("workers", [1, 2])
def test_twenty_faults_of_ten_kinds_are_all_found_by_any_number_of_processes(root, workers, monkeypatch):
    monkeypatch.setattr("zoo.data.verify.folder.FEW", 10)
    injected = inject(root, 2)
    assert found_in(verified(root, workers)) == injected


@pytest.mark.slow
def test_200_faults_in_the_real_imagenette_are_all_found(tmp_path, monkeypatch):
    folder = os.environ.get("ZOO_TEST_DATA")
    if not folder or not Path(folder, "imagenette").is_dir():
        pytest.skip("needs Imagenette: set ZOO_TEST_DATA to the folder that holds imagenette/train and imagenette/val")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "copy"
    for split, number in (("train", 60), ("val", 4)):
        for wnid in sorted(Path(folder, "imagenette", split).iterdir()):
            (root / split / wnid.name).mkdir(parents=True)
            for file in sorted(wnid.iterdir())[:number]:
                shutil.copyfile(file, root / split / wnid.name / file.name)
    # The sample's own grey photos are no injected faults; CMYK and the like it has none of.
    before = [finding for finding in verified(root, 2).findings if finding.kind != "greyscale"]
    assert before == []
    injected = inject(root, 20)
    assert sum(sum(classes.values()) for classes in injected.values()) == 200
    found = found_in(verified(root, 2))
    found.pop("greyscale", None)
    assert found == injected


def test_doubles_across_classes_and_splits_and_a_grey_photo_are_named(root):
    train, val = root / "train", root / "val"
    shutil.copyfile(train / WNIDS[0] / f"{WNIDS[0]}_3.JPEG", train / WNIDS[2] / f"{WNIDS[2]}_99.JPEG")
    shutil.copyfile(train / WNIDS[1] / f"{WNIDS[1]}_3.JPEG", val / WNIDS[1] / "ILSVRC2012_val_00000999.JPEG")
    rewrite(train / WNIDS[0] / f"{WNIDS[0]}_0.JPEG", "JPEG", "L")
    found = verified(root)
    assert [(finding.kind, finding.path) for finding in found.findings] == [
        ("duplicate across classes", f"train/{WNIDS[2]}/{WNIDS[2]}_99.JPEG"),
        ("duplicate across splits", f"val/{WNIDS[1]}/ILSVRC2012_val_00000999.JPEG"),
        ("greyscale", f"train/{WNIDS[0]}/{WNIDS[0]}_0.JPEG"),
    ]
    assert found.findings[1].detail == f"the same pixels as train/{WNIDS[1]}/{WNIDS[1]}_3.JPEG"
    assert found.num_faults == 0


def test_a_double_is_found_in_another_format(root):
    one, other = (root / "train" / WNIDS[0] / f"{WNIDS[0]}_{n}.JPEG" for n in (1, 2))
    shutil.copyfile(one, other)
    rewrite(other, "PNG")
    assert verified(root).kinds == {"wrong format": 1, "duplicate": 1}


def test_what_is_wrong_with_the_folders_is_named(root):
    (root / "train" / "loose.JPEG").write_bytes(b"x")
    (root / "train" / WNIDS[0] / "readme.txt").write_text("x")
    (root / "train" / WNIDS[0] / "more").mkdir()
    (root / "train" / "n09999999").mkdir()
    (root / "val" / WNIDS[2]).rename(root / "val" / "n08888888")
    os.mkfifo(root / "train" / WNIDS[1] / "pipe.JPEG")
    (root / "train" / WNIDS[1] / "gone.JPEG").symlink_to("nowhere")
    assert [(finding.kind, finding.path) for finding in verified(root).findings] == [
        ("empty class", "train/n09999999"),
        ("stray file", "train/loose.JPEG"),
        ("stray file", f"train/{WNIDS[0]}/more"),
        ("stray file", f"train/{WNIDS[0]}/readme.txt"),
        ("unknown class", "val/n08888888"),
        ("unreadable", f"train/{WNIDS[1]}/gone.JPEG"),
        ("unreadable", f"train/{WNIDS[1]}/pipe.JPEG"),
    ]


def test_a_jpeg_cut_anywhere_is_truncated_even_where_pillow_decodes_it(root):
    path = root / "train" / WNIDS[0] / f"{WNIDS[0]}_0.JPEG"
    whole = path.read_bytes()
    for length in (4, len(whole) // 4, len(whole) - 300, len(whole) - 2):
        path.write_bytes(whole[:length])
        kinds = [finding.kind for finding in check_photo(str(root), path.relative_to(root).as_posix()).findings]
        assert kinds == ["truncated"], length
    # A disk that was full leaves the right size and zeros. A thumbnail, at the front, has an end marker of its own.
    thumbnail = b"\xff\xd8 a small photo \xff\xd9"
    segment = b"\xff\xfe" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    for content in (whole, whole[:2] + segment + whole[2:]):
        path.write_bytes(content[: len(content) // 2].ljust(len(content), b"\0"))
        assert [f.kind for f in check_photo(str(root), path.relative_to(root).as_posix()).findings] == ["truncated"]


def test_a_flat_val_without_labels_is_a_fault(root):
    for path in list((root / "val").rglob("*.JPEG")):
        path.rename(root / "val" / path.name)
    for wnid in WNIDS:
        (root / "val" / wnid).rmdir()
    (finding,) = verified(root).findings
    assert (finding.kind, finding.path) == ("no labels", "val")
    assert "LOC_val_solution.csv" in finding.detail
    rows = [f"{path.stem},{WNIDS[int(path.stem[-8:]) // 100]} 1 2 3 4" for path in (root / "val").iterdir()]
    (root / "LOC_val_solution.csv").write_text("\n".join(["ImageId,PredictionString", *rows]))
    assert verified(root).counts["val"] == dict.fromkeys(WNIDS, 4)


def test_the_counts_of_the_full_set_are_checked_and_those_of_a_part_are_not(tmp_path):
    # 895 classes of 1,300 images are the official ones' majority; the rest is made up to the official total.
    numbers = [1300] * 895 + [1124] * 104
    numbers.append(1_281_167 - sum(numbers))
    train = {f"n{n:08d}": number for n, number in enumerate(numbers)}
    val = dict.fromkeys(train, 50)
    assert list(wrong_counts(tmp_path, {"train": train, "val": val})) == []
    short = {"train": train | {"n00000003": 600}, "val": val | {"n00000004": 49}}
    assert {(f.kind, f.path) for f in wrong_counts(tmp_path, short)} == {
        ("wrong count", path) for path in ("train/n00000003", "val/n00000004", "train", "val")
    }
    part = {split: dict(list(classes.items())[:999]) for split, classes in short.items()}
    assert list(wrong_counts(tmp_path, part)) == []
    synsets = np.array(list(train.items()), [("WNID", object), ("num_train_images", "i8")])
    savemat(tmp_path / "meta.mat", {"synsets": synsets})
    swapped = {"train": train | {"n00000003": 1299, "n00000998": 1125}, "val": val}
    assert [finding.detail for finding in wrong_counts(tmp_path, swapped)] == [
        "1,299 images instead of 1,300",
        "1,125 images instead of 1,124",
    ]


def made(root: Path) -> ImageNet:
    data = ImageNet(str(root), num_held_out=0, num_workers=0)
    data.setup()
    return data


def test_the_manifest_lists_every_file_and_makes_the_fingerprint_while_it_fits(root):
    assert made(root).fingerprint_of == "names and sizes of the files"
    found = verified(root)
    entries = [json.loads(line) for line in Path(found.manifest).read_text().splitlines()]
    assert [entry["path"] for entry in entries] == sorted(
        path.relative_to(root).as_posix() for path in root.rglob("*.JPEG")
    )
    assert {(e["width"], e["height"], e["mode"], e["format"]) for e in entries} == {(32, 32, "RGB", "JPEG")}
    assert not list(root.rglob("*.jsonl"))  # nothing is written into the data
    assert made(root).fingerprint == found.fingerprint
    assert made(root).fingerprint_of == "names, sizes and contents of the files"
    path = root / "train" / WNIDS[0] / f"{WNIDS[0]}_0.JPEG"
    path.write_bytes(path.read_bytes() + b"\0")
    assert made(root).fingerprint.startswith("listing-sha256:")
    assert verified(root).fingerprint == made(root).fingerprint != found.fingerprint


@pytest.mark.parametrize("content", ["", "no json\n", "[]\n", '{"path": "x"}\n', '{"path": "x", "size": 3}\n'])
def test_a_manifest_that_is_none_is_not_believed(root, content):
    (root / manifest.NAME).write_text(content)
    assert made(root).fingerprint.startswith("listing-sha256:")


@pytest.mark.parametrize("digest", ["\ud800", "", "0" * 63, "g" * 64, 7, ["0"], {"0": 0}, True])
def test_a_manifest_with_a_digest_that_is_none_is_not_believed(root, digest):
    lines = Path(verified(root).manifest).read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    entries[3]["sha256"] = digest
    (root / manifest.NAME).write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    manifest.default_path(root).unlink()
    assert made(root).fingerprint.startswith("listing-sha256:")


def test_a_manifest_travels_with_the_data(root, tmp_path):
    found = verify_folder(root, "ImageNet", 1, root / manifest.NAME)
    root.rename(tmp_path / "moved")
    assert made(tmp_path / "moved").fingerprint == found.fingerprint


def test_the_command_ends_with_one_for_faults_and_nought_for_notices(root, capsys, tmp_path):
    words = ["data", "verify", "imagenet", "--root", str(root), "--workers", "1"]
    rewrite(root / "train" / WNIDS[0] / f"{WNIDS[0]}_0.JPEG", "JPEG", "CMYK")
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert f"CMYK: 1  (printing colours; read as RGB)\n          train/{WNIDS[0]}/{WNIDS[0]}_0.JPEG\n" in shown
    assert shown.endswith("Clean: 0 faults, 1 notice.\n")
    empty(root / "val" / WNIDS[0] / "ILSVRC2012_val_00000012.JPEG", [])
    assert main([*words, "--output", str(tmp_path / "report.json")]) == 1
    assert capsys.readouterr().out.endswith("Not clean: 1 fault, 1 notice.\n")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["kinds"] == {"zero bytes": 1, "CMYK": 1}
    assert [(f["severity"], f["path"]) for f in report["findings"]] == [
        ("notice", f"train/{WNIDS[0]}/{WNIDS[0]}_0.JPEG"),
        ("fault", f"val/{WNIDS[0]}/ILSVRC2012_val_00000012.JPEG"),
    ]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["verify", "ImagNet"], "did you mean ImageNet"),
        (["verify", "ImageNet", "--root", "nowhere"], "No ImageNet in"),
        (["verify", "ImageNet", "--workers", "0"], "at least 1, not 0"),
        (["verify", "CIFAR10"], ": run zoo data fetch CIFAR10 to fetch it, or point --root at"),
        (["verify", "Digits", "--manifest", "x"], "no manifest"),
        (["info", "Digits", "--root", "x"], "Digits lies in no folder: leave out --root"),
        (["info", "Digits", "--transform", "vgg"], "lenet5, retina, raw"),
        (["fetch", "ImageNet"], "image-net.org"),
        (["fetch", "Digits"], "needs no download"),
        (["verfy", "Digits"], "invalid choice: 'verfy'"),
        ([], "required"),
    ],
)
def test_bad_input_gets_one_sentence(in_folder, capsys, words, part):
    assert main(["data", *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("zoo: ")
    assert part in line
    assert list(in_folder.iterdir()) == []


def test_a_place_where_the_manifest_cannot_be_written_is_named(root, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=f"cannot be written to {tmp_path}/file/m"):
        verify_folder(root, "ImageNet", 1, tmp_path / "file" / "m")


@pytest.mark.parametrize(
    "words", [["verify", "Digits", "--output", "file/out"], ["info", "Digits", "--output", "file/out.png"]]
)
def test_an_output_that_cannot_be_written_is_named_and_leaves_nothing(in_folder, capsys, words):
    (in_folder / "file").write_text("in the way")
    assert main(["data", *words]) == 2
    assert f"There is no folder file to write {Path(words[-1]).name} to" in capsys.readouterr().err
    assert [path.name for path in in_folder.iterdir()] == ["file"]


def test_every_kind_is_described_and_each_injected_one_is_known():
    assert set(INJECTIONS) <= set(KINDS)
    assert {"truncated", "zero bytes", "not an image", "unreadable"} <= set(FAULTS)


def test_digits_are_clean_and_a_changed_pixel_or_label_is_not(monkeypatch):
    from zoo.data import Digits

    assert verify_memory(Digits(), "data").findings == []
    arrays = Digits().read()
    arrays["test"][0][7] = arrays["train"][0][30]
    monkeypatch.setattr(Digits, "read", lambda self: arrays)
    changed = verify_memory(Digits(), "data")
    assert [(f.kind, f.path) for f in changed.findings] == [
        ("duplicate across splits", "test[7]"),
        ("other contents", "data"),
    ]
    assert "the same pixels as train[30]" in changed.findings[0].detail


def test_a_known_copy_that_is_not_the_official_one_is_said_to_be_none_and_is_no_fault(monkeypatch):
    from zoo.data import Digits
    from zoo.data.fingerprint import of_tensors

    (known,) = DATA["Digits"].fingerprints
    note = "two images went through JPEG"
    monkeypatch.setitem(DATA["Digits"].fingerprints, known, {"altered": 2, "note": note})
    found = verify_memory(Digits(), "data")
    assert [(f.kind, f.path, f.detail) for f in found.findings] == [
        ("altered copy", "data", f"not the official files: {note}")
    ]
    assert found.num_faults == 0
    # The official one has another fingerprint, which nobody knows, and checksums.
    arrays = Digits().read()
    arrays["test"][0][7, 0, 0, 0] ^= 1
    assert of_tensors([tensor for split in arrays.values() for tensor in split]) != known
    monkeypatch.setattr(Digits, "read", lambda self: arrays)
    assert [f.kind for f in verify_memory(Digits(), "data").findings] == ["other contents"]
    file = Path(__file__)
    sums = {file: f"md5:{hashlib.md5(file.read_bytes()).hexdigest()}"}
    monkeypatch.setattr(Digits, "official_sums", lambda self: sums)
    found = verify_memory(Digits(), "data")
    assert [f.kind for f in found.findings] == ["official files"]
    assert found.num_faults == 0
    sums[file] = f"md5:{'0' * 32}"
    assert [f.kind for f in verify_memory(Digits(), "data").findings] == ["other contents"] * 2


def test_a_cut_batch_of_cifar10_is_a_fault_with_its_path(in_folder, capsys):
    from zoo.data.cifar10 import BATCHES

    (in_folder / "data" / "cifar-10-batches-bin").mkdir(parents=True)
    for name in BATCHES:
        (in_folder / "data" / "cifar-10-batches-bin" / f"{name}.bin").write_bytes(bytes(1000))
    assert main(["data", "verify", "CIFAR10"]) == 1
    assert "data_batch_1.bin has 1,000 bytes instead of 30,730,000" in capsys.readouterr().out
