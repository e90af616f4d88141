"""Checkpoints whose bytes are whole and whose content is not a run's; run folders with other files' bytes in them."""

import copy
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Trainer
from resume_cases import Noise, small_model
from torch import nn

import zoo
from zoo.cli import main
from zoo.errors import InputError
from zoo.models.saved_training import check_optimizers
from zoo.weights.trained import check_state

FIT = (
    "fit --data Digits --data.transform raw --model LinearModel --model.in_channels 1 --model.input_size 8"
    " --trainer.max_epochs 1 --trainer.accelerator cpu --trainer.enable_progress_bar false"
)
PROGRESS = ["loops", "fit_loop", "epoch_progress"]
OPTIMIZER = ["optimizer_states", 0]
GONE = object()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that may be gone on with; never written to."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("ZOO_RUN_DIR", raising=False)
        assert main([*FIT.split(), "--run_dir", str(folder)]) == 0
    (folder / "record.json").unlink()
    return folder


@pytest.fixture
def run(finished, in_folder):
    """The same in the working folder, to be spoilt."""
    shutil.copytree(finished, "run")
    return Path("run")


def spoil(file, keys, value):
    """Sets one value of a checkpoint, or removes it; the seal goes, as where another program wrote the file."""
    checkpoint = inner = torch.load(file, weights_only=True)
    for key in keys[:-1]:
        inner = inner[key]
    if value is GONE:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    torch.save(checkpoint, file)


@pytest.mark.parametrize(
    ("keys", "value", "says"),
    [
        (["loops"], GONE, "lacks loops.fit_loop"),
        (["loops", "fit_loop"], "x", "lacks loops.fit_loop"),
        ([*PROGRESS, "total"], GONE, "lacks loops.fit_loop.epoch_progress.total"),
        ([*PROGRESS, "total", "ready"], -1, "epoch_progress.total.ready is -1"),
        ([*PROGRESS, "current", "processed"], "2", "epoch_progress.current.processed is 2"),
        (["callbacks"], GONE, "its callbacks are missing"),
        (["optimizer_states"], GONE, "its optimizer_states are missing"),
        (["optimizer_states"], [], "it has 0 optimizers, not 1"),
        (["optimizer_states"], [3], "an optimizer has no groups of weights"),
        ([*OPTIMIZER, "state"], 3, "an optimizer has no state"),
        ([*OPTIMIZER, "state", 7], {}, "a state of no weight, 7"),
        ([*OPTIMIZER, "state", 0, "momentum_buffer"], torch.zeros(3), "momentum_buffer has not the shape"),
        ([*OPTIMIZER, "param_groups", 0, "params"], [0, 1], "an optimizer is one of other weights"),
        ([*OPTIMIZER, "param_groups", 0, "lr"], "x", "a learning rate that is no number"),
        (["lr_schedulers"], None, "its lr_schedulers are missing"),
        (["zoo_ledger"], {"images": 3}, "KeyError: 'seconds'"),
        (["zoo_ledger"], 3, "zoo_ledger is '3'"),
        (["zoo_ledger", "batch_norm_images"], [" "], "a count in zoo_ledger is no number"),
        (["zoo_ledger", "seconds"], float("nan"), "a count in zoo_ledger is no number"),
        (["zoo_ledger", "init_from"], 3, "init_from in zoo_ledger is '3'"),
        (["zoo_metrics_rows"], -1, "its zoo_metrics_rows is -1"),
        (["zoo_train_counts"], torch.zeros(1, 9), "RuntimeError"),
        (["pytorch-lightning_version"], "x", "Invalid version: 'x'"),
    ],
)  # fmt: skip
def test_no_training_goes_on_from_another_state(run, capsys, keys, value, says):
    before = (run / "metrics.csv").read_bytes()
    spoil(run / "checkpoints" / "last.ckpt", keys, value)
    assert main(["fit", "--resume", "run", "--trainer.max_epochs", "2"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("zoo: run/checkpoints/last.ckpt does not hold the state of a training like this one (")
    assert says in last
    assert (run / "metrics.csv").read_bytes() == before
    # Weights are all that a test needs.
    if keys in (["loops"], ["optimizer_states"], ["lr_schedulers"], ["zoo_metrics_rows"]):
        assert main(["test", "--ckpt_path", "run", "--trainer.enable_progress_bar", "false"]) == 0


@pytest.mark.parametrize(
    ("kind", "keys", "value", "says"),
    [
        ("optimizer_states", ["state", 0, "exp_avg"], torch.zeros(3), "exp_avg has not the shape of its weight"),
        ("optimizer_states", ["state", 0, "exp_avg_sq"], torch.zeros(2, 3), "exp_avg_sq has not the shape"),
        ("lr_schedulers", ["last_epoch"], "x", "its lr_schedulers.last_epoch is x"),
    ],
)
def test_states_of_adam_and_of_a_schedule_are_held_to_its_own(kind, keys, value, says):
    weight = nn.Parameter(torch.ones(3, 2))
    optimizer = torch.optim.Adam([weight])
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    weight.sum().backward()
    optimizer.step()
    configs = [SimpleNamespace(scheduler=schedule)]
    trainer = SimpleNamespace(optimizers=[optimizer], lr_scheduler_configs=configs, ckpt_path="a.ckpt")
    checkpoint = {"optimizer_states": [optimizer.state_dict()], "lr_schedulers": [schedule.state_dict()]}
    check_optimizers(trainer, checkpoint)
    inner = checkpoint[kind][0] = copy.deepcopy(checkpoint[kind][0])
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    with pytest.raises(InputError, match=re.escape(says)):
        check_optimizers(trainer, checkpoint)


def test_a_callbacks_state_that_is_another_ones(run, capsys):
    words = ["--trainer.callbacks", "EarlyStopping", "--trainer.callbacks.monitor", "lr", "--trainer.max_epochs", "2"]
    spoil(
        run / "checkpoints" / "last.ckpt", ["callbacks", "EarlyStopping{'monitor': 'lr', 'mode': 'min'}"], {"hours": 1}
    )
    assert main(["fit", "--resume", "run", *words]) == 2
    assert "a training like this one (KeyError: 'wait_count')" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("network.fc.bias", GONE, "lacks fc.bias"),
        ("network.fc.bias", torch.zeros(3), "holds fc.bias of the shape (3,), not (10,)"),
        ("network.fc.bias", torch.zeros(10, dtype=torch.int64), "holds fc.bias as torch.int64"),
        ("network.fc.bias", torch.full((10,), torch.nan), "NaN or infinite"),
        ("network.more", torch.zeros(1), "holds 'more', which linear paper does not have"),
        ("network.fc.bias", 3, "does not hold the network that it names"),
    ],
)
def test_no_verb_takes_other_weights(run, capsys, key, value, says):
    spoil(run / "checkpoints" / "last.ckpt", ["state_dict", key], value)
    for words in ("test --ckpt_path run", "fit --resume run --trainer.max_epochs 2", "benchmark run"):
        assert main(words.split()) == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("zoo: run")
        assert says in last
    with pytest.raises(zoo.InputError) as error:
        zoo.load("run")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("name", "nope"), ("name", GONE), ("variant", 3), ("options", {"num_classes": "x"}), ("options", {"more": 1})],
)
def test_no_network_of_another_description(run, capsys, key, value):
    spoil(run / "checkpoints" / "last.ckpt", ["zoo_network", key], value)
    assert main(["test", "--ckpt_path", "run"]) == 2
    assert capsys.readouterr().err.startswith("zoo: run")
    with pytest.raises(zoo.InputError):
        zoo.load("run")


def test_a_trainer_of_ones_own_gets_the_same_exception(tmp_path):
    def trainer(epochs):
        options = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        return Trainer(max_epochs=epochs, num_sanity_val_steps=0, enable_checkpointing=False, **options)

    file, first = tmp_path / "own.ckpt", trainer(1)
    first.fit(small_model(), Noise())
    first.save_checkpoint(file)
    spoil(file, ["optimizer_states", 0, "state"], {})
    trainer(2).fit(small_model(), Noise(), ckpt_path=file, weights_only=True)
    spoil(file, ["loops", "fit_loop", "epoch_loop.batch_progress"], {})
    with pytest.raises(zoo.InputError, match=r"own.ckpt does not hold the state .* lacks .*batch_progress.total"):
        trainer(2).fit(small_model(), Noise(), ckpt_path=file, weights_only=True)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\0" * 9, b"[" * 1100], ids=["bytes", "zeros", "deep"])
def test_a_config_of_other_bytes(run, capsys, content):
    (run / "config.yaml").write_bytes(content)
    Path("picture.png").write_bytes(b"")
    for words in ("test --ckpt_path run", "fit --resume run", "classify run picture.png", "export run --format hub"):
        assert main(words.split()) == 2
        said = capsys.readouterr().err
        assert "run/config.yaml" in said
        assert said.count("\n") == 1
    with pytest.raises(zoo.InputError, match=r"run/config.yaml is not the config of a run"):
        zoo.get_weights("run")


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"a\n" + b"1" * 200_000, b"epoch,step\n1,2,3\n"], ids=["bytes", "long", "more"]
)
def test_metrics_of_other_bytes_stay_as_they_are(run, capsys, content):
    for folder in ("run", "other"):
        Path(folder).mkdir(exist_ok=True)
        Path(folder, "metrics.csv").write_bytes(content)
    for words in ("fit --resume run --trainer.max_epochs 2", "test --ckpt_path run --run_dir other"):
        assert main(words.split()) == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert "metrics.csv does not hold the metrics of a run (" in last
    assert [path.name for path in Path("other").iterdir()] == ["metrics.csv"]
    assert sorted(path.name for path in run.iterdir()) == ["checkpoints", "config.yaml", "metrics.csv"]
    assert (run / "metrics.csv").read_bytes() == content


def test_a_checkpoint_without_its_folder_says_what_it_lacks(run, capsys):
    shutil.copyfile(run / "checkpoints" / "last.ckpt", "alone.ckpt")
    Path("picture.png").write_bytes(b"")
    for words in ("classify alone.ckpt picture.png", "export alone.ckpt --format onnx"):
        assert main(words.split()) == 2
        assert capsys.readouterr().err == (
            "zoo: alone.ckpt lies outside its run folder, so that its data and preprocessing are not known: put it"
            " beside its config.yaml, in checkpoints/.\n"
        )
    weights = zoo.get_weights("alone.ckpt")
    with pytest.raises(zoo.InputError, match="lies outside its run folder"):
        _ = weights.data
    # The checkpoint itself holds them; those of an older zoo do not.
    assert weights.class_names == [str(digit) for digit in range(10)]
    spoil("alone.ckpt", ["zoo_class_names"], [])
    with pytest.raises(zoo.InputError, match="lies outside its run folder"):
        _ = zoo.get_weights("alone.ckpt").class_names
    assert weights.network().name == "linear"


def test_weights_in_another_layout():
    network = zoo.get_model("linear")
    state = network.state_dict() | {"fc.weight": network.fc.weight.detach().to_sparse()}
    with pytest.raises(zoo.InputError, match=r"^file holds fc.weight as torch.sparse_coo"):
        check_state(state, network, "file")
