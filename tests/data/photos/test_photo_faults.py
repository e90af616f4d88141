"""Broken photographs while training: the run stops with the path, or goes on without them and says so."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from photo_fault_cases import INJECTIONS, WNIDS, fill, inject

from zoo.cli import main
from zoo.data import ImageNet
from zoo.data.photos import skipped
from zoo.data.verify.folder import verify_folder
from zoo.errors import InputError
from zoo.models import LinearModel
from zoo.results.record import Record

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
]

# What the decoder cannot read; the other six kinds are photos, if odd or misplaced ones.
UNREADABLE = {"truncated", "zero bytes", "not an image", "unreadable"}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Three classes of twelve training and two validation images."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return fill(tmp_path / "images", num_val=2, side=40)


def training_file(root: Path, number: int, label: int = 1) -> Path:
    return root / "train" / WNIDS[label] / f"{WNIDS[label]}_{number}.JPEG"


def made(root: Path, **options: object) -> ImageNet:
    data = ImageNet(str(root), **{"num_held_out": 0, "num_workers": 0, "batch_size": 36} | options)
    data.setup()
    return data


def epoch(data: ImageNet) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [data.on_after_batch_transfer(batch, 0) for batch in data.train_dataloader()]


@pytest.mark.parametrize("decoder", ["pil", "fast"])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_step_goes_on_without_a_broken_image_and_with_the_others_as_they_were(root, decoder, num_workers):
    options = {"on_error": "skip", "decoder": decoder, "num_workers": num_workers, "transform": "alexnet"}
    ((whole, labels),) = epoch(made(root, **options))
    broken = {training_file(root, 3), training_file(root, 7)}
    INJECTIONS["truncated"](training_file(root, 3), [])
    INJECTIONS["not an image"](training_file(root, 7), [])
    data = made(root, **options)
    loader = data.train_dataloader()
    (order,) = (draw.indices.tolist() for draw in loader.sampler)
    kept = [n for n, position in enumerate(order) if data.splits["train"].files[position] not in broken]
    ((images, rest),) = epoch(data)
    assert len(kept) == 34
    assert torch.equal(images, whole[kept])
    assert torch.equal(rest, labels[kept])


def test_an_image_left_out_is_said_once_and_counted_every_time(root, capsys, recwarn):
    path = training_file(root, 3)
    path.write_bytes(b"")
    data = made(root, on_error="skip", batch_size=5)
    for _ in range(3):
        epoch(data)
    name = path.relative_to(root).as_posix()
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"zoo: left out {name}, which is not a readable image (on_error: skip)"
    assert data.left_out() == {"skipped": {"num_images": 1, "times": 3, "paths": [name]}}
    assert not [warning for warning in recwarn if "left out" in str(warning.message)]


def test_a_sound_folder_leaves_nothing_out(root):
    data = made(root, on_error="skip")
    epoch(data)
    assert data.left_out() == {}


@pytest.mark.parametrize("num_workers", [0, 2])
def test_by_default_a_broken_image_stops_the_epoch_with_its_path(root, num_workers):
    path = training_file(root, 3)
    INJECTIONS["truncated"](path, [])
    with pytest.raises(InputError, match=f"{path} is not a readable image"):
        epoch(made(root, num_workers=num_workers, batch_size=5))


@pytest.mark.parametrize("split", ["val", "test"])
def test_evaluation_leaves_nothing_out_whatever_was_asked(root, split):
    for path in (root / "val" / WNIDS[0]).iterdir():
        path.write_bytes(b"")
    data = made(root, on_error="skip", num_held_out=33)
    for position in data.splits["val"].positions.tolist()[:1]:
        data.files["train"][position].write_bytes(b"")
    with pytest.raises(InputError, match="is not a readable image"):
        list(data._loader(split))


def test_a_step_of_which_nothing_is_left_is_refused(root):
    for path in (root / "train").rglob("*.JPEG"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match=r"^None of a step's 36 images can be read, such as .*zoo data verify"):
        epoch(made(root, on_error="skip"))


def test_a_checkpoint_goes_on_counting(root):
    training_file(root, 3).write_bytes(b"")
    first, second = made(root, on_error="skip"), made(root, on_error="skip")
    epoch(first)
    second.load_state_dict(first.state_dict())
    epoch(second)
    assert second.left_out()["skipped"]["times"] == 2


def test_all_processes_count_together(root, monkeypatch):
    training_file(root, 3).write_bytes(b"")
    data = made(root, on_error="skip")
    epoch(data)

    def gather(parts: list, mine: dict) -> None:
        parts[:] = [mine, {"train/other.JPEG": 2}, {**mine, "train/a.JPEG": 1}]

    for name, value in {
        "is_initialized": lambda: True, "get_world_size": lambda: 3, "all_gather_object": gather,
    }.items():  # fmt: skip
        monkeypatch.setattr(skipped.dist, name, value)
    own = training_file(root, 3).relative_to(root).as_posix()
    assert data.left_out()["skipped"] == {
        "num_images": 3, "times": 5, "paths": sorted([own, "train/other.JPEG", "train/a.JPEG"])
    }  # fmt: skip


def trained_weights(root: Path, **options: object) -> torch.Tensor:
    """The weights of a linear classifier after two epochs in batches of 8."""
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    torch.manual_seed(0)
    model = LinearModel(num_classes=3, input_size=224)
    data = ImageNet(str(root), batch_size=8, num_held_out=0, num_workers=0, **options)
    Trainer(max_epochs=2, logger=False, accelerator="cpu", **quiet).fit(model, datamodule=data)
    return model.network.fc.weight.detach()


def test_the_loss_of_a_step_is_the_mean_over_the_images_that_are_left(root):
    training_file(root, 3).write_bytes(b"")
    data = made(root, on_error="skip", batch_size=8)
    expected = torch.zeros(3, 3 * 224**2, dtype=torch.float64)
    bias, speeds = torch.zeros(3, dtype=torch.float64), [0.0, 0.0]
    loader = data.train_dataloader()
    for number in range(2):
        loader.sampler.set_epoch(number)
        for batch in loader:
            images, labels = data.on_after_batch_transfer(batch, 0)
            flat = images.flatten(1).double()
            slope = (flat @ expected.T + bias).softmax(1)
            slope[torch.arange(len(labels)), labels] -= 1
            gradients = [slope.T @ flat / len(labels), slope.mean(0)]
            speeds = [0.9 * speed + gradient for speed, gradient in zip(speeds, gradients, strict=True)]
            expected -= 0.01 * speeds[0]
            bias -= 0.01 * speeds[1]
    torch.testing.assert_close(trained_weights(root, on_error="skip").double(), expected, rtol=1e-3, atol=1e-4)


def fit(root: Path, folder: Path, *words: str) -> int:
    run = ["--run_dir", str(folder), "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"]
    data = ["--data", "ImageNet", "--data.root", str(root), "--data.num_held_out", "0", "--data.batch_size", "32"]
    model = ["--model", "LinearModel", "--model.num_classes", "10", "--model.input_size", "224"]
    return main(["fit", *data, *model, *run, "--trainer.max_epochs", "2", *words])


def assert_trains_without(root: Path, folder: Path, workers: str) -> None:
    """Two epochs over a folder with faults of ten kinds: every readable image twice, and the rest named."""
    found = verify_folder(root, "ImageNet", 1).findings
    broken = sorted(finding.path for finding in found if finding.kind in UNREADABLE)
    number = len(list((root / "train").rglob("*.JPEG")))
    assert fit(root, folder, "--data.on_error", "skip", "--data.num_workers", workers) == 0
    record = Record.read(folder / "record.json")
    assert record.timing["train_images"] == 2 * (number - len(broken))
    assert record.dataset["skipped"] == {"num_images": len(broken), "times": 2 * len(broken), "paths": broken}
    assert record.n == record.dataset["num_images"] == len(list((root / "val").rglob("*.JPEG")))
    assert record.config["data"]["init_args"]["on_error"] == "skip"


def assert_stops(root: Path, folder: Path, capsys: pytest.CaptureFixture) -> None:
    found = verify_folder(root, "ImageNet", 1).findings
    broken = {str(root / finding.path) for finding in found if finding.kind in UNREADABLE}
    capsys.readouterr()
    assert fit(root, folder, "--data.num_workers", "2") == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("zoo: ")
    assert line.removeprefix("zoo: ").split(" is not a readable image")[0] in broken
    assert not folder.exists()


def test_twenty_faults_of_ten_kinds_neither_stop_nor_miscount_a_training_run(root, in_folder, capsys):
    inject(root, 2)
    assert_trains_without(root, in_folder / "run", "0")
    assert_stops(root, in_folder / "stopped", capsys)


@pytest.mark.slow
def test_200_faults_in_the_real_imagenette_neither_hang_nor_miscount_a_training_run(in_folder, monkeypatch, capsys):
    folder = os.environ.get("ZOO_TEST_DATA")
    if not folder or not Path(folder, "imagenette").is_dir():
        pytest.skip("needs Imagenette: set ZOO_TEST_DATA to the folder that holds imagenette/train and imagenette/val")
    monkeypatch.setenv("XDG_CACHE_HOME", str(in_folder / "cache"))
    root = in_folder / "copy"
    for split, number in (("train", 60), ("val", 2)):
        for wnid in sorted(Path(folder, "imagenette", split).iterdir()):
            (root / split / wnid.name).mkdir(parents=True)
            for file in sorted(wnid.iterdir())[:number]:
                shutil.copyfile(file, root / split / wnid.name / file.name)
    injected = inject(root, 20)
    assert sum(sum(classes.values()) for classes in injected.values()) == 200
    assert_trains_without(root, in_folder / "run", "2")
    record = json.loads((in_folder / "run" / "record.json").read_text())
    assert record["dataset"]["skipped"]["num_images"] == 80
    assert_stops(root, in_folder / "stopped", capsys)


def test_a_broken_test_image_stops_the_measurement_with_its_path_and_status_2(root, in_folder, capsys):
    path = next((root / "val" / WNIDS[0]).iterdir())
    path.write_bytes(path.read_bytes()[:200])
    assert fit(root, in_folder / "run", "--data.on_error", "skip", "--data.num_workers", "0") == 2
    assert f"zoo: {path} is not a readable image" in capsys.readouterr().err
    assert not (in_folder / "run" / "record.json").exists()
