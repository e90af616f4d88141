"""A checkpoint with one bit flipped: nothing is measured, trained on or looked at with it."""

import shutil

import pytest
import torch
from PIL import Image

import zoo
from zoo.cli import main
from zoo.errors import InputError
from zoo.weights.sources.pytorch import from_state_dict

QUIET = ["--trainer.enable_progress_bar", "false"]
SHORT = ["--config", "lenet5_digits", "--trainer.max_epochs", "1", "--trainer.limit_train_batches", "4", *QUIET]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "lenet5"
    assert main(["fit", *SHORT, "--run_dir", str(folder)]) == 0
    return folder


def damage(checkpoint, sealed=True):
    """Flips the lowest bit of one weight's exponent, in the file alone; without the seal as an older zoo wrote it."""
    weight = torch.load(checkpoint, weights_only=True)["state_dict"]["network.c5.weight"]
    content = bytearray(checkpoint.read_bytes())
    if not sealed:
        content = content[: content.rindex(b"zoo sha256:")]
        content[-2:] = b"\0\0"
    content[content.index(weight.numpy().tobytes()) + 2] ^= 1 << 7
    checkpoint.write_bytes(content)


@pytest.fixture(params=[True, False], ids=["sealed", "older"])
def damaged(run, in_folder, request):
    """The run, not yet measured, with a checkpoint that is still a whole file of torch."""
    shutil.copytree(run, "damaged")
    (in_folder / "damaged" / "record.json").unlink()
    damage(in_folder / "damaged" / "checkpoints" / "last.ckpt", request.param)
    return "damaged"


@pytest.mark.parametrize(
    "words",
    [
        ["test", "--ckpt_path", "damaged", *QUIET],
        ["validate", "--ckpt_path", "damaged", *QUIET],
        ["predict", "--ckpt_path", "damaged", *QUIET],
        ["fit", "--ckpt_path", "damaged", *QUIET],
        ["fit", "--resume", "damaged", *QUIET],
        ["fit", *SHORT, "--init_from", "damaged"],
        ["benchmark", "damaged"],
        ["classify", "damaged", "digit.png"],
        ["export", "damaged", "--format", "safetensors"],
    ],
    ids=lambda words: f"{words[0]} {words[-2]}",
)
def test_every_verb_refuses_it_in_one_sentence(damaged, in_folder, capsys, words):
    Image.new("L", (8, 8)).save("digit.png")
    before = sorted(in_folder.rglob("*"))
    assert main(words) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "damaged/checkpoints/last.ckpt is damaged" in line
    assert sorted(in_folder.rglob("*")) == before


def test_python_refuses_it_too(damaged):
    uses = (zoo.load, zoo.get_weights, lambda path: zoo.get_model("lenet5", weights=f"./{path}"))
    for use in uses:
        with pytest.raises(InputError, match=r"last\.ckpt is damaged"):
            use(damaged)
    with pytest.raises(InputError, match=r"last\.ckpt is damaged"):
        from_state_dict(f"{damaged}/checkpoints/last.ckpt", "lenet5")


def test_whole_weights_that_are_not_those_of_the_record_beside_are_refused(run, in_folder, capsys):
    shutil.copytree(run, "other")
    checkpoint = in_folder / "other" / "checkpoints" / "last.ckpt"
    content = torch.load(checkpoint, weights_only=True)
    content["state_dict"]["network.c5.weight"][0, 0] += 1
    torch.save(content, checkpoint)
    for words in (["test", "--ckpt_path", "other", *QUIET], ["fit", *SHORT, "--init_from", "other"]):
        assert main(words) == 2
        assert "does not hold the weights of the Record beside it" in capsys.readouterr().err
    for use in (zoo.load, lambda path: zoo.get_weights(path).state()):
        with pytest.raises(InputError, match="does not hold the weights of the Record"):
            use("other")
    # Without the Record there is nothing that says so.
    (in_folder / "other" / "record.json").unlink()
    assert zoo.load("other").c5.weight.isfinite().all()


def test_an_older_checkpoint_without_a_seal_is_measured_as_before(run, in_folder):
    shutil.copytree(run, "older")
    checkpoint = in_folder / "older" / "checkpoints" / "last.ckpt"
    torch.save(torch.load(checkpoint, weights_only=True), checkpoint)
    assert main(["test", "--ckpt_path", "older", "--run_dir", "again", *QUIET]) == 0
