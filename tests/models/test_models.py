"""Every network against the figures printed for it, its wiring against explicit formulas, and its initial weights.

Large networks stand on the meta device, which knows shapes and holds no numbers, or get small images.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from tensor_cases import on_meta
from torch import Tensor, nn

import zoo
from zoo.catalog import NETWORKS
from zoo.evaluation.digest import weights_digest
from zoo.models import AlexNetModel, LeNet5, VGGModel
from zoo.models.classifier import seed_generators
from zoo.models.network import Network

pytestmark = pytest.mark.usefixtures("seeded")

LARGE = ("alexnet", "vgg11", "vgg13", "vgg16", "vgg19")
VARIANTS = [(name, variant) for name, entry in NETWORKS.items() for variant in entry.variants]
# The smallest image that leaves one pixel for fc6 of AlexNet's paper form: all of its convolutions at little cost.
SMALL_ALEXNET = {"input_size": 64, "num_classes": 10}


def parameters_of(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def layers_of(network: Network) -> dict[str, tuple[int, int]]:
    """Parameters and output numbers of each layer that has parameters."""
    sizes, x = ({}, torch.empty(1, *network.input_shape, device=next(network.parameters()).device))
    for name, layer in network.named_children():
        x = layer(x)
        if parameters_of(layer):
            sizes[name] = (parameters_of(layer), x.numel())
    return sizes


def macs_of(network: Network) -> dict[str, int]:
    """Multiply-accumulates of the convolutions and fully connected layers: each weight once an output place."""
    macs, x = ({}, torch.empty(1, *network.input_shape, device=next(network.parameters()).device))
    for name, layer in network.named_children():
        x = layer(x)
        if getattr(layer, "weight", None) is not None and not isinstance(layer, nn.BatchNorm2d):
            macs[name] = layer.weight.numel() * x[0, 0].numel()
    return macs


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("linear", {}, 30_730),
        ("linear", {"in_channels": 1, "input_size": 28}, 7_850),
        ("perceptron", {}, 30_730),
        ("mlp", {}, 308_310),
        ("mlp", {"in_channels": 6, "input_size": 1, "hidden": (2,), "num_classes": 1, "activation": "sigmoid"}, 17),
        # Maxout has two linear functions a unit: 3,072 * 200 + 200 + 100 * 10 + 10.
        ("mlp", {"activation": "maxout"}, 615_610),
        ("lenet5", {}, 60_000),
        ("lenet5", {"in_channels": 3}, 60_300),
        ("lenet5", {"variant": "modern"}, 61_706),
        ("lenet5", {"variant": "modern", "in_channels": 3}, 62_006),
        ("alexnet", {}, 60_965_224),
        ("alexnet", {"variant": "torchvision"}, 61_100_840),
        ("vgg16", {}, 138_357_544),
        ("vgg16", {"variant": "bn"}, 138_365_992),
        ("vgg16", {"head": "linear", "input_size": 32, "num_classes": 10}, 14_719_818),
        ("vgg16", {"head": "linear", "input_size": 32, "num_classes": 10, "variant": "bn"}, 14_728_266),
    ],
)
def test_networks_have_the_published_number_of_parameters(name, options, count):
    assert parameters_of(on_meta(name, **options)) == count


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("linear", {}, 30_720),
        ("linear", {"in_channels": 1, "input_size": 28}, 7_840),
        ("mlp", {}, 308_200),
        ("lenet5", {"variant": "modern"}, 416_520),
        ("lenet5", {"variant": "modern", "in_channels": 3}, 651_720),
        ("alexnet", {}, 724_406_816),
        ("alexnet", {"variant": "torchvision"}, 714_188_480),
        ("vgg16", {}, 15_470_264_320),
        ("vgg16", {"head": "linear", "input_size": 32, "num_classes": 10, "variant": "bn"}, 313_201_664),
    ],
)
def test_networks_do_the_published_number_of_multiplications(name, options, count):
    assert sum(macs_of(on_meta(name, **options)).values()) == count


def test_lenet5_has_the_table_of_the_paper_layer_by_layer():
    network = zoo.get_model("lenet5")
    assert layers_of(network) == {
        "c1": (156, 6 * 28 * 28), "s2": (12, 6 * 14 * 14), "c3": (1_516, 16 * 10 * 10), "s4": (32, 16 * 5 * 5),
        "c5": (48_120, 120), "f6": (10_164, 84),
    }  # fmt: skip
    assert macs_of(network) == {"c1": 117_600, "c3": 150_000, "c5": 48_000, "f6": 10_080}
    assert network.output.codes.numel() == 840


def test_lenet5_has_340908_connections():
    layers = layers_of(zoo.get_model("lenet5"))
    # A unit of S2 or S4 has five: four inputs and a bias. Elsewhere each parameter serves every place of its map.
    maps = {"c1": 6, "c3": 16, "c5": 120, "f6": 84}
    connections = [5 * out if name in ("s2", "s4") else n * out // maps[name] for name, (n, out) in layers.items()]
    assert connections == [122_304, 5_880, 151_600, 2_000, 48_120, 10_164]
    assert sum(connections) + 10 * 84 == 340_908


def test_alexnet_has_the_table_of_the_2012_code_layer_by_layer():
    network = on_meta("alexnet")
    layers = layers_of(network)
    assert {name: count for name, (count, _) in layers.items()} == {
        "conv1": 34_944, "conv2": 307_456, "conv3": 885_120, "conv4": 663_936, "conv5": 442_624,
        "fc6": 37_752_832, "fc7": 16_781_312, "fc8": 4_097_000,
    }  # fmt: skip
    assert macs_of(network) == {
        "conv1": 105_415_200, "conv2": 223_948_800, "conv3": 149_520_384, "conv4": 112_140_288, "conv5": 74_760_192,
        "fc6": 37_748_736, "fc7": 16_777_216, "fc8": 4_096_000,
    }  # fmt: skip
    # Figure 2 prints 253,440 for conv1, a misprint of 96 * 55 * 55.
    assert layers["conv1"][1] == 290_400
    assert sum(neurons for _, neurons in layers.values()) == 659_272


def test_vgg16_has_the_table_of_configuration_d_layer_by_layer():
    network = on_meta("vgg16")
    counts = [1_792, 36_928, 73_856, 147_584, 295_168, 590_080, 590_080, 1_180_160, *[2_359_808] * 5]
    assert [count for count, _ in layers_of(network).values()] == [*counts, 102_764_544, 16_781_312, 4_097_000]
    once, twice, late = 924_844_032, 1_849_688_064, 462_422_016
    macs = [86_704_128, twice, once, twice, once, twice, twice, once, twice, twice, late, late, late]
    assert list(macs_of(network).values()) == [*macs, 102_760_448, 16_777_216, 4_096_000]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_every_entry_of_the_catalog_builds_and_has_its_published_counts(name, variant):
    network, published = (on_meta(name, variant=variant), NETWORKS[name].published.get(variant))
    assert (network.name, network.variant) == (name, variant)
    assert network(torch.empty(2, *network.input_shape, device="meta")).shape == (2, network.num_classes)
    if published:
        assert parameters_of(network) == published.parameters
        # Sources print "15.47 G": our exact count must round to what they print.
        digits = len((published.macs or "").removesuffix(" G").partition(".")[2])
        assert published.macs in (None, f"{sum(macs_of(network).values()) / 1e9:.{digits}f} G")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_first_variant_is_the_default_and_published_ones_exist(name):
    first = NETWORKS[name].variants[0]
    assert on_meta(name).variant == first == ("11pct" if name == "cuda_convnet" else "paper")
    assert set(NETWORKS[name].published) <= set(NETWORKS[name].variants)


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_name_variant_and_options_build_the_same_network_again(name, variant):
    network = on_meta(name, variant=variant, num_classes=7)
    again = on_meta(network.name, variant=network.variant, **network.options)
    assert repr(again) == repr(network)
    assert again.num_classes == 7


@pytest.mark.parametrize("name", NETWORKS)
def test_every_model_builds_with_its_defaults_around_the_first_form(name):
    with torch.device("meta" if name in LARGE else "cpu"):
        model = getattr(zoo.models, NETWORKS[name].model)(**NETWORKS[name].model_options)
    assert isinstance(model, LightningModule)
    assert (model.network.name, model.network.variant) == (name, NETWORKS[name].variants[0])
    assert repr(model.network) == repr(on_meta(name).train())


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("resnet", {}, f"resnet.*{', '.join(NETWORKS)}"),
        ("alexnet", {"variant": "bn"}, "'bn'.*paper, torchvision, cifar"),
        ("linear", {"variant": "modern"}, "'modern'.*paper"),
        ("alexnet", {"input_size": 63}, "63x63"),
        ("alexnet", {"input_size": 0}, "input_size must be at least 1"),
        ("alexnet", {"variant": "torchvision", "input_size": 62}, "62x62"),
        ("vgg16", {"input_size": 100}, "multiple of 32, not 100"),
        ("vgg16", {"input_size": 0}, "multiple of 32, not 0"),
        ("vgg16", {"head": "none"}, "'none'.*paper, linear"),
        ("lenet5", {"num_classes": 11}, "ten classes, not 11"),
        ("lenet5", {"num_classes": -1}, "num_classes must be at least 1"),
        ("mlp", {"activation": "gelu"}, "'gelu'.*sigmoid"),
        ("lenet5", {"hidden": (3,)}, "lenet5.*'hidden'"),
    ],
)
def test_what_the_zoo_does_not_have_is_refused_in_one_sentence(name, options, words):
    with pytest.raises(ValueError, match=words) as refused:
        on_meta(name, **options)
    assert "\n" not in str(refused.value)


def test_the_smallest_images_that_fit_are_taken():
    # 63 is the smallest size that torchvision states for its own.
    assert on_meta("alexnet", variant="torchvision", input_size=63).fc6.in_features == 256
    assert on_meta("alexnet", **SMALL_ALEXNET).fc6.in_features == 256
    assert on_meta("vgg16", input_size=32).fc6.in_features == 512
    assert on_meta("lenet5", variant="modern", num_classes=11).num_classes == 11


def test_a_slice_is_an_ordinary_chain_that_shares_the_layers():
    network = zoo.get_model("lenet5")
    part = network[2:-1]
    assert type(part) is nn.Sequential
    assert next(name for name, _ in part.named_children()) == "s2"
    assert len(part) == len(network) - 3
    assert part.c3 is network.c3 is network[4]
    images = torch.randn(2, 1, 32, 32)
    assert torch.equal(network[-1:](part(network[:2](images))), network(images))


@pytest.mark.parametrize("name", ["perceptron", "linear", "mlp", "lenet5"])
def test_a_deep_copy_is_the_same_network_with_weights_of_its_own(name):
    network = zoo.get_model(name)
    twin = copy.deepcopy(network)
    assert (type(twin), twin.variant, twin.options) == (type(network), network.variant, network.options)
    images = torch.randn(2, *network.input_shape)
    before = network(images)
    assert torch.equal(twin(images), before)
    next(twin.parameters()).data.add_(1)
    assert torch.equal(network(images), before)
    assert not torch.equal(twin(images), before)


def test_lenet5_is_the_chain_of_the_paper_written_out():
    network = zoo.get_model("lenet5").double()
    for parameter in network.parameters():
        parameter.data.uniform_(-0.3, 0.3)
    images = torch.rand(3, 1, 32, 32, dtype=torch.float64)

    def squash(x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(2 * x / 3)

    def subsample(x: Tensor, layer: nn.Module) -> Tensor:
        scaled = 4 * F.avg_pool2d(x, 2) * layer.coefficient.view(1, -1, 1, 1)
        return squash(scaled + layer.bias.view(1, -1, 1, 1))

    x = subsample(squash(F.conv2d(images, network.c1.weight, network.c1.bias)), network.s2)
    x = subsample(squash(network.c3(x)), network.s4)
    x = squash(F.conv2d(x, network.c5.weight, network.c5.bias)).flatten(1)
    x = squash(x @ network.f6.weight.T + network.f6.bias)
    distances = torch.cdist(x, network.output.codes) ** 2
    torch.testing.assert_close(network(images), -distances, rtol=1e-10, atol=0)


def test_lenet5_codes_are_ten_different_bitmaps_of_plus_and_minus_one():
    codes = zoo.get_model("lenet5").output.codes
    assert codes.shape == (10, 84)
    assert set(codes.flatten().tolist()) == {-1.0, 1.0}
    distances = (codes[:, None] != codes).sum(dim=2) + 84 * torch.eye(10)
    assert distances.min() >= 5


def test_lenet5_starts_within_the_bounds_of_appendix_a():
    network = zoo.get_model("lenet5", in_channels=3)
    kernels = network.c3.weight.split([3] * 6 + [4] * 9 + [6])
    fan_ins = [(network.c1.weight, 75), (network.c5.weight, 400), (network.f6.weight, 120)]
    fan_ins += [(group, 25 * len(group)) for group in kernels]
    fan_ins += [(torch.cat([network.s2.coefficient, network.s4.coefficient]), 4)]
    for weight, fan_in in fan_ins:
        bound = 2.4 / fan_in
        # The fewest are the 22 coefficients: the largest of so many rarely stays below 0.7 of the bound.
        assert 0.7 * bound < weight.max() <= bound
        assert -bound <= weight.min() < -0.7 * bound
    assert all((p == 0).all() for name, p in network.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize("options", [SMALL_ALEXNET, {"variant": "cifar"}])
def test_alexnet_starts_from_a_normal_distribution_and_some_biases_of_one(options):
    network = zoo.get_model("alexnet", **options)
    ones = {"conv2", "conv4", "conv5", "fc6", "fc7"}
    for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"):
        weight, bias = getattr(network, name).weight, getattr(network, name).bias
        # Five standard errors.
        assert abs(weight.mean()) < 5 * 0.01 / weight.numel() ** 0.5
        assert weight.std().item() == pytest.approx(0.01, rel=5 / (2 * weight.numel()) ** 0.5)
        assert set(bias.tolist()) == {1.0 if name in ones else 0.0}


def test_vgg16_starts_from_glorots_uniform_distribution_and_biases_of_zero():
    network = zoo.get_model("vgg16", head="linear", input_size=32, num_classes=10)
    for layer in (network.conv1_1, network.conv4_2, network.fc8):
        places = 9 if isinstance(layer, nn.Conv2d) else 1
        bound = (6 / (places * (layer.weight.shape[0] + layer.weight.shape[1]))) ** 0.5
        assert 0.98 * bound < layer.weight.abs().max() <= bound
        assert (layer.bias == 0).all()


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("sigmoid", lambda x: 1 / (1 + (-x).exp())),
        ("tanh", torch.tanh),
        ("relu", lambda x: x.clamp(min=0)),
        ("leaky_relu", lambda x: torch.maximum(x, 0.01 * x)),
        ("elu", lambda x: torch.where(x > 0, x, x.exp() - 1)),
        ("maxout", lambda x: torch.maximum(x[:, 0::2], x[:, 1::2])),
    ],
)
def test_mlp_is_the_chain_of_its_layers_with_the_named_function_between(activation, function):
    options = {"hidden": (6, 5), "activation": activation, "in_channels": 2, "input_size": 3, "num_classes": 4}
    network = zoo.get_model("mlp", **options).double()
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    images = torch.randn(7, 2, 3, 3, dtype=torch.float64)
    x = images.reshape(7, 18)
    for layer in (network.fc1, network.fc2):
        x = function(x @ layer.weight.T + layer.bias)
    torch.testing.assert_close(network(images), x @ network.fc3.weight.T + network.fc3.bias, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "maxout"])
def test_mlp_starts_from_he_or_glorot_as_its_docstring_says(activation):
    layer = zoo.get_model("mlp", activation=activation).fc1
    fans = sum(layer.weight.shape) if activation in ("sigmoid", "tanh") else 3072
    assert layer.weight.std().item() == pytest.approx((2 / fans) ** 0.5, rel=0.01)
    assert (layer.bias == 0).all()


@pytest.mark.parametrize("name", ["linear", "perceptron"])
def test_linear_and_perceptron_start_from_zero(name):
    assert all((parameter == 0).all() for parameter in zoo.get_model(name).parameters())


def test_alexnet_is_two_explicit_towers_that_meet_in_conv3():
    network = zoo.get_model("alexnet", **SMALL_ALEXNET).eval()
    images = 255 * torch.rand(2, 3, 64, 64) - 128
    # Three rows and columns of zeros at the bottom and the right only, as the 2012 code reads them.
    canvas = torch.zeros(2, 3, 67, 67)
    canvas[:, :, :64, :64] = images

    def convolve(x: Tensor, name: str, tower: int, **geometry: int) -> Tensor:
        layer = getattr(network, name)
        half = slice(tower * len(layer.bias) // 2, (tower + 1) * len(layer.bias) // 2)
        return F.relu(F.conv2d(x, layer.weight[half], layer.bias[half], **geometry))

    def norm_and_pool(x: Tensor) -> Tensor:
        return F.max_pool2d(F.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0), 3, stride=2)

    towers = [norm_and_pool(convolve(canvas, "conv1", tower, stride=4)) for tower in (0, 1)]
    towers = [norm_and_pool(convolve(x, "conv2", tower, padding=2)) for tower, x in enumerate(towers)]
    both = torch.cat(towers, dim=1)
    towers = [convolve(both, "conv3", tower, padding=1) for tower in (0, 1)]
    for name in ("conv4", "conv5"):
        towers = [convolve(x, name, tower, padding=1) for tower, x in enumerate(towers)]
    x = F.max_pool2d(torch.cat(towers, dim=1), 3, stride=2).flatten(1)
    # "At test time, we use all the neurons but multiply their outputs by 0.5."
    x = F.relu(network.fc7(F.relu(network.fc6(x)) * 0.5)) * 0.5
    torch.testing.assert_close(network(images), network.fc8(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["norm1", "conv2", "norm2", "conv4", "conv5"])
def test_each_half_of_a_separate_layer_of_alexnet_sees_its_own_half_only(name):
    layer = getattr(zoo.get_model("alexnet", variant="cifar"), name)
    channels = {"norm1": 96, "conv2": 96, "norm2": 256, "conv4": 384, "conv5": 384}[name]
    x = torch.rand(1, channels, 5, 5) * 100
    changed = x.clone()
    changed[:, : channels // 2] += 50
    (first, second), (first_changed, second_changed) = (layer(x).chunk(2, dim=1), layer(changed).chunk(2, dim=1))
    assert not torch.equal(first, first_changed)
    assert torch.equal(second, second_changed)


@pytest.mark.parametrize(
    ("variant", "order"),
    [
        ("paper", ["flatten", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]),
        ("torchvision", ["flatten", "drop6", "fc6", "relu6", "drop7", "fc7", "relu7", "fc8"]),
    ],
)
def test_dropout_of_alexnet_follows_fc6_and_fc7_and_in_torchvision_precedes_them(variant, order):
    network = on_meta("alexnet", variant=variant)
    assert [name for name, _ in network.named_children()][-8:] == order
    assert [network.drop6.p, network.drop7.p] == [0.5, 0.5]


def test_a_seed_gives_lenet5_the_first_weights_that_its_records_began_with():
    # Records name a seed: a change of the order in which weights are drawn would make all of them another run.
    torch.manual_seed(0)
    assert weights_digest(LeNet5()) == "e2efeaefafc51323395cd75719c93dfcd148ed1e389820482f993b102abefb97"


CIFAR_VGG = {"variant": "bn", "num_classes": 10, "input_size": 32, "head": "linear"}


@pytest.mark.parametrize(
    "model", [AlexNetModel("cifar", label_smoothing=0.2), VGGModel(**CIFAR_VGG, label_smoothing=0.2)]
)
def test_smoothed_labels_are_for_training_alone(model):
    logits, labels = torch.randn(7, 10, dtype=torch.float64), torch.arange(7)
    target = torch.full((7, 10), 0.2 / 10, dtype=torch.float64)
    target[range(7), labels] += 0.8
    torch.testing.assert_close(model.training_losses(logits, labels), -(target * logits.log_softmax(1)).sum(1))
    torch.testing.assert_close(model.losses(logits, labels), -logits.log_softmax(1)[range(7), labels])
    with pytest.raises(ValueError, match="label_smoothing must be at least 0 and less than 1, not 1"):
        model.smooth_labels(1)


def test_generators_are_seeded_as_torch_does_it():
    seed_generators(12345, torch.device("cpu"))
    drawn = torch.rand(5)
    torch.manual_seed(12345)
    assert torch.equal(drawn, torch.rand(5))
