"""What users of torchvision and timm take for granted of a network, held to these two where they say what it is."""

import warnings

import pytest
import torch
from conftest import slow_where
from export_cases import randomized
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

import zoo
from zoo.catalog import NETWORKS
from zoo.errors import InputError

SMALL = {
    "nearest_neighbour": {"num_images": 12}, "eigenfaces": {"num_images": 40},
    "vgg": {"input_size": 32, "num_classes": 7, "head": "512"},
    "alexnet": {"input_size": 64, "num_classes": 7}, "alexnet-caffe": {"input_size": 67, "num_classes": 7},
    "alexnet-caffenet": {"input_size": 67, "num_classes": 7}, "alexnet-cifar": {}, "alexnet-bearpaw": {},
}  # fmt: skip
FORMS = [f"{name}-{variant}" for name, entry in NETWORKS.items() for variant in entry.variants]
# Of a network in several depths one stands for all where the layers at its ends are what is looked at.
OTHER_DEPTHS = ("vgg13-paper", "vgg13-bn", "vgg16-paper", "vgg16-bn", "vgg19-paper", "vgg19-bn")
ONE_DEPTH = [form for form in FORMS if form not in OTHER_DEPTHS]
# They store images and compare with them, or cannot have other channels by their nature.
FIXED_CHANNELS = ("symmetry-paper", "neocognitron-paper")
# Their output is no layer that could be another.
UNUSUAL = ("neocognitron-paper", "nearest_neighbour-paper")


def is_alike(form):
    """Whether a form has its layers by the same code as one that is quicker or the paper's own."""
    return form in (*OTHER_DEPTHS, "alexnet-caffe", "alexnet-caffenet", "alexnet-one_gpu", "vgg16-1x1")


def made(form, **options):
    name = form.partition("-")[0]
    small = SMALL.get(form, SMALL.get(name, SMALL["vgg"] if name.startswith("vgg") else {}))
    torch.manual_seed(0)
    return zoo.get_model(form, **(small | options)).eval()


def images(network, n=2):
    return torch.randint(0, 256, (n, *network.input_shape), generator=torch.Generator().manual_seed(0)).float()


def equal(a, b):
    return torch.equal(a.nan_to_num(-1), b.nan_to_num(-1))


@pytest.fixture(scope="module")
def timm():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("timm")


@pytest.mark.parametrize("form", slow_where(is_alike, FORMS))
def test_torchvision_extracts_the_features_of_every_layer_by_its_name(form):
    network = made(form)
    names, x, state = [name for name, _ in network.named_children()], images(network), list(network.state_dict())
    for mode in get_graph_node_names(network):
        assert [node for node in mode if not node.startswith("clone")][1:] == names
    extractor = create_feature_extractor(network, names).eval()
    with torch.no_grad():
        found = extractor(x)
        # Layer by layer, by hand, so that no ReLU in place overwrites what it reads.
        for name in names:
            x = network.get_submodule(name)(x.clone())
            assert equal(found[name], x), name
    assert list(network.state_dict()) == state


def test_an_extractor_trains_as_the_network_does():
    network = made("lenet5").train()
    extractor = create_feature_extractor(network, {"c3": "maps", "logits": "logits"})
    out = extractor(images(network) / 255)
    out["logits"].square().mean().backward()
    gradients = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    network(images(network) / 255).square().mean().backward()
    assert out["maps"].shape == (2, 16, 10, 10)
    for gradient, parameter in zip(gradients, network.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad)


def test_a_network_is_traced_within_another_module_too():
    whole = nn.Sequential(nn.Identity(), made("vgg11-bn")).eval()
    found = create_feature_extractor(whole, {"1.conv2_1": "maps"})(torch.ones(1, 3, 32, 32))["maps"]
    assert equal(found, whole[1].features(torch.ones(1, 3, 32, 32), "conv2_1"))


@pytest.mark.parametrize("form", slow_where(is_alike, ONE_DEPTH))
def test_head_after_features_are_the_logits(form):
    network = made(form)
    with torch.no_grad():
        x = images(network)
        features = network.forward_features(x)
        before = network.forward_head(features, pre_logits=True)
        assert features.shape[1] == network.num_features
        assert before.flatten(1).shape[1] == network.head_hidden_size
        assert equal(network.forward_head(features), network(x))
        if "flatten" in dict(network.named_children()) and any(isinstance(m, nn.Conv2d) for m in network):
            assert features.ndim == 4


def check_reset(network, x, num_features):
    """What timm promises of ``reset_classifier``."""
    features = network.forward_features(x)
    network.reset_classifier(5)
    assert network.num_classes == 5
    assert network(x).shape == (2, 5)
    assert torch.equal(network.forward_features(x), features)
    network.reset_classifier(0)
    assert network.num_classes == 0
    assert isinstance(network.get_classifier(), nn.Identity)
    assert network(x).flatten(1).shape == (2, num_features)
    assert torch.equal(network(x), network.forward_head(network.forward_features(x), pre_logits=True))
    network.reset_classifier(4)
    assert network(x).shape == (2, 4)


def test_timms_own_networks_keep_what_is_promised_here(timm):
    network = timm.create_model("test_efficientnet", num_classes=7).eval()
    with torch.no_grad():
        check_reset(network, torch.rand(2, 3, 64, 64), network.head_hidden_size)


@pytest.mark.parametrize("form", slow_where(is_alike, [form for form in ONE_DEPTH if form not in UNUSUAL]))
def test_the_classifier_can_be_replaced_and_left_out(form):
    network = made(form)
    with torch.no_grad():
        check_reset(network, images(network), network.head_hidden_size)
    # As before, but for the weights of the last layer.
    with torch.device("meta"):
        again = made(form, num_classes=4)
    assert [(name, type(layer)) for name, layer in network.named_children()] == [
        (name, type(layer)) for name, layer in again.named_children()
    ]
    assert network.options == again.options
    assert {key: value.shape for key, value in network.state_dict().items()} == {
        key: value.shape for key, value in again.state_dict().items()
    }


def test_a_new_classifier_is_where_and_as_the_network_is():
    network = made("vgg11").double().train()
    network.reset_classifier(3)
    assert network.fc8.weight.dtype == torch.float64
    assert network.fc8.training
    network.eval().reset_classifier(4)
    assert not network.fc8.training
    with pytest.raises(InputError, match="ten classes, not 11"):
        made("lenet5").reset_classifier(11)
    with pytest.raises(InputError, match="num_classes must be at least 1"):
        made("vgg11").reset_classifier(-1)


def test_without_classes_from_the_start():
    network = made("vgg11", num_classes=0)
    assert network(images(network)).shape == (2, 512)
    assert network.options["num_classes"] == 0
    again = zoo.models.get_model("vgg11", variant=network.variant, **network.options)
    assert [name for name, _ in again.named_children()] == [name for name, _ in network.named_children()]


@pytest.mark.parametrize("form", [form for form in ONE_DEPTH if form not in FIXED_CHANNELS])
def test_every_network_that_can_takes_images_of_other_channels(form):
    network = made(form, in_channels=4)
    assert network.input_shape[0] == 4
    with torch.no_grad():
        assert network(images(network)).shape == (2, network.num_classes)
    with torch.device("meta"):
        rebuilt = zoo.models.get_model(network.name, variant=network.variant, **network.options)
    assert rebuilt.input_shape == network.input_shape


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "cuda_convnet", "convnetjs"])
def test_colour_is_no_option_of_networks_for_colour(name):
    # Checkpoints and cards from before there was a choice name none.
    with torch.device("meta"):
        assert "in_channels" not in zoo.get_model(name, in_channels=3).options
        assert zoo.get_model(name, in_channels=1).options["in_channels"] == 1


@pytest.mark.parametrize("variant", [pytest.param("paper", marks=pytest.mark.slow), "bn"])
def test_maps_alone_are_those_of_timm(timm, variant):
    theirs = timm.create_model("vgg11" if variant == "paper" else "vgg11_bn", features_only=True).eval()
    ours = zoo.get_model("vgg11", variant=variant, features_only=True, input_size=64, num_classes=2).eval()
    assert ours.feature_info.channels() == theirs.feature_info.channels()
    assert ours.feature_info.reduction() == theirs.feature_info.reduction()
    with torch.no_grad():
        for mine, other in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
            mine.copy_(other)
        x = torch.rand(1, 3, 64, 64)
        found, expected = ours(x), theirs(x)
    assert [tuple(maps.shape) for maps in found] == [tuple(maps.shape) for maps in expected]
    for mine, other in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, other)


def test_chosen_levels_are_those_of_timm(timm):
    theirs = timm.create_model("vgg11", features_only=True, out_indices=(1, 3))
    ours = zoo.get_model("vgg11", features_only=True, out_indices=(1, 3), input_size=32, head="512")
    assert ours.feature_info.channels() == theirs.feature_info.channels() == [128, 512]
    assert ours.feature_info.out_indices == theirs.feature_info.out_indices == (1, 3)
    assert [maps.shape[2] for maps in ours(torch.rand(2, 3, 32, 32))] == [16, 4]
    last = zoo.get_model("vgg11", features_only=True, out_indices=(-1,), input_size=32, head="512")
    assert last.feature_info.module_name() == ["pool5"]


@pytest.mark.parametrize(
    ("form", "names", "reductions", "sides"),
    [
        ("lenet5-paper", ["c1_squash", "c3_squash", "c5_squash"], [1, 2, 4], [28, 10, 1]),
        ("alexnet-paper", ["norm1", "norm2", "relu5", "pool5"], [4, 8, 16, 32], [15, 7, 3, 1]),
        ("convnetjs-paper", ["relu1", "relu2", "relu3", "pool3"], [1, 2, 4, 8], [32, 16, 8, 4]),
        ("cuda_convnet-11pct", ["relu1", "rnorm2", "relu4"], [1, 2, 4], [24, 12, 6]),
    ],
)
def test_levels_end_before_the_next_stride(form, names, reductions, sides):
    network = made(form)
    cut = made(form, features_only=True)
    info = cut.feature_info
    assert (info.module_name(), info.reduction()) == (names, reductions)
    with torch.no_grad():
        found = cut(images(network))
        assert [maps.shape[2] for maps in found] == sides
        assert all(
            equal(maps, network.features(images(network), name)) for maps, name in zip(found, names, strict=True)
        )
    assert [maps.shape[1] for maps in found] == info.channels()


def test_what_has_no_maps_says_so():
    for name in ("linear", "mlp", "symmetry", "hog_svm", "perceptron"):
        with pytest.raises(InputError, match="no convolutions"):
            zoo.get_model(name, features_only=True)
    with pytest.raises(InputError, match="3 levels of maps, 0 to 2, but out_indices has 3"):
        zoo.get_model("lenet5", features_only=True, out_indices=(0, 3))
    with pytest.raises(InputError, match="features_only=True"):
        zoo.get_model("lenet5", out_indices=(0,))


def test_maps_alone_share_the_weights_and_the_mode():
    network = randomized(made("vgg11-bn")).train()
    from zoo.models.feature_maps import feature_maps

    cut = feature_maps(network)
    assert cut.training
    assert cut.conv1_1.weight is network.conv1_1.weight
    assert not feature_maps(network.eval()).training
    assert "fc8" not in dict(cut.named_children())
