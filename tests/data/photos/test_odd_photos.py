"""Photographs that have no end, no proportion or no name that can be written down."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from photo_fault_cases import WNIDS, fill
from PIL import Image

import zoo
from zoo.cli import main
from zoo.data import ImageNet
from zoo.data.photos.crops import scale_short_side
from zoo.data.photos.decode import decode
from zoo.data.photos.decoders import read_rgb
from zoo.data.photos.fast_decoder import read_fast
from zoo.data.photos.inspection import check_photo
from zoo.data.verify.folder import verify_folder
from zoo.errors import InputError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and names of POSIX")
TWO = {"num_held_out": 0, "num_workers": 0, "batch_size": 2}


@pytest.fixture(autouse=True)
def in_time():
    """A test that waits for a pipe fails."""

    def late(*ignored):
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return fill(tmp_path / "images", num_val=1, side=40)


@pytest.mark.parametrize("read", [read_rgb, read_fast, decode])
def test_nobody_waits_for_a_pipe(tmp_path, read):
    os.mkfifo(tmp_path / "pipe.JPEG")
    with pytest.raises(InputError, match=r"pipe.JPEG is not a readable image \(it is a device or a pipe\)"):
        read(tmp_path / "pipe.JPEG")


def test_no_verb_waits_for_a_pipe_among_photos(root, tmp_path, capsys):
    pipe = root / "train" / WNIDS[0] / "pipe.JPEG"
    os.mkfifo(pipe)
    for words in ("info", "prepare --size 64 --workers 1 --output store", "stream --output packed"):
        assert main(["data", words.split()[0], "ImageNet", "--root", str(root), *words.split()[1:]]) == 2
        assert str(pipe) in capsys.readouterr().err.splitlines()[-1]
    assert main(["data", "verify", "ImageNet", "--root", str(root), "--workers", "1"]) == 1
    assert "not a regular file" in capsys.readouterr().out


@pytest.mark.parametrize("target", ["loop.JPEG", "nowhere.JPEG"])
def test_links_that_lead_nowhere_are_named(root, target):
    link = root / "train" / WNIDS[0] / "loop.JPEG"
    link.symlink_to(target)
    data = ImageNet(str(root), **TWO)
    data.setup()
    with pytest.raises(InputError, match=r"loop.JPEG cannot be read \(.*\): replace or remove it"):
        _ = data.fingerprint
    assert [finding.path for finding in verify_folder(root, "imagenet", 1).findings] == [str(link.relative_to(root))]


def test_a_folder_that_holds_itself_has_no_end_and_no_image(root, tmp_path):
    (root / "train" / "again").symlink_to(root / "train")
    with pytest.raises(InputError, match="again holds no"):
        ImageNet(str(root), **TWO).setup()
    assert "empty class" in {finding.kind for finding in verify_folder(root, "imagenet", 1).findings}


@pytest.mark.parametrize("size", [(1, 100_000), (100_000, 1), (2, 2001)])
def test_a_photo_that_scaling_would_make_endless_is_refused(tmp_path, size):
    path = tmp_path / "long.png"
    Image.new("L", size).save(path)
    for read in (read_rgb, read_fast, decode):
        with pytest.raises(
            InputError, match=rf"long.png is not a readable image \(it has {size[0]:,}x{size[1]:,} pixels"
        ):
            read(path)
    with pytest.raises(InputError, match="more than 1,000 times as long as wide"):
        scale_short_side(Image.new("L", size), 256)
    (finding,) = check_photo(str(tmp_path), "long.png").findings
    assert finding.kind == "unreadable"
    assert "more than 1,000 times" in finding.detail


def test_a_long_photo_of_a_thousand_to_one_is_read(tmp_path):
    Image.new("L", (2, 2000)).save(tmp_path / "long.png")
    assert read_rgb(tmp_path / "long.png").size == decode(tmp_path / "long.png").size == (2, 2000)
    assert scale_short_side(Image.new("L", (2, 2000)), 8).size == (8, 8000)


@pytest.mark.parametrize("place", ["file", "folder"])
def test_names_that_are_not_utf8_are_named_before_anything_is_read(root, capsys, place):
    folder = os.fsencode(str(root / "train" / WNIDS[0]))
    if place == "file":
        shutil.copyfile(folder + f"/{WNIDS[0]}_0.JPEG".encode(), folder + b"/\xff.JPEG")
    else:
        os.rename(folder, os.fsencode(str(root / "train")) + b"/\xff")
    with pytest.raises(InputError, match=r"\\udcff(.JPEG)? has a name that is not UTF-8: give it another"):
        ImageNet(str(root), **TWO).setup()
    report = root.parent / "report.json"
    words = ["data", "verify", "ImageNet", "--root", str(root), "--workers", "1", "--output", str(report)]
    assert main(words) == 1
    assert "its name is not UTF-8" in capsys.readouterr().out
    assert "its name is not UTF-8" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--data.root", "--init_from"])
def test_what_goes_into_a_record_is_utf8(in_folder, capsys, option):
    assert main(["fit", "--config", "lenet5_digits", option, os.fsdecode(b"a\xff")]) == 2
    assert capsys.readouterr().err.startswith(f"zoo: {option} 'a\\udcff' is not UTF-8")
    assert list(in_folder.iterdir()) == []


def test_a_run_folder_may_have_any_name(in_folder, capsys):
    folder = os.fsdecode(b"r\xff")
    words = ["--trainer.max_steps", "2", "--trainer.enable_progress_bar", "false"]
    assert main(["fit", "--config", "lenet5_digits", "--run_dir", folder, *words]) == 0
    assert main(["test", "--ckpt_path", folder, "--run_dir", "t", *words[-2:]]) == 0
    assert (Path("t") / "record.json").is_file()
    assert zoo.load(folder).name == "lenet5"
