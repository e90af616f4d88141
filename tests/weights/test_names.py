"""The names that get_model and list_models take, the default weights, and weights for other channels."""

import re
import warnings
from fnmatch import fnmatch

import pytest
import torch
from export_cases import randomized, write_run
from torch import nn
from weights_cases import NAME, make_run

import zoo
from zoo.catalog import NETWORKS
from zoo.errors import InputError
from zoo.weights import cards
from zoo.weights.export import ship
from zoo.weights.pretrained import default_weights


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return ship.write(make_run(tmp_path_factory.mktemp("runs") / "run"), NAME, tmp_path_factory.mktemp("shipped"))


@pytest.fixture
def shipped(card, monkeypatch):
    """As if the weights of one linear classifier were all that is in the package."""
    monkeypatch.setattr(cards, "SHIPPED", card.parents[1])


def test_patterns_choose_among_networks_variants_and_weights():
    assert zoo.list_models("lenet*") == ["lenet5"]
    assert zoo.list_models("vgg*") == ["vgg11", "vgg13", "vgg16", "vgg19"]
    assert zoo.list_models("vgg*-bn") == ["vgg11-bn", "vgg13-bn", "vgg16-bn", "vgg19-bn"]
    assert zoo.list_models(["mlp", "alex*"]) == ["mlp", "alexnet"]
    assert zoo.list_models("vgg*", exclude_filters=["vgg11", "*9"]) == ["vgg13", "vgg16"]
    assert zoo.list_models("resnet*") == []
    names = zoo.list_weights()
    assert zoo.list_models(pretrained=True) == names
    assert zoo.list_models("lenet*", pretrained=True) == [name for name in names if fnmatch(name, "lenet*")]
    assert zoo.list_models("*vgg16*", pretrained=True, exclude_filters="*bn*") == ["torchvision/vgg16"]


def test_every_listed_name_is_one_that_get_model_takes():
    with torch.device("meta"):
        for name in zoo.list_models("*-*"):
            network = zoo.get_model(name)
            assert name in (network.name, f"{network.name}-{network.variant}")


def test_a_variant_may_be_part_of_the_name():
    network = zoo.get_model("cuda_convnet-18pct", num_classes=3)
    assert (network.name, network.variant, network.num_classes) == ("cuda_convnet", "18pct", 3)
    assert zoo.get_model("lenet5-modern", variant="modern").variant == "modern"
    with pytest.raises(InputError, match="lenet5-modern is the variant modern, not caffe"):
        zoo.get_model("lenet5-modern", variant="caffe")


def test_a_name_of_weights_is_a_network_with_them(shipped):
    network = zoo.get_model("linear/digits")
    assert torch.equal(network.fc.weight, zoo.get_model("linear", weights="digits").fc.weight)
    assert network.meta["name"] == "linear/digits"
    assert zoo.get_model("linear/digits", num_classes=3).meta["initialised"] == ["fc"]
    with pytest.raises(InputError, match="names weights already"):
        zoo.get_model("linear/digits", weights="digits")
    with pytest.raises(InputError, match="weights of linear paper, not of linear bn"):
        zoo.get_model("linear/digits", variant="bn")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("lenet", {}, "did you mean lenet5"),
        ("LeNet5", {}, "did you mean lenet5"),
        ("alex_net", {}, "did you mean alexnet"),
        ("vgg_16", {}, "did you mean vgg16"),
        ("vgg16-nb", {}, "vgg16 has no variant 'nb'"),
        ("cuda_convnet-11pc", {}, "did you mean 11pct"),
        ("resnet50", {}, f"there is {', '.join(NETWORKS)}"),
        ("lenet5", {"num_clases": 3}, "no option 'num_clases': did you mean num_classes"),
        ("lenet5", {"variant": "moderne"}, "did you mean modern"),
        ("linear/digit", {}, "did you mean linear/digits"),
    ],
)
def test_what_is_misspelt_is_answered_with_what_may_be_meant(shipped, name, options, words):
    with pytest.raises(InputError, match=re.escape(words)) as refused:
        zoo.get_model(name, **options)
    assert "\n" not in str(refused.value)


def test_default_is_the_only_weights_there_are(shipped):
    assert zoo.get_model("linear", weights="DEFAULT").meta["name"] == "linear/digits"
    # Known by their cards, before anything is fetched.
    assert default_weights("vgg16") == "torchvision/vgg16"
    assert default_weights("vgg16", "bn") == "torchvision/vgg16_bn"
    assert default_weights("alexnet") == "torchvision/alexnet"
    for words in ({"name": "mlp"}, {"name": "vgg16-1x1"}):
        with pytest.raises(InputError, match="There are no weights of"):
            zoo.get_model(**words, weights="DEFAULT")


def test_of_several_the_default_is_for_the_networks_own_images_then_the_best():
    names = ["lenet5/cifar10", "lenet5/digits", "lenet5/mnist", "lenet5/mnist-1998", "lenet5/mnist-distorted"]
    if not set(names) <= set(zoo.list_weights("lenet5")):
        pytest.skip("these weights are not shipped yet")
    cards = {name: zoo.get_weights(name).meta for name in names}
    of_mnist = {name: card["scores"]["top1_error"] for name, card in cards.items() if card["scores"]["n"] == 10_000}
    del of_mnist["lenet5/cifar10"]
    assert default_weights("lenet5") == min(of_mnist, key=of_mnist.get)
    assert default_weights("linear") == "linear/cifar10"
    assert default_weights("cuda_convnet") == "cuda_convnet-11pct/cifar10-modern"
    assert default_weights("cuda_convnet", "18pct") == "cuda_convnet-18pct/cifar10"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of networks for colour images, and one for grey ones."""
    folder = tmp_path_factory.mktemp("runs")
    networks = {
        "convnetjs": zoo.get_model("convnetjs"),
        "mlp": zoo.get_model("mlp", hidden=(5,)),
        "lenet5": zoo.get_model("lenet5", variant="modern"),
        "nearest_neighbour": zoo.get_model("nearest_neighbour", num_images=3),
    }
    for name, network in networks.items():
        if name != "nearest_neighbour":
            randomized(network)
        write_run(folder / name, network, "MNIST" if name == "lenet5" else "CIFAR10", "standard")
    return folder


@pytest.mark.parametrize("name", ["convnetjs", "mlp"])
def test_grey_images_give_what_they_gave_as_colour_images(runs, name):
    colour = zoo.get_model(name, weights=runs / name).eval()
    grey = zoo.get_model(name, weights=runs / name, in_channels=1).eval()
    images = torch.rand(3, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(grey(images), colour(images.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4)
    first = "conv1" if name == "convnetjs" else "fc1"
    assert (grey.meta["adapted"], grey.meta["initialised"]) == ([first], [])
    assert f"adapted: {first}" in repr(grey)
    both = zoo.get_model(name, weights=runs / name, in_channels=1, num_classes=4)
    assert both.num_classes == 4
    assert len(both.meta["initialised"]) == 1


@pytest.mark.parametrize("channels", [1, 2, 4, 5, 7])
def test_weights_are_adapted_as_timm_adapts_them(runs, channels):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        manipulate = pytest.importorskip("timm.models._manipulate")
    original = zoo.get_model("convnetjs", weights=runs / "convnetjs").conv1
    found = zoo.get_model("convnetjs", weights=runs / "convnetjs", in_channels=channels).conv1
    torch.testing.assert_close(found.weight, manipulate.adapt_input_conv(channels, original.weight.detach()))
    assert torch.equal(found.bias, original.bias)


def test_grey_weights_on_colour_see_the_mean_of_the_channels(runs):
    grey = zoo.get_model("lenet5", weights=runs / "lenet5").eval()
    colour = zoo.get_model("lenet5", weights=runs / "lenet5", in_channels=3).eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(colour(images), grey(images.mean(1, keepdim=True)), rtol=1e-4, atol=1e-4)


def test_stored_images_keep_their_channels(runs):
    with pytest.raises(InputError, match="it stores images"):
        zoo.get_model("nearest_neighbour", weights=runs / "nearest_neighbour", in_channels=1)


def test_the_same_channels_change_nothing(runs):
    network = zoo.get_model("convnetjs", weights=runs / "convnetjs", in_channels=3)
    assert "adapted" not in network.meta
    assert network.options == {"num_classes": 10}
    headless = zoo.get_model("convnetjs", weights=runs / "convnetjs", num_classes=0)
    assert isinstance(headless.get_classifier(), nn.Identity)
    assert headless(torch.rand(1, 3, 32, 32)).shape == (1, 320)


def test_trained_maps_alone(runs):
    cut = zoo.get_model("convnetjs", weights=runs / "convnetjs", features_only=True)
    whole = zoo.get_model("convnetjs", weights=runs / "convnetjs")
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(cut(images)[-1], whole.features(images, "pool3"))
