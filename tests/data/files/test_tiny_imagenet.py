"""``TinyImageNet``: an archive of its form, fetched from a server in a thread, read and refused."""

import hashlib
import io
import zipfile
from pathlib import Path

import pytest
import torch
import torchvision.datasets as theirs
from own_images import COLOURS, picture

from zoo.catalog import DATA
from zoo.cli import main
from zoo.data import TinyImageNet
from zoo.errors import InputError

WNIDS = {"n02124075": "blue sky", "n01443537": "rose", "n07720875": "Grass"}
WORDS = {"n02124075": "Egyptian cat", "n01443537": "goldfish, Carassius auratus", "n07720875": "goldfish, another"}
NUM_TRAIN, NUM_VAL = 6, 2


def packed() -> bytes:
    """A zip file laid out as the official one, of three classes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:

        def add(name: str, wnid: str, number: int) -> None:
            data = io.BytesIO()
            picture(WNIDS[wnid], number).resize((64, 64)).save(data, "JPEG", quality=95)
            archive.writestr(f"tiny-imagenet-200/{name}", data.getvalue())

        archive.writestr("tiny-imagenet-200/wnids.txt", "\n".join(WNIDS))
        archive.writestr("tiny-imagenet-200/words.txt", "".join(f"{wnid}\t{word}\n" for wnid, word in WORDS.items()))
        lines = []
        for place, wnid in enumerate(WNIDS):
            for n in range(NUM_TRAIN):
                add(f"train/{wnid}/images/{wnid}_{n}.JPEG", wnid, n)
            archive.writestr(f"tiny-imagenet-200/train/{wnid}/{wnid}_boxes.txt", "no image")
            for n in range(NUM_VAL):
                name = f"val_{3 * n + place}.JPEG"
                add(f"val/images/{name}", wnid, 100 + n)
                lines.append(f"{name}\t{wnid}\t0\t32\t44\t62\n")
        archive.writestr("tiny-imagenet-200/val/val_annotations.txt", "".join(sorted(lines)))
        add("test/images/test_0.JPEG", "n02124075", 0)
    return content.getvalue()


@pytest.fixture
def fetched(server, tmp_path, monkeypatch):
    """The data module after its download, in ``tmp_path / "data"``."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    content = packed()
    monkeypatch.setattr(TinyImageNet, "url", server.offer("tiny-imagenet-200.zip", content))
    monkeypatch.setattr(TinyImageNet, "digest", f"md5:{hashlib.md5(content).hexdigest()}")
    data = TinyImageNet(str(tmp_path / "data"), download=True)
    data.prepare_data()
    return data


def test_it_is_fetched_once_and_read_with_the_classes_of_its_annotations(fetched, server, tmp_path):
    fetched.setup()
    assert server.asked == ["/tiny-imagenet-200.zip"]
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["tiny-imagenet-200"]
    again = TinyImageNet(str(tmp_path / "data" / "tiny-imagenet-200"), download=True)
    again.setup()
    assert server.asked == ["/tiny-imagenet-200.zip"]
    assert again.fingerprint == fetched.fingerprint
    # In the order of the wnids; two are of the same word.
    assert fetched.class_names == ["goldfish (n01443537)", "Egyptian cat", "goldfish (n07720875)"]
    reference = theirs.ImageFolder(str(tmp_path / "data" / "tiny-imagenet-200" / "train"))
    assert reference.classes == sorted(WNIDS)
    train = fetched.listing.splits["train"]
    assert dict(zip(map(str, train.sources), train.labels, strict=True)) == dict(reference.samples)
    assert {split: len(found) for split, found in fetched.splits.items()} == {"train": 17, "val": 1, "test": 6}
    images, labels = next(iter(fetched.test_dataloader()))
    assert images.shape == (6, 3, 64, 64)
    colours = torch.tensor([COLOURS[WNIDS[wnid]] for wnid in sorted(WNIDS)]).float()
    pixels = fetched.splits["test"].images.float().mean((2, 3))
    assert torch.equal(torch.cdist(pixels, colours).argmin(1), labels)


def test_the_name_in_records_is_its_own(tmp_path):
    assert TinyImageNet(str(tmp_path)).name == DATA["TinyImageNet"].name == "tiny-imagenet"


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("val/val_annotations.txt", "val_0.JPEG\tn02124075\n", "val_1.JPEG has no line in"),
        ("val/val_annotations.txt", None, "more.JPEG has a line but no image beside"),
        ("val/val_annotations.txt", "val_0.JPEG n02124075\n", "has fewer than 2 parts in its line 1"),
        ("words.txt", b"\xff\xfe", "words.txt cannot be read"),
    ],
)
def test_what_was_changed_is_named(fetched, file, content, words):
    path = fetched.root / file
    text = path.read_text() + "more.JPEG\tn02124075\n" if content is None else content
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as refused:
        TinyImageNet(str(fetched.root)).setup()
    assert words in str(refused.value)


def test_without_download_it_says_how_to_come_by_it(tmp_path):
    with pytest.raises(InputError, match=rf"^No Tiny ImageNet in {tmp_path} .*--data\.download true"):
        TinyImageNet(str(tmp_path)).prepare_data()


def test_a_tampered_archive_leaves_nothing(fetched, server, tmp_path, monkeypatch):
    monkeypatch.setattr(TinyImageNet, "url", server.offer("tiny-imagenet-200.zip", packed()[:-1]))
    with pytest.raises(InputError, match="nothing was kept"):
        TinyImageNet(str(tmp_path / "other"), download=True).prepare_data()
    assert list((tmp_path / "other").iterdir()) == []


def test_the_commands_know_it(fetched, tmp_path, capsys):
    root = str(tmp_path / "there")
    assert main(["data", "fetch", "TinyImageNet", "--root", root]) == 0
    assert Path(root, "tiny-imagenet-200", "words.txt").is_file()
    assert main(["data", "info", "TinyImageNet", "--root", root]) == 0
    # Three classes of 200, and fewer images of each.
    assert main(["data", "verify", "TinyImageNet", "--root", root]) == 1
    printed = capsys.readouterr().out
    assert "wrong count" in printed
    assert "fingerprint labelled-files-sha256:" in printed
