"""Pictures of a test in W&B's own folder and in TensorBoard's file: they are those of ``zoo figure``, of the images."""

import io
import json
import sys

import numpy as np
import pytest
import wandb_file
from conftest import record_of
from PIL import Image

from zoo import figures
from zoo.cli import main
from zoo.data import Digits
from zoo.figures.style import content_of
from zoo.runs import name_of
from zoo.weights.find import find

WORDS = ["--config", "lenet5_digits", "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false"]
BOTH = ["--config", "overlays/wandb", "--config", "overlays/tensorboard"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures") / "run"
    assert main(["fit", *WORDS, *BOTH, "--run_dir", str(folder)]) == 0
    wandb_file.read(folder)  # waits for its end
    return folder


def pixels(content):
    """Of a PNG: uint8 (H, W, 3)."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def kept(folder, kind):
    """The picture of a kind that W&B keeps."""
    (file,) = folder.glob(f"wandb/offline-run-*/files/media/images/test/{kind}_*.png")
    return pixels(file.read_bytes())


def expected(folder):
    """The same pictures, drawn from what the run folder holds."""
    weights = find(folder)
    weights.name = name_of(folder)
    drawn = {
        "confusion": figures.confusion(folder),
        "calibration": figures.calibration(folder),
        "filters": figures.filters(weights),
    }
    return {kind: pixels(content_of(figure)) for kind, figure in drawn.items()}


@pytest.mark.slow
def test_wandbs_pictures_are_those_of_zoo_figure(run):
    for kind, picture in expected(run).items():
        assert np.array_equal(kept(run, kind), picture), kind
    assert kept(run, "mistakes").std() > 20


@pytest.mark.slow
def test_tensorboard_has_the_same(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    assert set(events.Tags()["images"]) == {
        f"test/{kind}" for kind in ("confusion", "calibration", "filters", "mistakes")
    }
    for kind in ("confusion", "calibration", "filters", "mistakes"):
        (event,) = events.Images(f"test/{kind}")
        assert event.step == record_of(run)["timing"]["train_steps"]
        assert np.array_equal(pixels(event.encoded_image_string), kept(run, kind))


def table_of(run, name):
    """Columns by name of the table that W&B keeps as an artifact with the files in it."""
    (found,) = (a for a in wandb_file.artifacts(run) if a.type == "run_table" and name in a.name)
    files = {entry.path: entry.local_path for entry in found.manifest.contents}
    # In the run's folder, which may be taken elsewhere to be sent.
    assert all(str(run) in file for file in files.values())
    (text,) = (file for path, file in files.items() if path.endswith(".table.json"))
    with open(text) as file:
        table = json.load(file)
    return {column: [row[n] for row in table["data"]] for n, column in enumerate(table["columns"])}, files


@pytest.mark.slow
def test_the_examples_are_the_surest_mistakes_and_some_right_ones_with_their_images(run):
    (file,) = run.rglob("predictions_*.table.json")
    table = json.loads(file.read_text())
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    wrong = sorted((row for row in rows if not row["right"]), key=lambda row: -row["probability1"])[:64]
    shown, files = table_of(run, "examples")
    mistakes = [index for index, right in zip(shown["index"], shown["right"], strict=True) if not right]
    assert mistakes == [row["index"] for row in wrong]
    assert shown["right"].count(True) == 16
    by_index = {row["index"]: row for row in rows}
    for name in ("label", "class1", "probability1"):
        assert shown[name] == [by_index[index][name] for index in shown["index"]]
    stored = Digits(num_held_out=0).read()["test"][0].float()[:, 0]
    for index, image in list(zip(shown["index"], shown["image"], strict=True))[::8]:
        with Image.open(files[image["path"]]) as file:
            # LeNet-5 sees the digit's 8 x 8 pixels as the 20 x 20 in the middle.
            small = np.asarray(file.convert("L").crop((6, 6, 26, 26)).resize((8, 8), Image.Resampling.BOX))
        distances = ((stored.numpy() - small) ** 2).sum(axis=(1, 2))
        assert int(distances.argmin()) == index


@pytest.mark.slow
def test_a_test_alone_leaves_them_and_a_switch_leaves_them_out(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, words in (("with", []), ("without", ["--wandb.pictures", "false"])):
        overlay = ["--config", "overlays/wandb", "--tensorboard", "null", *words, "--ckpt_path", str(run)]
        assert main(["test", *WORDS[:2], *WORDS[4:], *overlay, "--run_dir", name]) == 0
    wandb_file.read(tmp_path / "with"), wandb_file.read(tmp_path / "without")
    assert kept(tmp_path / "with", "filters").shape == kept(run, "filters").shape
    assert not list((tmp_path / "without").rglob("*.png"))
    assert [a.type for a in wandb_file.artifacts(tmp_path / "without")] == ["dataset", "run_table"]


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("matplotlib", "no pictures of the test: matplotlib is not installed"),
        ("zoo", "no picture filters of the test: broken"),
    ],
)
def test_what_cannot_be_drawn_ends_no_training(module, sentence, in_folder, monkeypatch, capsys):
    def broken(network):
        raise RuntimeError("broken.")

    if module == "zoo":
        monkeypatch.setattr("zoo.figures.first_filters.filter_images", broken)
    else:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
            monkeypatch.setitem(sys.modules, name, None)
    words = [*WORDS, "--config", "overlays/wandb", "--trainer.limit_train_batches", "2"]
    assert main(["fit", *words, "--run_dir", "run"]) == 0
    assert capsys.readouterr().out.count(sentence) == 1
    assert {a.type for a in wandb_file.artifacts(in_folder / "run")} >= {"model", "dataset"}
    drawn = {file.name.split("_")[0] for file in (in_folder / "run").glob("wandb/*/files/media/images/test/*.png")}
    assert drawn == (set() if module == "matplotlib" else {"confusion", "calibration", "mistakes"})
