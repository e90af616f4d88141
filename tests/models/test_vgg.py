"""VGG-11, 13, 16 and 19: the paper's Table 1, torchvision's numbers and logits, initial weights, training."""

import math

import pytest
import torch
import torch.nn.functional as F
import torchvision
from tensor_cases import on_meta
from torch import Tensor, nn

import zoo
from zoo.cli import main
from zoo.models.vgg_model import VGGModel
from zoo.report.network import describe
from zoo.weights import from_torchvision

pytestmark = pytest.mark.usefixtures("seeded")

NAMES = ("vgg11", "vgg13", "vgg16", "vgg19")
# 32x32 images and one linear layer on top: the convolutions at their full width, and little else.
SMALL = {"input_size": 32, "head": "linear", "num_classes": 10}

# Table 1 of the paper, column by column: channels of the convolutions of each block, "1" for a 1x1 kernel.
TABLE_1 = {
    ("vgg11", "paper"): "64 M 128 M 256 256 M 512 512 M 512 512 M",
    ("vgg11", "lrn"): "64 LRN M 128 M 256 256 M 512 512 M 512 512 M",
    ("vgg13", "paper"): "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    ("vgg16", "1x1"): "64 64 M 128 128 M 256 256 1-256 M 512 512 1-512 M 512 512 1-512 M",
    ("vgg16", "paper"): "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    ("vgg19", "paper"): "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


@pytest.mark.parametrize(("name", "variant"), TABLE_1)
def test_the_layers_are_those_of_table_1(name, variant):
    words = []
    for layer in on_meta(name, variant=variant):
        if isinstance(layer, nn.Conv2d):
            assert (layer.stride, layer.padding) == ((1, 1), (layer.kernel_size[0] // 2,) * 2)
            words.append(f"{'1-' if layer.kernel_size == (1, 1) else ''}{layer.out_channels}")
        elif isinstance(layer, nn.MaxPool2d):
            assert (layer.kernel_size, layer.stride, layer.padding) == (2, 2, 0)
            words.append("M")
        elif type(layer).__name__ == "ResponseNorm":
            assert (layer.size, layer.alpha, layer.beta, layer.k, layer.groups) == (5, 1e-4, 0.75, 2, 1)
            words.append("LRN")
    assert " ".join(words) == TABLE_1[name, variant]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variant", ["paper", "bn"])
def test_counts_are_those_of_torchvisions_network_and_card(name, variant):
    theirs = name + ("_bn" if variant == "bn" else "")
    with torch.device("meta"):
        original = getattr(torchvision.models, theirs)()
    weights = torchvision.models.get_model_weights(theirs).IMAGENET1K_V1
    found = describe(name, variant)
    assert found["parameters"] == sum(p.numel() for p in original.parameters()) == weights.meta["num_params"]
    assert found["published"]["macs"] == f"{weights.meta['_ops']} G" == f"{round(found['macs'] / 1e9, 3)} G"
    renamed = from_torchvision(original.state_dict(), theirs)
    network = on_meta(name, variant=variant)
    assert {key: value.shape for key, value in renamed.items()} == {
        key: value.shape for key, value in network.state_dict().items()
    }


@pytest.mark.parametrize(
    ("name", "variant", "parameters", "macs"),
    [
        # A normalisation has no parameters, and its multiplications are not counted.
        ("vgg11", "lrn", 132_863_336, 7_609_090_048),
        ("vgg16", "paper", 138_357_544, 15_470_264_320),
        # Three kernels of 3x3 become 1x1: 8/9 of conv3_3, conv4_3 and conv5_3 fall away.
        (
            "vgg16",
            "1x1",
            138_357_544 - 8 * (256**2 + 2 * 512**2),
            15_470_264_320 - (2 * 1_849_688_064 + 462_422_016) * 8 // 9,
        ),
    ],
)
def test_counts_of_the_other_columns_of_table_1(name, variant, parameters, macs):
    found = describe(name, variant)
    assert (found["parameters"], found["macs"]) == (parameters, macs)


@pytest.mark.parametrize(("variant", "parameters"), [("paper", 14_719_818), ("bn", 14_728_266)])
def test_counts_of_the_form_for_cifar10(variant, parameters):
    network = on_meta("vgg16", variant=variant, **SMALL)
    assert sum(p.numel() for p in network.parameters()) == parameters
    places, macs = 32 * 32, 0
    for layer in network:
        places //= 4 if isinstance(layer, nn.MaxPool2d) else 1
        macs += layer.weight.numel() * places if isinstance(layer, (nn.Conv2d, nn.Linear)) else 0
    assert macs == 313_201_664


@pytest.fixture(scope="module")
def head():
    """The fully connected layers of torchvision's VGG, the same in all of them, random and in its names."""
    with torch.device("meta"):
        layers = torchvision.models.vgg11(num_classes=10).classifier
    return random_weights(layers.to_empty(device="cpu"))


def random_weights(module: nn.Module) -> nn.Module:
    """Every number random, at He's scale so that the image reaches the logits."""
    for key, value in module.state_dict().items():
        if value.ndim > 1:
            value.uniform_(-1, 1).mul_((6 / value[0].numel()) ** 0.5)
        elif not key.endswith("num_batches_tracked"):
            value.uniform_(0.5, 1.5) if key.endswith(("weight", "running_var")) else value.uniform_(-0.5, 0.5)
    return module


@pytest.mark.parametrize("theirs", ["vgg11", "vgg13_bn", pytest.param("vgg19", marks=pytest.mark.slow)])
def test_torchvisions_weights_give_torchvisions_logits(theirs, head):
    with torch.device("meta"):
        original = getattr(torchvision.models, theirs)()
    original.features = random_weights(original.features.to_empty(device="cpu"))
    original.classifier = head
    network = on_meta(theirs.removesuffix("_bn"), variant="bn" if theirs.endswith("_bn") else "paper", num_classes=10)
    network.load_state_dict(from_torchvision(original.state_dict(), theirs), strict=True, assign=True)
    images = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        expected, actual = original.eval()(images), network.eval()(images)
    assert expected.std() > 0.1
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("init", "spread"),
    [
        ("glorot", lambda weight: (2 / (weight[0].numel() + weight[:, 0].numel())) ** 0.5),
        # "variance 1e-2", so a standard deviation of 0.1.
        ("paper", lambda weight: 0.1),
    ],
)
def test_initial_weights_have_the_spread_of_their_rule_and_biases_are_zero(init, spread):
    network = zoo.get_model("vgg11", init=init, **SMALL)
    for layer in network:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            error = 5 / (2 * layer.weight.numel()) ** 0.5
            assert layer.weight.std().item() == pytest.approx(spread(layer.weight), rel=error)
            assert abs(layer.weight.mean()) < 5 * layer.weight.std() / layer.weight.numel() ** 0.5
            assert (layer.bias == 0).all()


def test_the_literal_initialisation_of_vgg16_starts_astronomically_and_glorots_near_chance():
    # Pixels of 0..255 less their mean, as the paper feeds them.
    images, labels = 70 * torch.randn(8, 3, 32, 32), torch.arange(8)
    losses = {}
    for init in ("glorot", "paper"):
        network = zoo.get_model("vgg16", init=init, **SMALL)
        with torch.inference_mode():
            losses[init] = F.cross_entropy(network(images), labels).item()
    assert losses["glorot"] == pytest.approx(math.log(10), abs=0.5)
    assert losses["paper"] > 1e4


def test_the_literal_initialisation_multiplies_by_the_square_root_of_half_the_fan_in_a_layer():
    network = zoo.get_model("vgg16", init="paper", **SMALL)
    x = torch.randn(4, 128, 64, 64).relu()
    # std * sqrt(9 C E[x^2]), and a ReLU leaves half of the mean square. Away from the border, where zeros come in.
    gain = network.conv2_2(x)[..., 1:-1, 1:-1].square().mean().sqrt() / x.square().mean().mul(2).sqrt()
    assert gain.item() == pytest.approx(0.1 * (9 * 128 / 2) ** 0.5, rel=0.1)


def gradients(network: nn.Module, images: Tensor) -> list[Tensor]:
    network.zero_grad()
    F.cross_entropy(network(images), torch.arange(len(images))).backward()
    return [parameter.grad.clone() for parameter in network.parameters()]


# Every depth, every variant.
@pytest.mark.parametrize(("name", "variant"), [("vgg11", "lrn"), ("vgg13", "bn"), ("vgg16", "1x1"), ("vgg19", "paper")])
def test_deterministic_algorithms_give_the_same_gradients_twice(name, variant):
    network, images = (zoo.get_model(name, variant=variant, **SMALL).train(), torch.randn(2, 3, 32, 32))
    torch.use_deterministic_algorithms(True)
    try:
        once, again = gradients(network, images), gradients(network, images)
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(one, two) for one, two in zip(once, again, strict=True))
    assert all(gradient.abs().sum() > 0 for gradient in (once[0], once[-1]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"depth": 12}, "depth 12; there is 11, 13, 16, 19"),
        ({"init": "he"}, "init 'he'; there is glorot, paper"),
        ({"head": "none"}, "head 'none'; there is paper, linear"),
        ({"depth": 13, "variant": "lrn"}, "variant 'lrn'; there is paper, bn"),
        ({"depth": 11, "variant": "1x1"}, "variant '1x1'; there is paper, bn, lrn"),
        ({"input_size": 100}, "multiple of 32, not 100"),
    ],
)
def test_what_there_is_not_is_refused(options, words):
    with torch.device("meta"), pytest.raises(ValueError, match=words):
        VGGModel(**options)


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_the_model_holds_the_network_of_its_depth(depth):
    with torch.device("meta"):
        model = VGGModel(depth=depth, variant="bn", init="paper", **SMALL)
    assert (model.network.name, model.network.variant) == (f"vgg{depth}", "bn")
    assert repr(model.network) == repr(on_meta(f"vgg{depth}", variant="bn", **SMALL).train())


def test_info_names_the_model_and_the_options_that_train_the_network(capsys):
    assert describe("vgg19")["model"] == {"class_path": "zoo.models.VGGModel", "init_args": {"depth": 19}}
    assert main(["info", "vgg19"]) == 0
    assert "\nTrained by: zoo.models.VGGModel, depth 19.\n" in capsys.readouterr().out


def test_notes_of_a_form_come_before_those_of_the_family():
    notes = describe("vgg11", "lrn")["notes"]
    assert notes.startswith("Deviations and guesses of 'lrn': ")
    assert notes.count("Deviations and guesses") == 2
    assert describe("vgg13")["notes"].startswith("Deviations and guesses: ")
