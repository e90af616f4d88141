"""AlexNet's forms: the counts of the 2012 code and of Caffe's layouts, the chains written out, the first weights."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import zoo
from zoo.layers import UnscaledDropout
from zoo.models.network import NETWORK_KEY
from zoo.report.network import describe
from zoo.weights import load

pytestmark = pytest.mark.usefixtures("seeded")

# The smallest image that leaves one pixel for fc6, so that the fully connected layers cost little.
SMALL = {"input_size": 64, "num_classes": 10}
ONES = ("conv2", "conv4", "conv5", "fc6", "fc7")
LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
TWO_TOWERS = {
    "conv1": (34_944, 105_415_200), "conv2": (307_456, 223_948_800), "conv3": (885_120, 149_520_384),
    "conv4": (663_936, 112_140_288), "conv5": (442_624, 74_760_192), "fc6": (37_752_832, 37_748_736),
    "fc7": (16_781_312, 16_777_216), "fc8": (4_097_000, 4_096_000),
}  # fmt: skip


def images(size: int = 64) -> Tensor:
    return 255 * torch.rand(2, 3, size, size) - 128


def names_of(variant: str, **options) -> list[str]:
    with torch.device("meta"):
        network = zoo.get_model("alexnet", variant=variant, **options)
    return [name for name, _ in network.named_children()]


@pytest.mark.parametrize("variant", ["paper", "caffe", "caffenet"])
def test_forms_of_two_towers_have_the_counts_of_the_2012_code_layer_by_layer(variant):
    found = describe("alexnet", variant)
    counts = {layer["name"]: (layer["parameters"], layer["macs"]) for layer in found["layers"] if layer["parameters"]}
    assert counts == TWO_TOWERS
    assert (found["parameters"], found["macs"]) == (60_965_224, 724_406_816)
    assert found["input_shape"] == ([3, 224, 224] if variant == "paper" else [3, 227, 227])


@pytest.mark.parametrize(
    ("variant", "parameters", "macs"),
    [("one_gpu", 59_798_312, 391_514_384), ("joined", 62_378_344, 1_135_256_096)],
)
def test_one_column_and_the_net_without_groups_have_their_known_counts(variant, parameters, macs):
    found = describe("alexnet", variant)
    assert (found["parameters"], found["macs"]) == (parameters, macs)


def test_the_paper_form_has_659272_neurons():
    shapes = {layer["name"]: layer["output_shape"] for layer in describe("alexnet")["layers"]}
    sizes = [torch.Size(shapes[name]).numel() for name in LAYERS]
    assert sizes == [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]
    assert sum(sizes) == 659_272


@pytest.mark.parametrize(
    ("variant", "options", "blocks"),
    [
        ("paper", {}, ["conv1 relu1 norm1 pool1", "conv2 relu2 norm2 pool2", "conv5 relu5 pool5"]),
        ("paper", {"order": "code"}, ["conv1 norm1 pool1 relu1", "conv2 relu2 norm2 pool2", "conv5 pool5 relu5"]),
        ("caffe", {}, ["conv1 relu1 norm1 pool1", "conv2 relu2 norm2 pool2", "conv5 relu5 pool5"]),
        ("caffenet", {}, ["conv1 relu1 pool1 norm1", "conv2 relu2 pool2 norm2", "conv5 relu5 pool5"]),
        ("torchvision", {}, ["conv1 relu1 pool1", "conv2 relu2 pool2", "conv5 relu5 pool5"]),
    ],
)
def test_the_order_of_normalisation_pooling_and_relu(variant, options, blocks):
    names = names_of(variant, **options)
    assert " ".join(names).startswith(("pad " if variant == "paper" else "") + " ".join(blocks[:2]))
    assert " ".join(names[names.index("conv5") : names.index("flatten")]) == blocks[2]


def by_hand(network: nn.Module, x: Tensor, order: str, groups: int, alpha: float, k: float) -> Tensor:
    """conv1 to pool5 from torch's functions; ``alpha`` as torch has it, which divides it by the five maps."""

    def convolve(x: Tensor, name: str, groups: int = 1, **geometry: int) -> Tensor:
        layer = getattr(network, name)
        towers = zip(x.chunk(groups, dim=1), layer.weight.chunk(groups), layer.bias.chunk(groups), strict=True)
        return torch.cat([F.conv2d(part, weight, bias, **geometry) for part, weight, bias in towers], dim=1)

    def apply(x: Tensor, steps: str) -> Tensor:
        for step in steps.split():
            if step == "norm":
                parts = [F.local_response_norm(part, 5, alpha=alpha, beta=0.75, k=k) for part in x.chunk(groups, dim=1)]
                x = torch.cat(parts, dim=1)
            else:
                x = F.relu(x) if step == "relu" else F.max_pool2d(x, 3, stride=2)
        return x

    first, second = {
        "paper": ("relu norm pool", "relu norm pool"),
        "code": ("norm pool relu", "relu norm pool"),
        "caffenet": ("relu pool norm", "relu pool norm"),
    }[order]
    x = apply(convolve(x, "conv1", stride=4), first)
    x = apply(convolve(x, "conv2", groups=2, padding=2), second)
    x = F.relu(convolve(x, "conv3", padding=1))
    x = F.relu(convolve(x, "conv4", groups=2, padding=1))
    return apply(convolve(x, "conv5", groups=2, padding=1), "relu pool")


@pytest.mark.parametrize(
    ("variant", "options", "order", "groups", "alpha", "k"),
    [
        ("paper", {}, "paper", 2, 5e-4, 2.0),
        ("paper", {"alpha": "code"}, "paper", 2, 1e-4, 2.0),
        ("paper", {"order": "code"}, "code", 2, 5e-4, 2.0),
        ("paper", {"order": "code", "alpha": "code"}, "code", 2, 1e-4, 2.0),
        ("caffe", {}, "paper", 1, 1e-4, 1.0),
        ("caffenet", {}, "caffenet", 1, 1e-4, 1.0),
    ],
)
def test_features_are_the_chain_written_out_tower_by_tower(variant, options, order, groups, alpha, k):
    network = zoo.get_model(
        "alexnet", variant=variant, num_classes=10, input_size=67 - 3 * (variant == "paper"), **options
    )
    with torch.no_grad():
        # Ten times the published spread: at 0.01 the biases of 1 would hide what the images do.
        for name in LAYERS[:5]:
            getattr(network, name).weight.mul_(10)
        canvas = F.pad(images(), (0, 3, 0, 3))
        inputs = canvas[:, :, :64, :64] if variant == "paper" else canvas
        features = network[: names_of(variant, **SMALL | {"input_size": 67}).index("flatten")]
        expected = by_hand(network, canvas, order, groups, alpha, k)
        assert expected.std() > 0.1
        torch.testing.assert_close(features(inputs), expected, rtol=1e-4, atol=1e-4)


def test_what_the_options_change_is_no_small_matter():
    network = zoo.get_model("alexnet", **SMALL)
    with torch.no_grad():
        network.conv1.weight.mul_(10)
        canvas = F.pad(images(), (0, 3, 0, 3))
        paper, code, alpha = (
            by_hand(network, canvas, *case, 2.0) for case in (("paper", 2, 5e-4), ("code", 2, 5e-4), ("paper", 2, 1e-4))
        )
    for other in (code, alpha):
        assert (paper - other).abs().max() > 0.01 * paper.std()


def test_conv3_is_where_the_columns_talk():
    network = zoo.get_model("alexnet", variant="cifar")
    sees_the_other = {}
    for name, channels in {"conv2": 96, "conv3": 256, "conv4": 384, "conv5": 384}.items():
        x = torch.rand(1, channels, 5, 5)
        changed = torch.cat([x[:, : channels // 2] + 1, x[:, channels // 2 :]], dim=1)
        layer = getattr(network, name)
        sees_the_other[name] = not torch.equal(layer(x).chunk(2, dim=1)[1], layer(changed).chunk(2, dim=1)[1])
    assert sees_the_other == {"conv2": False, "conv3": True, "conv4": False, "conv5": False}


@pytest.mark.parametrize(
    ("options", "bias", "spreads"),
    [
        (SMALL, 1.0, {}),
        ({"variant": "cifar", "init": "code"}, 1.0, dict.fromkeys(("conv3", "conv4", "conv5"), 0.03)),
        ({"variant": "one_gpu", **SMALL}, 1.0, {}),
        ({"variant": "caffe", **SMALL, "input_size": 67}, 0.1, dict.fromkeys(("fc6", "fc7"), 0.005)),
        ({"variant": "caffenet", **SMALL, "input_size": 67}, 1.0, dict.fromkeys(("fc6", "fc7"), 0.005)),
    ],
    ids=str,
)
def test_first_weights_and_biases(options, bias, spreads):
    network = zoo.get_model("alexnet", **options)
    for name in LAYERS:
        weight, spread = getattr(network, name).weight, spreads.get(name, 0.01)
        # Five standard errors of a mean and of a standard deviation; the fourth moment tells a normal distribution.
        assert abs(weight.mean()) < 5 * spread / weight.numel() ** 0.5
        assert weight.std().item() == pytest.approx(spread, rel=5 / (2 * weight.numel()) ** 0.5)
        assert (weight / spread).pow(4).mean().item() == pytest.approx(3, abs=5 * (96 / weight.numel()) ** 0.5)
        assert (getattr(network, name).bias == (bias if name in ONES else 0.0)).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"order": "caffe"}, "no order 'caffe'; there is paper, code"),
        ({"alpha": "1e-4"}, "no alpha '1e-4'; there is paper, code"),
        ({"init": "glorot"}, "no init 'glorot'; there is paper, code"),
        ({"variant": "torchvision", "order": "code"}, "order 'code' is for the variants paper, cifar, one_gpu, joined"),
        ({"variant": "caffe", "init": "code"}, "init 'code' is for .*, not for caffe"),
    ],
    ids=str,
)
def test_choices_that_do_not_exist_are_refused_in_one_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        zoo.get_model("alexnet", **options)


def layers(network):
    return {name: repr(layer) for name, layer in network.named_children()}


def test_a_loaded_network_has_the_options_it_was_trained_with(tmp_path):
    chosen = {"order": "code", "alpha": "code", "init": "code"}
    network = zoo.get_model("alexnet", variant="cifar", **chosen)
    description = {"name": network.name, "variant": network.variant, "options": network.options}
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    torch.save({"state_dict": state, NETWORK_KEY: description}, tmp_path / "last.ckpt")
    loaded = load(tmp_path / "last.ckpt")
    assert layers(loaded) == layers(network)
    assert layers(loaded) != layers(zoo.get_model("alexnet", variant="cifar"))
    assert {key: loaded.options[key] for key in chosen} == chosen
    x = images(32)
    assert torch.equal(loaded.eval()(x), network.eval()(x))


@pytest.mark.parametrize("order", ["paper", "code"])
def test_training_is_the_same_twice_under_deterministic_algorithms(order):
    torch.use_deterministic_algorithms(True)
    try:
        slopes = []
        for _ in range(2):
            torch.manual_seed(1)
            network = zoo.get_model("alexnet", variant="cifar", order=order).train()
            F.cross_entropy(network(images(32)), torch.tensor([3, 7])).backward()
            slopes.append([parameter.grad for parameter in network.parameters()])
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(first, second) for first, second in zip(*slopes, strict=True))
    assert all(slope.abs().max() > 0 for slope in slopes[0])


@pytest.mark.parametrize("p", [0.5, 0.2])
def test_dropout_of_2012_leaves_units_out_with_chance_p_and_scales_all_by_the_rest_at_test_time(p):
    layer, x = UnscaledDropout(p), torch.rand(100, 100) + 1
    torch.manual_seed(0)
    kept = layer(x)
    assert ((kept == 0) | (kept == x)).all()
    assert (kept == 0).float().mean() == pytest.approx(p, abs=0.02)
    torch.testing.assert_close(layer.eval()(x), (1 - p) * x)
    x = x.requires_grad_()
    torch.manual_seed(0)
    layer.train()(x).sum().backward()
    assert torch.equal(x.grad, (kept != 0).float())
