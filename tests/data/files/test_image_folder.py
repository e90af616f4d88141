"""``ImageFolder``: which files it finds, how they are split, and what becomes of their pixels."""

import json
import os
import pickle
from collections import Counter
from functools import partial
from itertools import chain
from pathlib import Path
from typing import get_args

import numpy as np
import own_images
import pytest
import torch
import torch.nn.functional as F
import torchvision.datasets as theirs
from own_images import COLOURS, picture, write_class, write_folder
from PIL import Image
from torchvision.transforms import functional as TF

from zoo.cli import main
from zoo.data import ImageFolder
from zoo.data.files.listing import default_num_held_out
from zoo.data.files.transforms import Name
from zoo.data.photos import manifest
from zoo.data.photos.decode import decode
from zoo.data.protocol_images import ProtocolImages
from zoo.data.sampling import Draw
from zoo.errors import InputError
from zoo.models import AlexNetModel, LeNet5Model, LinearModel

# From Python 3.12 on, forking a process that has threads, as torch has, warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks")
CLASSES = sorted(COLOURS)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own, for manifests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def whole(tmp_path):
    """Twenty pictures of each of three classes, in one folder without splits."""
    return write_folder(tmp_path / "My Pictures", whole=20)


made, refusal = partial(own_images.made, ImageFolder), partial(own_images.refusal, ImageFolder)


def split_names(data: ImageFolder) -> dict[str, set[str]]:
    """The names of the images of each split."""
    train = data._tested(data.listing.splits)[0]
    return {
        "train": {train.names[n] for n in data.splits["train"].positions.tolist()},
        "val": {train.names[n] for n in data.splits["val"].positions.tolist()},
        "test": {path.relative_to(data.root).as_posix() for path in data.files["test"]},
    }


def test_files_classes_and_labels_are_torchvisions(tmp_path):
    root = write_folder(tmp_path / "images", train=9, test=4)
    data = made(root, num_held_out=0)
    for split in ("train", "test"):
        reference = theirs.ImageFolder(str(root / split))
        assert data.class_names == reference.classes
        images = data.listing.splits[split]
        found = {str(path): label for path, label in zip(images.sources, images.labels, strict=True)}
        assert found == dict(reference.samples)
    pixels = {str(path): image for path, image in zip(data.files["test"], data.splits["test"].images, strict=True)}
    for path, _ in theirs.ImageFolder(str(root / "test")).samples:
        with Image.open(path) as file:
            image = file.convert("RGB")
        expected = TF.center_crop(TF.resize(image, 32), 32)
        assert np.array_equal(pixels[path].permute(1, 2, 0).numpy(), np.asarray(expected))


def test_one_folder_is_split_by_its_names_in_proportion(whole, tmp_path):
    data = made(whole)
    names = split_names(data)
    assert {split: len(found) for split, found in names.items()} == {"train": 44, "val": 4, "test": 12}
    assert len(set.union(*names.values())) == 60
    for split, number in (("test", 4), ("train", None)):
        counts = torch.bincount(data.splits[split].labels).tolist()
        assert max(counts) - min(counts) <= 1
        assert number is None or counts == [number] * 3
    # Elsewhere, under another name, in another order, with another seed: the same.
    other = tmp_path / "moved"
    other.mkdir()
    for path in sorted(whole.rglob("*"), reverse=True):
        if path.is_file():
            target = other / path.relative_to(whole)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    assert split_names(made(other, seed=7, batch_size=5)) == names
    assert made(other).fingerprint == data.fingerprint


def test_a_picture_more_moves_few_others(whole):
    before = split_names(made(whole))
    write_class(whole, "rose", range(100, 101))
    after = split_names(made(whole))
    assert len(after["test"] ^ before["test"]) <= 3
    assert len(after["val"] ^ before["val"]) <= 3


def test_each_picture_is_decoded_once(whole, monkeypatch):
    times = Counter()

    def counted(path):
        times[path] += 1
        return decode(path)

    monkeypatch.setattr(ImageFolder, "read", staticmethod(counted))
    made(whole)
    assert set(times.values()) == {1}
    assert len(times) == 60


def test_a_step_s_images_are_a_function_of_seed_and_epoch(whole):
    def drawn(epoch, **options):
        loader = made(whole, transform="crop_flip", batch_size=16, **options).train_dataloader()
        loader.sampler.set_epoch(epoch)
        return [torch.cat(parts) for parts in zip(*loader, strict=True)]

    images, labels = drawn(3)
    assert (images.shape, images.dtype) == ((44, 3, 32, 32), torch.float32)
    again, labels_again = drawn(3)
    assert torch.equal(images, again)
    assert torch.equal(labels, labels_again)
    assert not torch.equal(images, drawn(4)[0])
    assert not torch.equal(images, drawn(3, seed=1)[0])


@pytest.mark.parametrize(
    ("splits", "counts", "test"),
    [
        ({"train": 10, "val": 4}, {"train": 27, "val": 3, "test": 12}, "val"),
        ({"train": 10, "test": 4}, {"train": 27, "val": 3, "test": 12}, "test"),
        ({"train": 10, "valid": 5, "test": 4}, {"train": 30, "val": 15, "test": 12}, "test"),
        ({"train": 10, "validation": 5}, {"train": 27, "val": 3, "test": 15}, "validation"),
        ({"train": 10}, {"train": 22, "val": 2, "test": 6}, "train"),
    ],
)
def test_folders_that_make_splits(tmp_path, splits, counts, test):
    data = made(write_folder(tmp_path / "images", **splits))
    assert {split: len(data.splits[split]) for split in counts} == counts
    assert {path.relative_to(data.root).parts[0] for path in data.files["test"]} == {test}
    assert data.num_held_out == counts["val"]
    assert sum(len(labels) for _, labels in data.val_dataloader()) == counts["val"]


def test_a_class_may_be_called_train(tmp_path):
    for name, number in (("train", 4), ("bus", 4)):
        (tmp_path / name).mkdir()
        for n in range(number):
            picture("rose", n).save(tmp_path / name / f"{n}.png")
    assert made(tmp_path).class_names == ["bus", "train"]


def test_small_folders_have_sensible_defaults(tmp_path):
    data = made(write_folder(tmp_path / "images", whole=2))
    assert {split: len(data.splits[split]) for split in data.splits} == {"train": 5, "val": 0, "test": 1}
    assert data.val_dataloader() == []
    assert "num_held_out is 5, but" in refusal(tmp_path / "images", num_held_out=5)
    assert "num_test is 6, but" in refusal(tmp_path / "images", num_test=6)
    assert "num_test is 0, but" in refusal(tmp_path / "images", num_test=0)


def test_of_a_large_set_no_more_is_held_out_than_of_imagenet():
    assert [default_num_held_out(n) for n in (9, 10, 59_999, 100_000, 1_281_167)] == [0, 1, 5_999, 10_000, 10_000]


def test_what_is_there_already_is_not_asked_for_again(tmp_path):
    root = write_folder(tmp_path / "images", train=5, val=2, test=2)
    assert "a test set of its own: leave out data.num_test" in refusal(root, num_test=3)
    assert "for choosing of its own: leave out data.num_held_out" in refusal(root, num_held_out=3)
    data = made(root, num_held_out=0)
    assert (len(data.splits["train"]), data.val_dataloader()) == (15, [])


def rename_val(root: Path) -> None:
    (root / "test").rename(root / "val")
    (root / "val").mkdir(exist_ok=True)
    write_class(root / "valid", "rose", range(2))


def a_stranger(root: Path) -> None:
    (root / "test" / "rose").rename(root / "test" / "tulip")


def an_empty_class(root: Path) -> None:
    (root / "train" / "empty").mkdir()


def only_one(root: Path) -> None:
    for split in ("train", "test"):
        for name in ("rose", "Grass"):
            os.rename(root / split / name, root / f"{split}-{name}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (a_stranger, "is of the class 'tulip', which no training image is of"),
        (an_empty_class, "train/empty holds no image (.jpg, .jpeg, .png"),
        (only_one, "of one class alone, 'blue sky': training takes two or more"),
        (rename_val, "has both val and valid: leave one of them"),
    ],
)
def test_folders_that_make_no_data_set_are_refused(tmp_path, change, words):
    root = write_folder(tmp_path / "images", train=3, test=2)
    change(root)
    assert words in refusal(root)


def test_a_folder_that_is_missing_or_flat_is_refused(tmp_path):
    assert "There is no folder" in refusal(tmp_path / "nowhere")
    (tmp_path / "flat").mkdir()
    assert "holds neither images nor folders" in refusal(tmp_path / "flat")
    picture("rose", 1).save(tmp_path / "flat" / "a.png")
    assert "holds images but no folders, such as a.png: put the images of each class" in refusal(tmp_path / "flat")


def test_hidden_and_other_files_are_passed_over(whole):
    before = made(whole).fingerprint
    for hidden in (whole / ".ipynb_checkpoints", whole / "rose" / ".ipynb_checkpoints"):
        hidden.mkdir()
        picture("rose", 1).save(hidden / "a.png")
    picture("rose", 1).save(whole / "rose" / "._a.png")
    (whole / "rose" / "notes.txt").write_text("no image")
    data = made(whole)
    assert data.fingerprint == before
    assert data.passed_over() == ["rose/notes.txt"]


def test_what_is_no_file_is_refused_before_it_is_waited_for(whole, capsys):
    (whole / "rose" / "round").symlink_to(whole)
    (whole / "rose" / "again").symlink_to(".")
    assert len(made(whole).listing.splits["train"]) < 200
    (whole / "rose" / "round").unlink()
    os.mkfifo(whole / "rose" / "pipe.png")
    assert "rose/pipe.png is not there, or no file" in refusal(whole)
    (whole / "rose" / "gone.png").symlink_to("nowhere")
    assert "rose/gone.png and 1 more are not there" in refusal(whole)
    assert main(["data", "verify", "ImageFolder", "--root", str(whole)]) == 1
    assert "unreadable: 2" in capsys.readouterr().out


def test_names_that_are_no_text_are_refused(whole):
    (whole / "rose" / os.fsdecode(b"\xff.png")).write_bytes(b"x")
    assert "is no text in UTF-8: give it another name." in refusal(whole)


def test_a_broken_picture_is_named(whole):
    (whole / "rose" / "broken.jpg").write_bytes(b"no image")
    assert f"{whole}/rose/broken.jpg is not a readable image" in refusal(whole)
    data = made(whole, transform="alexnet")
    loaders = (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    with pytest.raises(InputError, match=r"rose/broken\.jpg is not a readable image"):
        list(chain(*loaders))


def test_pictures_are_turned_as_they_ask_and_transparency_is_white(tmp_path):
    root = write_folder(tmp_path / "images", train=2, test=1)
    wide = Image.new("RGB", (60, 32), (0, 0, 0))
    wide.paste((250, 250, 250), (0, 0, 60, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right
    wide.save(root / "train" / "rose" / "turned.png", exif=exif)
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(root / "train" / "rose" / "clear.png")
    data = made(root, num_held_out=0)
    names = data.listing.splits["train"].names
    turned, clear = (data.splits["train"].images[names.index(f"train/rose/{name}.png")] for name in ("turned", "clear"))
    assert turned[:, :, -5:].min() > 200
    assert turned[:, :, :5].max() < 50
    assert clear.min() == 255


def test_photographs_of_any_kind_go_through_imagenets_transforms(whole):
    data = made(whole, transform="alexnet", num_workers=2, batch_size=10)
    images, labels, shifts = next(iter(data.train_dataloader()))
    assert (images.shape, images.dtype) == ((10, 3, 224, 224), torch.uint8)
    means = images.float().mean((2, 3))
    colours = torch.tensor([COLOURS[name] for name in data.class_names]).float()
    assert torch.equal(torch.cdist(means, colours).argmin(1), labels)
    made_floats, _ = data.on_after_batch_transfer((images, labels, shifts), 0)
    assert made_floats.dtype == torch.float32
    total = sum(len(labels) for _, labels, _ in data.test_dataloader())
    assert total == 12


def test_protocols_see_photographs_and_small_images(whole):
    for transform, channels, own in (("alexnet", 3, 256), ("lenet5", 1, (32, 32)), ("standard", 3, (32, 32))):
        split = ProtocolImages(made(whole, transform=transform), batch_size=5)
        split.setup("test")
        assert (split.num_images, split.channels, split.own) == (12, channels, own)
        batch = split.on_after_batch_transfer(next(iter(split.test_dataloader())), 0)
        (image, *_), *_ = batch.groups[0].images.values()
        assert split.normalized(image[None]).dtype == torch.float32


def test_every_transform_gives_the_shape_that_is_said_of_it(whole):
    for transform, steps in ImageFolder.transforms.items():
        data = made(whole, transform=transform, batch_size=2)
        batch = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
        assert tuple(batch[0].shape[1:]) == data.shape_after(steps), transform
        assert data.displayed(Draw(0, torch.tensor([0]))).dtype == torch.uint8


@pytest.mark.parametrize(("transform", "side"), [("crop_flip", 32), ("crop_flip_64", 64)])
def test_small_images_are_shifted_by_an_eighth_of_their_side_and_mirrored(transform, side):
    steps = ImageFolder.transforms[transform]
    images = torch.arange(1, side + 1, dtype=torch.float32).expand(1, 3, side, side)
    reach = side // 8
    # The window of a padded image: its first and its last place, as it is and mirrored.
    for number, first in ((0.0, 0), (1 - 2**-24, 2 * reach)):
        padded = F.pad(images, (reach,) * 4)[0, 0, side // 2, first : first + side]
        numbers = torch.tensor([[0.5, number, 0.0], [0.5, number, 0.9]])
        found = steps.augment(images.expand(2, -1, -1, -1), numbers)[:, 0, side // 2]
        assert {tuple(row.tolist()) for row in found} == {tuple(padded.tolist()), tuple(padded.flip(0).tolist())}


def test_a_transform_that_needs_a_prepared_store_is_none_of_them(tmp_path):
    with pytest.raises(InputError, match="There is no transform 'alexnet_code' here: there is torchvision, alexnet,"):
        ImageFolder(str(tmp_path), transform="alexnet_code")
    assert list(ImageFolder.transforms) == list(get_args(Name))


@pytest.mark.parametrize(
    ("network", "transform", "words"),
    [
        (LeNet5Model(num_classes=10), "standard", "of ImageFolder lenet5, lenet5_distorted would fit."),
        (AlexNetModel(variant="cifar"), "torchvision", "mean_image, raw would fit."),
        (LinearModel(in_channels=1, input_size=28), "lenet5", "of ImageFolder grey would fit."),
        (LinearModel(input_size=64), "standard", "of ImageFolder standard_64, crop_flip_64 would fit."),
    ],
    ids=["lenet5", "alexnet", "grey", "64"],
)
def test_a_network_that_they_do_not_fit_says_which_transform_would(whole, network, transform, words):
    data = made(whole, transform=transform)
    with pytest.raises(InputError, match="takes images of") as refused:
        network._check_images(data)
    assert str(refused.value).endswith(words)


def test_the_name_in_records_is_the_folder_s(tmp_path):
    assert ImageFolder(str(tmp_path / "My Pictures 2")).name == "my-pictures-2"
    assert ImageFolder(str(tmp_path / "x"), name="flowers").name == "flowers"
    # What is compared with MNIST's figures must be MNIST.
    assert ImageFolder(str(tmp_path / "MNIST")).name == "mnist-image-folder"
    assert ImageFolder(str(tmp_path / "???")).name == "image-folder"
    for name, words in (("My Flowers", "small letters and digits"), ("", "small letters"), ("cifar10", "of the zoo")):
        with pytest.raises(InputError, match=words):
            ImageFolder(str(tmp_path), name=name)
    assert ImageFolder.name == "image-folder"


def test_the_fingerprint_tells_names_sizes_and_classes_and_after_verify_contents(whole):
    first = made(whole)
    assert first.fingerprint.startswith("labelled-listing-sha256:")
    assert first.fingerprint_of == "splits, classes, names and sizes of the files"
    assert main(["data", "verify", "ImageFolder", "--root", str(whole)]) == 0
    second = made(whole)
    assert second.fingerprint.startswith("labelled-files-sha256:")
    assert manifest.default_path(whole).is_file()
    path = whole / "Grass" / "001.png"
    picture("Grass", 77).save(path)
    third = made(whole).fingerprint
    assert third.startswith("labelled-listing-sha256:")
    assert third != first.fingerprint
    path.rename(whole / "rose" / "moved.png")
    assert made(whole).fingerprint not in (first.fingerprint, third)


def test_verify_names_what_is_broken_and_what_is_doubled(whole, capsys):
    (whole / "rose" / "broken.jpg").write_bytes(b"no image")
    (whole / "rose" / "empty.png").write_bytes(b"")
    (whole / "rose" / "notes.txt").write_text("no image")
    (whole / "Grass" / "again.png").write_bytes((whole / "rose" / "001.png").read_bytes())
    picture("rose", 50).save(whole / "rose" / "misnamed.png", "JPEG")
    assert main(["data", "verify", "ImageFolder", "--root", str(whole), "--output", str(whole.parent / "r.json")]) == 1
    report = json.loads((whole.parent / "r.json").read_text())
    found = {(finding["kind"].partition(" across")[0], finding["path"]) for finding in report["findings"]}
    assert {
        ("not an image", "rose/broken.jpg"), ("zero bytes", "rose/empty.png"), ("stray file", "rose/notes.txt"),
        ("wrong format", "rose/misnamed.png"), ("duplicate", "rose/001.png"),
    } <= found  # fmt: skip
    assert {kind for kind, _ in found} == {"not an image", "zero bytes", "stray file", "wrong format", "duplicate"}
    assert sum(sum(counts.values()) for counts in report["counts"].values()) == 64
    assert "rose/broken.jpg" in capsys.readouterr().out


def test_info_draws_them_and_what_cannot_be_done_says_so(whole, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    words = ["data", "info", "ImageFolder", "--root", str(whole), "--transform", "crop_flip", "--output", str(sheet)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in CLASSES)
    assert "fingerprint labelled-listing-sha256:" in printed
    assert sheet.is_file()
    for words, way in (
        (["fetch", "ImageFolder"], "is not fetched (these are your own images)"),
        (["prepare", "ImageFolder"], "is read as it lies there and has nothing to prepare"),
        (["stream", "ImageFolder", "--output", "x"], "not streamed"),
        (["info", "ImageFolder", "--root", str(whole), "--transform", "grey32"], "has no transform 'grey32'"),
    ):
        assert main(["data", *words]) == 2
        assert way in capsys.readouterr().err


def test_it_survives_pickling_as_spawned_processes_need_it(whole):
    for transform in ("standard", "alexnet"):
        data = made(whole, transform=transform)
        again = pickle.loads(pickle.dumps(data.splits["test"]))
        draw = Draw(0, torch.arange(3))
        assert torch.equal(again[draw][0], data.splits["test"][draw][0])
