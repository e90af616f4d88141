"""A word that zoo fit does not know is answered with the one that was meant."""

import pytest

from zoo.cli import main
from zoo.training import suggestions
from zoo.training.suggestions import USUAL, choices, unknown_key


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("max_epochs", "trainer.max_epochs"),
        ("confg", "config"),
        ("batch-size", "data.batch_size"),
        ("data.bach_size", "data.batch_size"),
        ("trainer.max_epoch", "trainer.max_epochs"),
        ("modle.optimizer.lr", "model.optimizer.lr"),
        ("model.optimizer.learning_rate", "model.optimizer.lr"),
        ("model.optimizer.init_args.momentumm", "model.optimizer.momentum"),
        ("trainer.lr", "model.optimizer.lr"),
        ("optimizer.lr", "model.optimizer.lr"),
        ("epochs", "trainer.max_epochs"),
        ("gpus", "trainer.devices"),
        ("seed", "seed_everything"),
    ],
)
def test_the_key_that_was_meant(key, meant):
    assert unknown_key(key) == f"There is no key {key!r}: did you mean {meant}?"


def test_a_key_of_other_classes_names_them():
    assert unknown_key("model.depth") == "The chosen class has no key 'model.depth': VGGModel has it."
    assert unknown_key("data.root").startswith("The chosen class has no key 'data.root': MNIST, CIFAR10")


def test_nothing_is_suggested_for_what_is_like_nothing():
    assert "did you mean" not in unknown_key("model.xyzzy")


@pytest.mark.parametrize(
    ("path", "given", "meant"),
    [
        ("model", "alexnet", "AlexNetModel"),
        ("model", "vgg11", "VGGModel"),
        ("model", "LeNet5Modle", "LeNet5Model"),
        ("data", "cifar10", "CIFAR10"),
        ("model.optimizer", "Adamm", "Adam"),
        ("model.optimizer", "torch.optim.SDG", "SGD"),
        ("model.optimizer", "momentumsgd", "MomentumSGD"),
        ("model.schedule", "zoo.optim.Cosin", "Cosine"),
    ],
)
def test_the_class_that_was_meant(path, given, meant):
    assert choices(path, given) == f"did you mean {meant}?"


def test_every_usual_word_leads_to_an_option_that_there_is():
    options = {name for names in suggestions._options().values() for name in names}
    assert set(USUAL.values()) <= options
    assert not [key for key in USUAL if "did you mean" not in unknown_key(key)]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["fitt"], "zoo fit"),
        (["list", "modles"], "models"),
        (["data", "verfy", "CIFAR10"], "verify"),
        (["table", "mnst"], "mnist"),
        (["table", "--fmt", "csv"], "--format"),
    ],
)
def test_other_verbs_say_what_was_meant(words, meant, capsys):
    assert main(words) == 2
    assert capsys.readouterr().err.endswith(f": did you mean {meant}?\n")


def test_the_parser_asks_for_suggestions(capsys):
    assert main(["fit", "--config", "lenet5_digits", "--max_epochs", "1"]) == 2
    assert capsys.readouterr().err == "zoo: There is no key 'max_epochs': did you mean trainer.max_epochs?\n"
    assert main(["fit", "--config", "lenet5_digits", "--model", "alexnet"]) == 2
    assert capsys.readouterr().err == "zoo: model cannot be 'alexnet': did you mean AlexNetModel?\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "--model.schedule torch.optim.lr_scheduler.StepLR",
            "StepLR cannot do without step_size: add --model.schedule.",
        ),
        (
            "--model.schedule CosineAnnealingLR",
            "CosineAnnealingLR cannot do without T_max: add --model.schedule.T_max ",
        ),
        (
            "--model torchvision.models.ResNet",
            "ResNet cannot do without block, layers: add --model.block VALUE --model.",
        ),
    ],
)
def test_what_a_class_cannot_do_without_is_named_with_its_option(words, said, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "--config", "lenet5_digits", *words.split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not list(tmp_path.iterdir())
