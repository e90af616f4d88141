"""Values of the right type that make no sense: one sentence that names them, status 2, and nothing is left behind."""

import subprocess
import sys

import pytest
import yaml

from zoo.cli import main
from zoo.training.parser import Parser
from zoo.training.yaml_text import read

DIGITS = ["fit", "--config", "lenet5_digits"]
MLP = ["fit", "--config", "mlp_cifar10"]
PHOTOS = ["fit", "--config", "alexnet", "--config", "overlays/smoke"]
SHORT = ["--trainer.enable_progress_bar", "false", "--trainer.limit_train_batches", "2", "--trainer.max_epochs", "1"]
CONFIG = "data: {class_path: Digits}\nmodel: {class_path: LeNet5Model}\n"


def refused(capsys, folder, *words):
    """The one line of a command that must end with status 2 and leave its folder as it was."""
    before = sorted(folder.rglob("*"))
    assert main(list(words)) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.strip().splitlines()
    assert "Traceback" not in captured.err + captured.out
    assert sorted(folder.rglob("*")) == before
    return line


@pytest.mark.parametrize(
    "words",
    [
        [*DIGITS, "--ckpt_path", ""], [*DIGITS, "--init_from", " "], [*DIGITS, "--resume", ""],
        [*DIGITS, "--run_dir", ""], [*DIGITS, "--run_dir="], [*DIGITS, "--wandb.project", ""],
        ["predict", "--ckpt_path", "run", "--predictions", ""], ["benchmark", "run", "--predictions", ""],
        ["benchmark", "vgg11", "--speed", "--batch_sizes", ""], ["data", "info", "Digits", "--output", ""],
        ["classify", "", "picture.png"],
    ],
)  # fmt: skip
def test_an_empty_word_is_no_value(capsys, in_folder, words):
    place = next(index for index, word in enumerate(words) if not word.strip() or word.endswith("="))
    named = words[place].rstrip("=") if words[place].strip() else words[place - 1]
    line = refused(capsys, in_folder, *words)
    assert named in line
    assert "empty" in line


@pytest.mark.parametrize("key", ["ckpt_path", "init_from", "resume", "run_dir", "predictions", "wandb.project"])
def test_an_empty_text_in_a_file_is_no_value(capsys, in_folder, key):
    name, _, part = key.partition(".")
    (in_folder / "mine.yaml").write_text(CONFIG + yaml.safe_dump({name: {part: ""} if part else ""}))
    assert f"{key} is empty" in refused(capsys, in_folder, "fit", "--config", "mine.yaml")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("seed_everything: 1\nseed_everything: 2\n", "mine.yaml, line 4, column 1 is not valid YAML: the key"),
        ("trainer: {max_epochs: 1, max_epochs: 2}\n", "the key 'max_epochs' is given twice"),
        ("trainer: &a {callbacks: *a}\n", "an alias stands for what it is itself a part of"),
        ("trainer: " + "[" * 60 + "]" * 60 + "\n", "nested more than 50 levels deep"),
        ("trainer: " + "[" * 10_000 + "]" * 10_000 + "\n", "nested more than 50 levels deep"),
        ("test: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
            f"k{n}: &{chr(97 + n)} [{', '.join([f'*{chr(96 + n)}'] * 10)}]\n" for n in range(1, 8)
        ), "more than 100,000 values"),
        ("trainer: null\n", "trainer must hold keys such as max_epochs, not be null"),
        ("trainer: [1]\n", "trainer must hold keys such as max_epochs, not be [1]"),
        ("seed_everything: -1\n", "seed_everything must be a whole number from 0 to"),
        ("save_every_n_minutes: .nan\n", "save_every_n_minutes must be a finite number"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_meant(capsys, in_folder, more, words):
    (in_folder / "mine.yaml").write_text(CONFIG + more)
    assert words in refused(capsys, in_folder, "fit", "--config", "mine.yaml")


def test_an_alias_used_twice_is_no_fault():
    assert read("{a: &x [1], b: *x, c: {<<: {d: 2}}}") == {"a": [1], "b": [1], "c": {"d": 2}}


def test_a_name_with_a_hash_is_a_name(in_folder):
    words = [*SHORT, "--test", "false", "--data.num_held_out", "0", "--run_dir", "#x"]
    assert main([*DIGITS, *words]) == 0
    assert (in_folder / "#x" / "config.yaml").is_file()
    assert not (in_folder / "runs").exists()


@pytest.mark.parametrize("value", ["-1", "4294967296", "18446744073709551616"])
def test_seeds_have_32_bits(capsys, in_folder, value):
    assert "seed_everything must be a whole number from 0" in refused(
        capsys, in_folder, *DIGITS, "--seed_everything", value
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("min_epochs", "-1"), ("min_steps", "-5"), ("max_steps", "0"), ("num_sanity_val_steps", "-5"),
        ("check_val_every_n_epoch", "-1"), ("check_val_every_n_epoch", "0"), ("accumulate_grad_batches", "0"),
        ("accumulate_grad_batches", "-1"), ("log_every_n_steps", "0"), ("val_check_interval", "0"),
        ("val_check_interval", "0.0"), ("limit_train_batches", "0"), ("limit_test_batches", "0"),
        ("gradient_clip_val", "-1"), ("gradient_clip_val", ".nan"), ("overfit_batches", "1"),
        ("overfit_batches", "0.5"),
    ],
)  # fmt: skip
def test_a_value_of_the_trainer_that_makes_no_sense(capsys, in_folder, option, value):
    assert f"trainer.{option}" in refused(capsys, in_folder, *DIGITS, f"--trainer.{option}", value)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--trainer.limit_train_batches", "1e-7"], "limit_train_batches"),
        (["--trainer.val_check_interval", "100000"], "val_check_interval"),
        (["--trainer.accelerator", "tpu"], "torch_xla"),
        (["--trainer.precision", "transformer-engine"], "transformer_engine"),
        (["--model.optimizer", "torch.optim.SparseAdam"], "SparseAdam"),
    ],
)
def test_what_lightning_finds_out_late(capsys, in_folder, words, part):
    assert part in refused(capsys, in_folder, *DIGITS, *SHORT, *words)


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "1e400"])
@pytest.mark.parametrize("key", ["model.optimizer.lr", "model.optimizer.momentum", "model.distance_scale"])
def test_numbers_are_finite(capsys, in_folder, key, value):
    assert f"{key} must be a finite number" in refused(capsys, in_folder, *DIGITS, f"--{key}={value}")


@pytest.mark.parametrize("key", ["data.batch_size", "data.transform", "model.num_classes", "model.optimizer"])
def test_null_is_for_options_that_have_it(capsys, in_folder, key):
    assert f"{key} cannot be null" in refused(capsys, in_folder, *DIGITS, f"--{key}", "null")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([*DIGITS, "--data.batch_size", str(2**64 - 1)], "data.batch_size"),
        ([*DIGITS, "--model.j", "-1"], "j must be a number above 0"),
        ([*DIGITS, "--model.num_curvature", "0"], "num_curvature"),
        ([*DIGITS, "--model.in_channels", "-1"], "in_channels must be at least 1"),
        ([*DIGITS, "--wandb.project", "a/b"], "'a/b'"),
        ([*MLP, "--model.hidden", "[0]"], "hidden must be at least 1"),
        ([*MLP, "--model.hidden", "[100, -1]"], "hidden must be at least 1"),
        ([*MLP, "--model.hidden", "[100000000000]"], "hidden must be at least 1 and at most"),
        ([*MLP, "--model.hidden", "null"], "model.hidden cannot be null"),
        ([*MLP, "--model.schedule", "zoo.optim.Passes", "--model.schedule.factors", "[]"], "factors"),
        ([*PHOTOS, "--data.num_workers", "-1"], "data.num_workers"),
        ([*PHOTOS, "--data.num_workers", "10000"], "data.num_workers"),
        (["data", "info", "Digits", "--output", "x.txt"], "x.png"),
    ],
)
def test_a_value_that_its_class_has_no_use_for(capsys, in_folder, words, part):
    assert part in refused(capsys, in_folder, *words)


def test_a_whole_number_stays_one_in_whatever_order_its_option_names_the_kinds():
    parser = Parser()
    parser.add_argument("--few", type=float | int)
    assert type(parser.parse_args(["--few", "1"]).few) is float
    parser.keep_whole_numbers()
    assert type(parser.parse_args(["--few", "1"]).few) is int
    assert type(parser.parse_args(["--few", "1.0"]).few) is float


@pytest.mark.slow
def test_one_batch_is_not_all_batches_whatever_was_imported_before(in_folder):
    # typing keeps the order of the first who wrote a union, and 1.0 is the share of all.
    words = [*DIGITS, "--trainer.limit_test_batches", "1", "--trainer.limit_val_batches", "1.0"]
    script = f"""
from typing import Optional, Union
assert "float" in str(Optional[Union[float, int]])
from zoo.training.arguments import complete
from zoo.training.cli import understood
trainer = understood(complete("fit", {words[1:]!r}))[0]["trainer"]
print(type(trainer["limit_test_batches"]).__name__, type(trainer["limit_val_batches"]).__name__)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "int float\n"
