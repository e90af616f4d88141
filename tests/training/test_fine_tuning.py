"""Frozen layers keep their bits, scaled ones learn at their rate, and a head of another size starts afresh."""

import pytest
import torch
from conftest import record_of
from torch import nn

import zoo
from zoo.cli import main
from zoo.models import OwnModel, VGGModel

DIGITS = ["--data", "Digits", "--data.transform", "lenet5", "--trainer.max_epochs", "1"]
QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu"]
LENET = ["--model", "LeNet5Model", "--model.variant", "modern", "--model.optimizer", "torch.optim.SGD"]
LENET += ["--model.optimizer.lr", "0.05", "--model.optimizer.weight_decay", "0.1"]


def state_of(run):
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    return {key.removeprefix("network."): value for key, value in checkpoint["state_dict"].items()}


def test_frozen_layers_keep_the_bits_that_they_were_given(in_folder, capsys):
    words = [*LENET, *DIGITS, *QUIET, "--init_from", "lenet5/mnist-distorted", "--model.freeze", "c1, c3"]
    trained = zoo.load("lenet5/mnist-distorted")
    assert main(["fit", *words, "--model.variant", trained.variant, "--run_dir", "run"]) == 0
    before, after = trained.state_dict(), state_of(in_folder / "run")
    kept = {key for key in after if torch.equal(before[key], after[key])}
    assert {key for key in kept if key.startswith(("c1.", "c3."))} == {
        key for key in after if key.startswith(("c1.", "c3."))
    }
    assert "f6.weight" not in kept
    record = record_of(in_folder / "run")
    assert record["compute"]["train_macs"] is None
    assert record["config"]["model"]["init_args"]["freeze"] == "c1, c3"


def bn_model(**options):
    torch.manual_seed(0)
    return VGGModel(depth=11, variant="bn", num_classes=3, input_size=32, head="linear", **options)


def test_running_means_of_frozen_layers_stay_in_training_mode_too():
    model = bn_model(freeze="conv1*,bn1*").train()
    before = {key: value.clone() for key, value in model.network.state_dict().items()}
    model(torch.rand(4, 3, 32, 32)).sum().backward()
    changed = {key for key, value in model.network.state_dict().items() if not torch.equal(value, before[key])}
    assert "bn2_1.running_mean" in changed
    assert not any(key.startswith("bn1_1") for key in changed)
    assert model.network.conv1_1.weight.grad is None
    assert model.network.conv2_1.weight.grad is not None


def test_rates_by_layer_are_what_a_step_of_sgd_shows():
    """One step of SGD at rate 1 moves a weight by its gradient times its factor."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    rates = {"1": 0.25, "3*": 0}
    model = OwnModel(module, optimizer=lambda groups: torch.optim.SGD(groups, lr=1.0), lr_scale=rates)
    optimizer = model.configure_optimizers()
    before = [p.detach().clone() for p in model.parameters()]
    model.network[0](torch.ones(2, 1, 2, 2)).square().sum().backward()
    gradients = [p.grad.clone() for p in model.parameters()]
    optimizer.step()
    for old, gradient, new, factor in zip(before, gradients, model.parameters(), (0.25, 0.25, 0, 0), strict=True):
        assert torch.allclose(new, old - factor * gradient)


def test_without_either_the_groups_are_what_they_were():
    model = bn_model()
    trained = [group["params"] for group in model.configure_optimizers().param_groups]
    assert [list(map(id, group)) for group in trained] == [
        list(map(id, group["params"])) for group in model.parameter_groups()
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"freeze": "nope"}, "freeze names 'nope', but the layers with weights are conv1_1, bn1_1,"),
        ({"freeze": ["*"]}, "freeze leaves no layer that could learn"),
        ({"lr_scale": {"conv1_1": -1}}, "must be a number of at least 0, not -1"),
        ({"lr_scale": {"conv1_1": float("nan")}}, "must be a number of at least 0, not nan"),
        ({"lr_scale": {"no*": 0.1}}, "lr_scale names 'no"),
        ({"lr_scale": "conv1_1"}, "lr_scale must be factors by layer"),
    ],
)
def test_what_makes_no_sense_is_said(options, sentence):
    with pytest.raises(ValueError, match=sentence.replace("*", r"\*")):
        bn_model(**options)
