"""The fast decoder: close to Pillow's pixels, the same geometry, never in evaluation; and the number of workers."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zoo import keyed
from zoo.cli import main
from zoo.data import ImageNet, cores
from zoo.data.photos import fast_decoder
from zoo.data.photos.decoders import read_rgb
from zoo.data.photos.fast_decoder import FastPhoto, read_fast
from zoo.data.photos.transforms import TRANSFORMS
from zoo.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks")


def smooth(width: int, height: int) -> Image.Image:
    """Red grows with the column, green with the row, blue waves: smooth, so that any good interpolation agrees."""
    y, x = np.mgrid[:height, :width]
    wave = 127 + 100 * np.sin(2 * np.pi * 3 * x / width) * np.cos(2 * np.pi * 2 * y / height)
    return Image.fromarray(np.stack([255 * x / width, 255 * y / height, wave], axis=2).astype(np.uint8))


def saved(path: Path, image: Image.Image, form: str = "JPEG", **options: object) -> Path:
    # Full colour resolution: otherwise the two libraries' ways to enlarge it would be compared too.
    image.save(path, form, **({"quality": 95, "subsampling": 0} if form == "JPEG" else {}) | options)
    return path


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("size", [(500, 375), (375, 640), (1800, 1300), (120, 90), (224, 1200)])
def test_a_training_view_shows_the_same_part_as_pillows(tmp_path, name, size):
    path = saved(tmp_path / "a.JPEG", smooth(*size))
    transform = TRANSFORMS[name]
    for row in keyed.uniforms(keyed.key(name), torch.arange(4), transform.num_random).tolist():
        fast, exact = (transform.random(read(path), row).float() for read in (read_fast, read_rgb))
        assert fast.shape == exact.shape == (3, transform.size, transform.size)
        # A shift by one pixel of the view would be one grey level or more in red or green.
        assert (fast - exact).mean((1, 2)).abs().max() < 0.6
        assert (fast - exact).abs().mean() < 1.2


@pytest.mark.parametrize("side", [900, 600, 450, 300, 200])
def test_a_large_photo_is_decoded_no_larger_than_needed_and_no_smaller_than_the_view(tmp_path, monkeypatch, side):
    path = saved(tmp_path / "a.JPEG", smooth(1600, 1200))
    sizes = []
    simplejpeg, cv2 = fast_decoder._libraries()

    class Watched:
        decode_jpeg_header = simplejpeg.decode_jpeg_header

        @staticmethod
        def decode_jpeg(*arguments, **options):
            sizes.append((made := simplejpeg.decode_jpeg(*arguments, **options)).shape)
            return made

    monkeypatch.setattr(fast_decoder, "_libraries", lambda: (Watched, cv2))
    photo = read_fast(path)
    view = photo.crop((100, 50, 100 + side, 50 + side)).resize((224, 224), Image.Resampling.BILINEAR)
    assert np.asarray(view).shape == (224, 224, 3)
    ((height, width, _),) = sizes
    # Eighths of which the format knows a short way; above a half the long way is faster.
    eighths = next((n for n in (1, 2, 3, 4) if side * n / 8 >= 224), 8)
    # Of the rows below the view no more than two.
    assert (width, height) == (200 * eighths, -(-(50 + side + 2) * eighths // 8))


@pytest.mark.parametrize(("box", "eighths"), [((0, 0, 1600, 300), 8), ((0, 0, 300, 1200), 8), ((0, 0, 1600, 1200), 2)])
def test_a_side_that_is_shrunk_less_decides(tmp_path, box, eighths):
    photo = read_fast(saved(tmp_path / "a.JPEG", smooth(1600, 1200)))
    view = photo.crop(box).resize((224, 224), Image.Resampling.BILINEAR)
    width, height = view._needed((1600, 1200))
    sides = [n for n in (1, 2, 3, 4, 8) if 1600 * n >= 8 * width and 1200 * n >= 8 * height]
    assert sides[0] == eighths


def test_mirrored_is_mirrored(tmp_path):
    path = saved(tmp_path / "a.JPEG", smooth(300, 260))
    transform, numbers = TRANSFORMS["torchvision"], [0.4] * 40
    plain, mirrored = (transform.random(read_fast(path), [*numbers, last]) for last in (0.9, 0.1))
    assert torch.equal(plain.flip(2), mirrored)


@pytest.mark.parametrize("form", ["PNG", "CMYK", "L", "progressive"])
def test_odd_files_are_read_too(tmp_path, form):
    image = smooth(300, 260)
    if form in ("CMYK", "L"):
        path = saved(tmp_path / "a.JPEG", image.convert(form))
    else:
        path = saved(tmp_path / "a.JPEG", image, "PNG") if form == "PNG" else saved(
            tmp_path / "a.JPEG", image, progressive=True
        )  # fmt: skip
    assert isinstance(read_fast(path), FastPhoto) == (form in ("L", "progressive"))
    fast, exact = (TRANSFORMS["vgg"].random(read(path), [0.3, 0.6, 0.9]).float() for read in (read_fast, read_rgb))
    assert (fast - exact).abs().mean() < 1.2


@pytest.mark.parametrize("length", [0, 2, 300, 0.5, 0.9])
def test_a_file_that_is_cut_is_refused_in_pillows_words(tmp_path, length):
    whole = saved(tmp_path / "whole.JPEG", smooth(300, 260)).read_bytes()
    path = tmp_path / "cut.JPEG"
    path.write_bytes(whole[: int(length * len(whole)) if isinstance(length, float) else length])
    messages = []
    for read in (read_fast, read_rgb):
        with pytest.raises(InputError) as caught:
            np.asarray(read(path).crop((0, 0, 9, 9)))
        messages.append(str(caught.value).split(" (")[0])
    assert messages[0] == messages[1] == f"{path} is not a readable image"


def test_a_flaw_that_pillow_reads_past_is_no_fault(tmp_path):
    buffer = io.BytesIO()
    smooth(300, 260).save(buffer, "JPEG", quality=95, subsampling=0)
    path = tmp_path / "a.JPEG"
    path.write_bytes(buffer.getvalue()[:-2] + b"\0\0\0" + b"\xff\xd9")
    view = read_fast(path).crop((10, 20, 234, 244))
    assert np.array_equal(np.asarray(view), np.asarray(read_rgb(path).crop((10, 20, 234, 244))))


@pytest.fixture
def root(tmp_path):
    for split, number in (("train", 9), ("val", 4)):
        for n in range(number):
            path = tmp_path / "images" / split / "n00000001" / f"{n}.JPEG"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(n).integers(0, 256, (70, 90, 3), np.uint8)
            saved(path, Image.fromarray(noise).resize((360, 280)))
    return tmp_path / "images"


def batches(root: Path, split: str, **options: object) -> list[torch.Tensor]:
    data = ImageNet(str(root), **{"batch_size": 4, "num_held_out": 3, "num_workers": 0} | options)
    data.setup()
    return [batch[0] for batch in data._loader(split, shuffle=split == "train")]


def test_only_training_is_decoded_fast(root):
    for split in ("val", "test"):
        fast, exact = (torch.cat(batches(root, split, decoder=decoder)) for decoder in ("fast", "pil"))
        assert torch.equal(fast, exact)
    fast, exact = (torch.cat(batches(root, "train", decoder=decoder)) for decoder in ("fast", "pil"))
    assert not torch.equal(fast, exact)
    assert (fast.float() - exact.float()).abs().mean() < 5


def test_fast_batches_are_the_same_for_any_number_of_workers(root):
    alone, helped = (torch.cat(batches(root, "train", decoder="fast", num_workers=number)) for number in (0, 2))
    assert torch.equal(alone, helped)


@pytest.mark.parametrize("decoder", ["pil", "fast"])
def test_up_to_four_cores_decode_by_threads_to_the_same_batches(root, monkeypatch, decoder):
    alone = batches(root, "train", decoder=decoder, batch_size=1)
    for share, threads in ((1, 1), (4, 4), (5, 0)):
        monkeypatch.setattr("zoo.data.cores.share", lambda processes=None, share=share: share)
        data = ImageNet(str(root), batch_size=1, num_held_out=3, decoder=decoder)
        data.setup()
        loader = data.train_dataloader()
        assert (loader.threads, loader.num_workers) == (threads, 0 if threads else 5)
        if threads:
            found = [images for images, *_ in loader]
            assert all(torch.equal(one, other) for one, other in zip(found, alone, strict=True))
    assert ImageNet(str(root), num_workers=2).threads == 0


def test_a_missing_package_is_one_sentence_and_status_2(root, in_folder, monkeypatch, capsys):
    monkeypatch.setattr(fast_decoder, "find_spec", lambda name: None if name == "cv2" else object())
    words = ["--config", "alexnet", "--data.root", str(root), "--data.decoder", "fast", "--run_dir", "run"]
    assert main(["fit", *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "opencv-python-headless cannot be imported: pip install opencv-python-headless" in line
    assert list(in_folder.glob("run*")) == []


def test_the_share_of_cores_is_that_of_the_processes_on_this_machine(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(12)), raising=False)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    assert cores.share() == 12
    assert [cores.share(number) for number in (1, 4, 5, 24, 0)] == [12, 3, 2, 1, 12]
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert cores.share() == 3
    assert ImageNet().num_workers == 3
    assert ImageNet(num_workers=7).num_workers == 7
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "many")
    assert cores.share() == 12


def test_the_trainers_processes_share_the_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(12)), raising=False)
    data = ImageNet()
    data.trainer = type("Four", (), {"num_devices": 4})()
    assert data.num_workers == 3
