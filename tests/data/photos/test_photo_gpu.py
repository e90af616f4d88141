"""The path that decodes on a GPU, with a CPU in its place, and on a GPU where there is one."""

import numpy as np
import pytest
import torch
from PIL import Image

from zoo import keyed
from zoo.cli import main
from zoo.data import ImageNet
from zoo.data.photos import on_gpu
from zoo.data.photos.decoders import PillowPhoto, read_in_part, read_rgb
from zoo.data.photos.on_gpu import views_on
from zoo.data.photos.transforms import TRANSFORMS
from zoo.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks", "ignore:.*does not have many w")
CPU = torch.device("cpu")


@pytest.fixture
def root(tmp_path):
    """Photographs of many kinds: grey, progressive, in four colours, no JPEG at all."""
    for folder in (tmp_path / "images" / split / wnid for split in ("train", "val") for wnid in ("n00000001", "n2")):
        folder.mkdir(parents=True)
        for n, (mode, options) in enumerate(
            [("RGB", {}), ("RGB", {"subsampling": 0}), ("L", {}), ("RGB", {"progressive": True}), ("CMYK", {})]
        ):
            noise = np.random.default_rng(n + len(folder.name)).integers(0, 256, (30, 40, 3), np.uint8)
            image = Image.fromarray(noise).resize((400 + 9 * n, 300), Image.Resampling.BICUBIC).convert(mode)
            image.save(folder / f"{n}.JPEG", "JPEG", quality=90, **options)
        image.convert("RGB").save(folder / "9.JPEG", "PNG")
    return tmp_path / "images"


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setattr(on_gpu, "KIND", "cpu")


@pytest.mark.parametrize("name", ["torchvision", "alexnet", "vgg_384", "caffe"])
def test_views_are_pillows_but_for_a_grey_level(root, name):
    transform, files = TRANSFORMS[name], sorted(root.glob("train/*/*.JPEG"))
    numbers = keyed.uniforms(keyed.key(name), torch.arange(len(files)), transform.num_random).tolist()
    views = [transform.random_view(read_in_part(file), row) for file, row in zip(files, numbers, strict=True)]
    assert sum(isinstance(view, PillowPhoto) for view in views) == 6
    found = views_on(CPU, views)
    exact = torch.stack([transform.random(read_rgb(file), row) for file, row in zip(files, numbers, strict=True)])
    assert found.dtype == torch.uint8
    assert found.is_contiguous()
    apart = (found.int() - exact.int()).abs()
    assert apart.max() <= 1
    assert apart.float().mean() < 0.2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_decodes_what_the_stand_in_does(root):
    transform = TRANSFORMS["torchvision"]
    views = [transform.random_view(read_in_part(file), [0.4] * 41) for file in sorted(root.glob("train/*/*.JPEG"))]
    found, expected = views_on(torch.device("cuda"), views), views_on(CPU, views)
    assert found.device.type == "cuda"
    assert (found.cpu().int() - expected.int()).abs().float().mean() < 3


@pytest.mark.parametrize("num_workers", [0, 2, None])
def test_batches_are_those_of_pillow_but_for_a_grey_level(root, stand_in, num_workers):
    def batches(decoder: str, split: str, **options: object) -> list[torch.Tensor]:
        data = ImageNet(str(root), batch_size=4, num_held_out=0, decoder=decoder, **options)
        data.setup()
        loader = data._loader(split, shuffle=split == "train")
        return [data.on_after_batch_transfer(data.on_before_batch_transfer(batch, 0), 0)[0] for batch in loader]

    found, exact = (torch.cat(batches(name, "train", num_workers=num_workers)) for name in ("gpu", "pil"))
    assert not torch.equal(found, exact)
    # A grey level of 255, divided by the least of the standard deviations.
    assert (found - exact).abs().max() < 1.01 / (0.224 * 255)
    assert all(map(torch.equal, batches("gpu", "test", num_workers=0), batches("pil", "test", num_workers=0)))


def test_a_broken_file_is_refused_in_pillows_words(root, stand_in):
    path = root / "train" / "n00000001" / "1.JPEG"
    content = path.read_bytes()
    # Whole at its ends, with a scan of nine colours.
    at = content.index(b"\xff\xda")
    path.write_bytes(content[: at + 4] + b"\x09" + content[at + 5 :])
    views = [read_in_part(file).crop((0, 0, 9, 9)) for file in sorted(root.glob("train/*/*.JPEG"))]
    with pytest.raises(InputError, match=f"{path} is not a readable image"):
        views_on(CPU, views)
    # One that the decoder refuses and Pillow does not is decoded all the same.
    path.write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    assert views_on(CPU, [read_in_part(path).crop((0, 0, 9, 9))]).shape == (1, 3, 9, 9)


def test_a_torchvision_without_the_decoder_is_one_sentence(root, stand_in, monkeypatch):
    monkeypatch.delattr("torchvision.io.decode_jpeg")
    with pytest.raises(InputError, match=r"^data.decoder is gpu, but torchvision [0-9.]+\S* has no decoder of JPEGs: "):
        ImageNet(str(root), decoder="gpu")


def test_training_and_its_pictures_take_such_views(root, stand_in, in_folder):
    words = ["fit", "--data", "ImageNet", "--data.root", str(root), "--data.decoder", "gpu", "--data.num_held_out", "0"]
    words += ["--data.batch_size", "5", "--model", "LinearModel", "--model.input_size", "224"]
    words += ["--trainer.max_epochs", "1", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"]
    assert main([*words, "--run_dir", "run"]) == 0
    data = ImageNet(str(root), num_held_out=0, decoder="gpu")
    data.setup()
    (draw,) = data.train_dataloader().sampler
    assert data.displayed(draw).shape == (12, 3, 224, 224)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"decoder": "gpu"}, "data.decoder is gpu, but PyTorch sees no CUDA device here: leave out --data.decoder"),
        ({"decoder": "gpu", "on_error": "skip"}, "data.on_error is skip, which decoder gpu cannot"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(root, monkeypatch, options, says):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    if "on_error" in options:
        monkeypatch.setattr(on_gpu, "KIND", "cpu")
    with pytest.raises(InputError, match=says):
        ImageNet(str(root), **options)


def test_training_elsewhere_is_refused():
    with pytest.raises(InputError, match=r"but training is on cpu: set trainer\.accelerator to gpu"):
        on_gpu.require_device(CPU)
