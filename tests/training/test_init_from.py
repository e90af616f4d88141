"""Training that starts from another network's layers: which are copied, what the command says, what it refuses."""

import pytest
import torch
from conftest import record_of
from torch import nn

import zoo
from zoo.cli import main

SHORT = ["--config", "lenet5_digits", "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false"]
STILL = [*SHORT, "--model.optimizer.lr", "0"]


def layers_with_the_weights_of(trained: nn.Module, network: nn.Module) -> list[str]:
    """The layers of ``network`` whose every number is that of some layer of ``trained`` of the same name."""
    held = trained.state_dict()
    return [
        name
        for name, layer in network.named_children()
        if layer.state_dict()
        and all(
            torch.equal(value, held.get(key, torch.empty(0)))
            for key, value in layer.state_dict(prefix=f"{name}.").items()
        )
    ]


def vgg(name: str, seed: int, **options) -> nn.Module:
    torch.manual_seed(seed)
    network = zoo.get_model(name, num_classes=10, input_size=32, **options)
    for parameter in network.parameters():
        if parameter.ndim == 1:
            parameter.data.uniform_()
    return network


def test_a_deeper_vgg_takes_the_first_four_convolutions_and_the_three_last_layers_of_net_a():
    trained, network = vgg("vgg11", 1), vgg("vgg16", 2)
    untouched = network.conv4_1.weight.clone()
    copied = network.start_from(trained)
    assert copied == ["conv1_1", "conv2_1", "conv3_1", "conv3_2", "fc6", "fc7", "fc8"]
    assert layers_with_the_weights_of(trained, network) == copied
    # It has the shape of net A's conv4_1 and yet keeps its own numbers.
    assert trained.conv4_1.weight.shape == untouched.shape
    assert torch.equal(network.conv4_1.weight, untouched)


def test_normalisations_go_with_their_convolutions():
    trained, network = (vgg(name, seed, variant="bn", head="linear") for seed, name in enumerate(("vgg11", "vgg19")))
    trained.bn2_1.running_mean.uniform_()
    copied = network.start_from(trained)
    assert copied == ["conv1_1", "bn1_1", "conv2_1", "bn2_1", "conv3_1", "bn3_1", "conv3_2", "bn3_2", "fc8"]
    assert torch.equal(network.bn2_1.running_mean, trained.bn2_1.running_mean)


def test_a_vgg_of_the_same_depth_gives_every_layer_that_fits():
    trained, network = vgg("vgg11", 1, head="linear"), vgg("vgg11", 2, head="linear")
    assert network.start_from(trained) == layers_with_the_weights_of(trained, network)
    assert len(layers_with_the_weights_of(trained, network)) == 9
    other = zoo.get_model("vgg11", num_classes=7, input_size=32, head="linear")
    bias = other.fc8.bias.clone()
    assert "fc8" not in other.start_from(trained)
    assert torch.equal(other.fc8.bias, bias)


def test_the_copy_is_a_copy():
    trained, network = zoo.get_model("lenet5"), zoo.get_model("lenet5")
    assert network.start_from(trained, ["c1"]) == ["c1"]
    before = trained.c1.weight.clone()
    network.c1.weight.data.add_(1)
    assert torch.equal(trained.c1.weight, before)
    assert network.c1.weight.requires_grad


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "lenet5"
    assert main(["fit", *SHORT, "--run_dir", str(folder)]) == 0
    return folder


def test_a_run_starts_from_the_layers_of_another(run, in_folder, capsys):
    assert main(["fit", *STILL, "--seed_everything", "5", "--init_from", str(run), "--run_dir", "second"]) == 0
    assert f"from lenet5 in {run}: c1, s2, c3, s4, c5, f6, output; initialised: none\n" in capsys.readouterr().out
    first, second = record_of(run), record_of(in_folder / "second")
    # At rate 0 the weights stay what they were copied from, though the seed is another.
    assert second["weights"] == {"sha256": first["weights"]["sha256"], "init_from_sha256": first["weights"]["sha256"]}
    assert second["metrics"] == first["metrics"]
    assert second["config"]["init_from"] == str(run)
    assert "init_from_sha256" not in first["weights"]


def test_what_does_not_fit_is_named_and_starts_afresh(run, in_folder, capsys):
    words = ["--model.variant", "modern", "--model.optimizer.lr", "0.01", "--test", "false"]
    assert main(["fit", *SHORT, *words, "--init_from", str(run), "--run_dir", "second"]) == 0
    assert "from lenet5 in" in (out := capsys.readouterr().out)
    assert ": c1, c5, f6; initialised: c3, output\n" in out


def test_a_resumed_run_keeps_its_own_weights_and_needs_the_other_no_more(run, in_folder):
    assert main(["fit", *STILL, "--init_from", str(run), "--run_dir", "second"]) == 0
    config = in_folder / "second" / "config.yaml"
    config.write_text(config.read_text().replace(str(run), "gone"))
    words = ["--ckpt_path", "second", "--trainer.max_epochs", "2", "--run_dir", "third"]
    assert main(["fit", *words]) == 0
    assert record_of(in_folder / "third")["weights"]["sha256"] == record_of(run)["weights"]["sha256"]


def test_bad_origins_are_refused_and_leave_nothing_behind(run, in_folder, capsys):
    assert main(["fit", *SHORT, "--init_from", "nowhere"]) == 2
    assert "No checkpoint at nowhere" in capsys.readouterr().err
    other = ["--model", "MLPModel", "--model.in_channels", "1", "--model.input_size", "32"]
    quiet = ["--trainer.enable_progress_bar", "false"]
    assert main(["fit", "--data", "Digits", *other, *quiet, "--init_from", str(run)]) == 2
    assert f"zoo: {run} holds lenet5, of which no layer fits mlp: give another --init_from." in capsys.readouterr().err
    assert list(in_folder.iterdir()) == []
