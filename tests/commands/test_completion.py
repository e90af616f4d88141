"""The Tab key: which words may stand where, and that the shells ask for them."""

import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

from zoo.cli import main
from zoo.commands.completion import SCRIPTS, complete
from zoo.configs import list_configs
from zoo.weights.cards import list_weights

sys.path.insert(0, str(ROOT / "docs"))
import completions

LENET5 = ["fit", "--config", "lenet5_digits"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["fi"], ["figure", "fit"]),
        (["fit", "--conf"], ["--config"]),
        (["fit", "--config", "lenet5_d"], ["lenet5_digits", "lenet5_distorted"]),
        (["fit", "--config", "./lenet5_d"], []),
        ([*LENET5, "--model.v"], ["--model.variant"]),
        ([*LENET5, "--model.variant", ""], ["paper", "linear", "modern", "caffe"]),
        ([*LENET5, "--model.de"], []),
        ([*LENET5, "--model.optimizer.nest"], ["--model.optimizer.nesterov"]),
        ([*LENET5, "--data.download", ""], []),  # Digits are in the package
        (["fit", "--model", "VGGModel", "--model.head", ""], ["paper", "linear", "512"]),
        (["fit", "--model", "zoo.models.VGGModel", "--model.de"], ["--model.depth"]),
        (["fit", "--model", "Alex"], ["AlexNetModel"]),
        (["fit", "--model.optimizer", "MomentumS"], ["MomentumSGD"]),
        (["fit", "--trainer.enable_ch"], ["--trainer.enable_checkpointing"]),
        (["fit", "--trainer.use_distributed_sampler", ""], ["true", "false"]),
        (["test", "--ckpt_path", "mlp/m"], ["mlp/mnist"]),
        (["data", "ver"], ["verify"]),
        (["data", "verify", "CI"], ["CIFAR10", "CIFAR100"]),
        (["data", "prepare", "ImageNet", "--w"], ["--warp", "--workers"]),
        (["info", "lenet"], ["lenet5"]),
        (["info", "weights", "mlp/m"], ["mlp/mnist"]),
        (["classify", "mlp/m"], ["mlp/mnist"]),
        (["export", "mlp/mnist", "--format", "o"], ["onnx"]),
        (["benchmark", "--data", "CI"], ["CIFAR10", "CIFAR100"]),
        (["table", "ils"], ["ilsvrc"]),
        (["list", ""], ["models", "configs", "data", "weights", "runs"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["reproduce", "mlp/m"], ["mlp/mnist"]),
        (["sweep", "--config", "lenet5_digits", "--jo"], ["--jobs"]),
        (["sweep", "--config", "lenet5_digits", "--model.optimizer.nest"], ["--model.optimizer.nesterov"]),
        (["runs", ""], ["rm"]),
        (["nonsense", ""], []),
    ],
)
def test_the_words_that_may_stand_there(words, found):
    assert complete(words) == found


def test_nothing_is_left_out():
    assert complete(["fit", "--config", ""]) == list(list_configs())
    assert complete(["classify", ""]) == list_weights()
    assert complete([""])[:2] == ["list", "info"]


def test_the_options_are_those_of_the_classes():
    assert completions.FILE.read_text() == completions.document(), "python docs/completions.py"


def test_completing_needs_no_torch():
    code = (
        "import sys; from zoo.commands.completion import complete; "
        "complete(['fit', '--config', 'vgg16', '--model.']); complete(['classify', '']); complete(['table', '']);"
        "print({'torch', 'lightning'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# What each shell does with its script when the Tab key is pressed, the words being those of a line.
PRESSED = {
    "bash": "source {script}; COMP_WORDS=(zoo fit --config lenet5_d); COMP_CWORD=3; _zoo; echo ${{COMPREPLY[@]}}",
    "zsh": (
        "compdef() {{ : }}; compadd() {{ print -rl -- ${{@[3,-1]}} }}; source {script};"
        " words=(zoo fit --config lenet5_d); CURRENT=4; _zoo"
    ),
    "fish": 'source {script}; complete -C "zoo fit --config lenet5_d"',
}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_shells_ask_the_command(shell, tmp_path, capsys):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert main(["completion", shell]) == 0
    script, command = tmp_path / "script", tmp_path / "bin" / "zoo"
    script.write_text(capsys.readouterr().out)
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m zoo "$@"\n')
    command.chmod(0o755)
    pressed = f"PATH={command.parent}:$PATH; " if shell != "fish" else f"set -x PATH {command.parent} $PATH; "
    done = subprocess.run(
        [shell, *(["-f"] if shell == "zsh" else []), "-c", pressed + PRESSED[shell].format(script=script)],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["lenet5_digits", "lenet5_distorted"], done.stderr
