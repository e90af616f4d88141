"""cuda-convnet's networks against its layer files, its update rule written out, and a short training."""

import itertools

import pytest
import torch
import torch.nn.functional as F
import yaml
from conftest import ROOT
from torch import Tensor, nn

import zoo
from zoo.data.transforms import CIFAR10
from zoo.errors import InputError
from zoo.layers import Local2d, ResponseNorm, SameMapNorm
from zoo.models import CudaConvnetModel
from zoo.report.network import describe

pytestmark = pytest.mark.usefixtures("seeded")

VARIANTS = ("11pct", "13pct", "18pct", "26pct", "quick")
TOTALS = {
    "11pct": (2_112_970, 19_512_576),
    "13pct": (1_116_490, 18_517_248),
    "18pct": (89_578, 12_298_240),
    "26pct": (145_578, 12_354_176),
    "quick": (145_578, 12_354_176),
}
# Layer: output shape, parameters, multiply-accumulates; each weight of a local layer is used once.
BIG = {
    "conv1": ([64, 24, 24], 64 * 75 + 64, 64 * 75 * 576),
    "pool1": ([64, 12, 12], 0, 0),
    "conv2": ([64, 12, 12], 64 * 1600 + 64, 64 * 1600 * 144),
    "pool2": ([64, 6, 6], 0, 0),
}
SMALL = {
    "conv1": ([32, 32, 32], 32 * 75 + 32, 32 * 75 * 1024),
    "pool1": ([32, 16, 16], 0, 0),
    "conv2": ([32, 16, 16], 32 * 800 + 32, 32 * 800 * 256),
    "pool2": ([32, 8, 8], 0, 0),
    "conv3": ([64, 8, 8], 64 * 800 + 64, 64 * 800 * 64),
    "pool3": ([64, 4, 4], 0, 0),
}
TABLES = {
    "11pct": BIG
    | {
        "local3": ([64, 6, 6], 36 * (64 * 576 + 64), 36 * 64 * 576),
        "local4": ([32, 6, 6], 36 * (32 * 576 + 32), 36 * 32 * 576),
        "fc10": ([10], 11_530, 11_520),
    },
    "13pct": BIG
    | {
        "local3": ([32, 6, 6], 36 * (32 * 576 + 32), 36 * 32 * 576),
        "local4": ([32, 6, 6], 36 * (32 * 288 + 32), 36 * 32 * 288),
        "fc10": ([10], 11_530, 11_520),
    },
    "18pct": SMALL | {"fc10": ([10], 10_250, 10_240)},
    "26pct": SMALL | {"fc64": ([64], 65_600, 65_536), "fc10": ([10], 650, 640)},
    "quick": SMALL | {"fc64": ([64], 65_600, 65_536), "fc10": ([10], 650, 640)},
}
ORDERS = {
    "11pct": "conv1 relu1 pool1 rnorm1 conv2 relu2 rnorm2 pool2 local3 relu3 local4 relu4 flatten fc10",
    "13pct": "conv1 relu1 pool1 conv2 relu2 pool2 local3 relu3 local4 relu4 flatten fc10",
    "18pct": "conv1 pool1 relu1 rnorm1 conv2 relu2 pool2 rnorm2 conv3 relu3 pool3 flatten fc10",
    "26pct": "conv1 pool1 relu1 conv2 relu2 pool2 conv3 relu3 pool3 flatten fc64 relu4 fc10",
    # Caffe's cifar10_quick_train_test.prototxt, whose ip1 and ip2 are fc64 and fc10.
    "quick": "conv1 pool1 relu1 conv2 relu2 pool2 conv3 relu3 pool3 flatten fc64 fc10",
}
# "wc" and "initW" of the parameter and layer files.
WC = {
    "11pct": {"conv1": 0, "conv2": 0, "local3": 0.004, "local4": 0.004, "fc10": 0.01},
    "13pct": {"conv1": 0, "conv2": 0, "local3": 0.004, "local4": 0.004, "fc10": 0.004},
    "18pct": {"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc10": 1},
    "26pct": {"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc64": 0.03, "fc10": 0.03},
    "quick": {"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc64": 0.004, "fc10": 0.004},
}
INIT_W = {"conv1": 0.0001, "conv2": 0.01, "conv3": 0.01, "local3": 0.04, "local4": 0.04, "fc10": 0.01}
variants = pytest.mark.parametrize("variant", VARIANTS)


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def filled(variant: str) -> nn.Module:
    """The network in float64, with weights of a size that leaves a trace in the logits, and biases that do."""
    network = zoo.get_model("cuda_convnet", variant=variant).double()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.05)
    return network


@variants
def test_counts_in_all_and_layer_by_layer(variant):
    found = describe("cuda_convnet", variant)
    assert (found["parameters"], found["macs"]) == TOTALS[variant]
    assert found["published"]["parameters"] == found["parameters"]
    layers = {layer["name"]: layer for layer in found["layers"]}
    table = TABLES[variant]
    assert {k: tuple(layers[k][f] for f in ("output_shape", "parameters", "macs")) for k in table} == table
    assert all(layer["parameters"] == layer["macs"] == 0 for name, layer in layers.items() if name not in table)


@variants
def test_layers_stand_in_the_order_of_the_layer_file(variant):
    network = zoo.get_model("cuda_convnet", variant=variant)
    assert [name for name, _ in network.named_children()] == ORDERS[variant].split()


def test_poolings_round_up():
    start = (
        "does not fit 24 evenly: (24 - 3 + 2*0)/2 + 1 = 11.5, rounded up to 12; the last filters reach past the edge"
    )
    assert describe("cuda_convnet")["misfits"][0] == f"pool1: 3x3 at stride 2 {start} by 1."
    *_, last = describe("cuda_convnet", "18pct")["misfits"]
    assert last == (
        "pool3: 3x3 at stride 2 does not fit 8 evenly: (8 - 3 + 2*0)/2 + 1 = 3.5, rounded up to 4;"
        " the last filters reach past the edge by 1 and average what lies inside."
    )


def average(x: Tensor) -> Tensor:
    """3x3 at stride 2, each sum divided by the number of pixels there are."""
    pad = (0, 1, 0, 1)
    return F.avg_pool2d(F.pad(x, pad), 3, 2) / F.avg_pool2d(F.pad(torch.ones_like(x), pad), 3, 2)


def largest(x: Tensor) -> Tensor:
    return F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 3, 2)


def within_maps(x: Tensor) -> Tensor:
    """scale 5e-5 over 3x3 pixels, pow 0.75."""
    return x / (1 + 5e-5 * F.avg_pool2d(x**2, 3, 1, padding=1)) ** 0.75


def across_maps(x: Tensor) -> Tensor:
    """scale 0.001 over nine maps, pow 0.75; torch divides by the nine as cuda-convnet does."""
    return F.local_response_norm(x, 9, alpha=0.001, beta=0.75, k=1.0)


def convolved(network: nn.Module, name: str, x: Tensor) -> Tensor:
    layer = getattr(network, name)
    return F.conv2d(x, layer.weight, layer.bias, padding=2)


def connected(layer: nn.Module, x: Tensor) -> Tensor:
    """A local 3x3 layer with padding 1, or a full one."""
    if x.ndim == 2:
        return x @ layer.weight.T + layer.bias
    x = F.pad(x, (1, 1, 1, 1))
    out = torch.empty(len(x), *layer.bias.shape, dtype=x.dtype)
    for i, j in itertools.product(range(6), range(6)):
        out[:, :, i, j] = torch.einsum("ncyx,ocyx->no", x[:, :, i : i + 3, j : j + 3], layer.weight[i, j])
    return out + layer.bias


@pytest.mark.parametrize("variant", ["18pct", "26pct", "quick"])
def test_the_small_networks_are_the_chain_of_their_files_written_out(variant):
    network, images = filled(variant), 60 * random(3, 3, 32, 32)
    norm = within_maps if variant == "18pct" else nn.Identity()
    x = norm(F.relu(largest(convolved(network, "conv1", images))))
    # The first layer files had ReLU before the pooling: the same numbers.
    torch.testing.assert_close(x, norm(largest(F.relu(convolved(network, "conv1", images)))), rtol=0, atol=0)
    x = norm(average(F.relu(convolved(network, "conv2", x))))
    x = average(F.relu(convolved(network, "conv3", x))).flatten(1)
    if variant == "26pct":
        x = F.relu(connected(network.fc64, x))
    elif variant == "quick":
        x = connected(network.fc64, x)
    torch.testing.assert_close(network(images), connected(network.fc10, x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("variant", ["11pct", "13pct"])
def test_the_local_networks_are_the_chain_of_their_files_written_out(variant):
    network, images = filled(variant), 60 * random(3, 3, 24, 24)
    norm = across_maps if variant == "11pct" else nn.Identity()
    x = norm(largest(F.relu(convolved(network, "conv1", images))))
    x = largest(norm(F.relu(convolved(network, "conv2", x))))
    x = F.relu(connected(network.local4, F.relu(connected(network.local3, x))))
    torch.testing.assert_close(network(images), connected(network.fc10, x.flatten(1)), rtol=1e-10, atol=1e-10)


def test_normalisation_matters_at_the_scale_of_pixels():
    # A scale wrong by nine would pass through a test on activations so small that nothing is normalised.
    x = 60 * random(1, 16, 5, 5)
    for layer in (zoo.get_model("cuda_convnet").rnorm1, zoo.get_model("cuda_convnet", variant="18pct").rnorm1):
        assert isinstance(layer, (ResponseNorm, SameMapNorm))
        assert (layer(x) / x).min() < 0.97


@variants
def test_initial_weights_have_the_spread_of_the_layer_file_and_biases_are_zero(variant):
    network = zoo.get_model("cuda_convnet", variant=variant)
    spreads = INIT_W | ({"fc64": 0.1, "fc10": 0.1} if variant in ("26pct", "quick") else {})
    for name in WC[variant]:
        weight, bias = getattr(network, name).weight, getattr(network, name).bias
        assert weight.std().item() == pytest.approx(spreads[name], rel=5 / (2 * weight.numel()) ** 0.5)
        assert (bias == 0).all()


@variants
def test_every_layer_reaches_the_optimiser_with_its_own_weight_decay_and_biases_with_none(variant):
    with torch.device("meta"):
        model = CudaConvnetModel(variant)
    names = {id(parameter): name for name, parameter in model.network.named_parameters()}
    found = {
        names[id(p)]: (group["lr"], group["weight_decay"])
        for group in model.configure_optimizers().param_groups
        for p in group["params"]
    }
    expected = {f"{name}.weight": (0.001, wc) for name, wc in WC[variant].items()}
    assert found == expected | {f"{name}.bias": (0.002, 0) for name in WC[variant]}
    # Those of a local layer have three dimensions, and are biases all the same.
    assert set(found) == set(names.values())


@variants
def test_steps_are_those_of_cuda_convnets_rule(variant):
    model = CudaConvnetModel(variant).double()
    size = model.network.input_shape[1]
    images, labels = 60 * random(4, 3, size, size), torch.tensor([0, 3, 5, 9])
    weights = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    momenta = {name: torch.zeros_like(p) for name, p in weights.items()}
    optimizer = model.configure_optimizers()
    for step in range(3):
        drop = 0.1**step
        for group, rate in zip(optimizer.param_groups, [0.001] * len(WC[variant]) + [0.002], strict=True):
            group["lr"] = rate * drop
        log_probabilities = torch.func.functional_call(
            model.network, {name: w.requires_grad_() for name, w in weights.items()}, images
        ).log_softmax(1)
        # The sum over the batch, as its kernels leave it; the rate is divided by the number of images.
        slopes = torch.autograd.grad(-log_probabilities[range(4), labels].sum(), list(weights.values()))
        for (name, weight), slope in zip(weights.items(), slopes, strict=True):
            layer, _, kind = name.partition(".")
            rate, wc = (0.002 * drop, 0) if kind == "bias" else (0.001 * drop, WC[variant][layer])
            momenta[name] = 0.9 * momenta[name] - rate / 4 * slope - wc * rate * weight.detach()
            weights[name] = weight.detach() + momenta[name]
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    for name, parameter in model.network.named_parameters():
        torch.testing.assert_close(parameter, weights[name], rtol=1e-9, atol=1e-12)


def test_the_weight_decay_table_can_be_given_and_names_all_layers():
    table = dict.fromkeys(WC["18pct"], 0.5)
    groups = CudaConvnetModel("18pct", weight_decay=table).parameter_groups()
    assert [group["weight_decay"] for group in groups] == [0.5] * 4 + [0]
    with pytest.raises(ValueError, match="conv1, conv2, conv3, fc10, not conv1, fc9"):
        CudaConvnetModel("18pct", weight_decay={"conv1": 0.1, "fc9": 0.1})


def test_an_optimizer_with_a_weight_decay_of_its_own_is_refused():
    model = CudaConvnetModel("26pct", optimizer=lambda groups: torch.optim.SGD(groups, lr=0.1, weight_decay=0.3))
    with pytest.raises(InputError, match=r"weight_decay is 0\.3.*model\.weight_decay"):
        model.configure_optimizers()


@pytest.fixture
def _deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def coloured(number: int, size: int) -> tuple[Tensor, Tensor]:
    """Images of four classes on the scale of 0..255 less the mean: stripes lengthwise or across, red or blue."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(4, (number,), generator=generator)
    images = 20 * torch.randn(number, 3, size, size, generator=generator)
    stripes = 60 * torch.sin(torch.arange(size) * 1.5)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[2 * (label % 2)] += stripes if label < 2 else stripes[:, None]
    return images, labels


def trained(variant: str, steps: int, number: int) -> tuple[list[float], Tensor]:
    torch.manual_seed(0)
    model = CudaConvnetModel(variant)
    images, labels = coloured(number, model.network.input_shape[1])
    optimizer, losses = model.configure_optimizers(), []
    for _ in range(steps):
        loss = model.losses(model(images), labels).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, torch.cat([p.detach().flatten() for p in model.network.parameters()])


@variants
@pytest.mark.usefixtures("_deterministic")
def test_deterministic_algorithms_train_it_twice_to_the_same_bits(variant):
    (_, first), (_, second) = trained(variant, 2, 3), trained(variant, 2, 3)
    assert torch.equal(first, second)
    assert first.isfinite().all()


def test_the_loss_of_18pct_starts_at_log_ten_and_falls():
    losses, _ = trained("18pct", 60, 16)
    assert losses[0] == pytest.approx(2.3026, abs=0.01)
    assert losses[-1] < 1.0


def test_there_is_no_such_variant_or_size():
    with pytest.raises(ValueError, match=r"'paper'.*11pct, 13pct, 18pct, 26pct, quick"):
        zoo.get_model("cuda_convnet", variant="paper")
    for variant, smallest in (("11pct", 6), ("26pct", 12)):
        network = zoo.get_model("cuda_convnet", variant=variant, input_size=smallest, num_classes=3)
        assert network(torch.zeros(1, 3, smallest, smallest)).shape == (1, 3)
        with pytest.raises(ValueError, match=f"{variant} form does not fit images of {smallest - 1}x"):
            zoo.get_model("cuda_convnet", variant=variant, input_size=smallest - 1)


def test_local_layers_share_nothing():
    network = zoo.get_model("cuda_convnet")
    assert isinstance(network.local3, Local2d)
    assert network.local3.weight.shape == (6, 6, 64, 64, 3, 3)
    assert network.local3.bias.shape == (64, 6, 6)


@pytest.mark.parametrize(
    ("variant", "protocol", "corners", "mirrored"),
    [
        # The data providers of 2011 and of March 2012: first rows and columns of the crops, and whether also mirrored.
        ("13pct", "nine crops", [(y, x) for y in (0, 4, 8) for x in (0, 4, 8)], (False,)),
        ("11pct", "ten crops", [(0, 0), (0, 8), (4, 4), (8, 0), (8, 8)], (False, True)),
    ],
)
def test_local_networks_are_tested_on_the_mean_over_crops(variant, protocol, corners, mirrored):
    model = CudaConvnetModel(variant).double().eval()
    model.network.load_state_dict(filled(variant).state_dict())
    images = 20 * random(3, 3, 32, 32)
    expected = torch.zeros(3, 10, dtype=torch.float64)
    for (y, x), mirror in itertools.product(corners, mirrored):
        crop = images[:, :, y : y + 24, x : x + 24]
        logits = model.network(crop.flip(3) if mirror else crop)
        expected += logits.softmax(1) / (len(corners) * len(mirrored))
    assert model.protocol == protocol
    torch.testing.assert_close(model.test_logits(images).softmax(1), expected, rtol=1e-10, atol=1e-12)
    assert torch.equal(model(images), model.network(images[:, :, 4:28, 4:28]))


def test_the_networks_without_augmentation_are_tested_on_the_image_itself():
    model = CudaConvnetModel("26pct").double().eval()
    images = random(2, 3, 32, 32)
    assert model.protocol == "single view"
    assert torch.equal(model.test_logits(images), model.network(images))


def test_images_of_another_size_are_refused_in_training_and_small_ones_always():
    model = CudaConvnetModel("13pct")
    with pytest.raises(InputError, match=r"24x24, not of 32x32.*data\.transform"):
        model.train()(torch.zeros(1, 3, 32, 32))
    with pytest.raises(InputError, match=r"32x32, not of 24x24.*model\.input_size to 24"):
        CudaConvnetModel("18pct").eval()(torch.zeros(1, 3, 24, 24))


@pytest.mark.parametrize("variant", ["11pct", "13pct", "18pct", "26pct"])
def test_a_config_holds_the_published_table_and_feeds_the_network_what_it_takes(variant):
    settings = yaml.safe_load((ROOT / "configs" / f"cuda_convnet_{variant}_cifar10.yaml").read_text())
    model, data = settings["model"]["init_args"], settings["data"]["init_args"]
    assert (model["variant"], model["weight_decay"]) == (variant, WC[variant])
    transform = CIFAR10[data["transform"]]
    images = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    fitted = transform.fitted(images)
    batch = fitted(images, torch.rand(4, fitted.num_random) if fitted.num_random else None)
    assert batch.abs().max() > 50  # pixels of 0..255
    network = CudaConvnetModel(**{key: model[key] for key in ("variant", "weight_decay")})
    assert network.train()(batch).shape == network.eval()(fitted(images)).shape == (4, 10)
