"""State dicts of the forms that public PyTorch code gives to LeNet-5, VGG and AlexNet, against those networks' logits.

The foreign networks are built here from the lists of layers in their repositories, under their names of modules.
"""

import os
import pickle
from collections import OrderedDict

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
import torchvision
from conftest import slow_where
from export_cases import randomized
from torch import Tensor, nn

import zoo
from zoo.errors import InputError
from zoo.weights import from_state_dict


class Tutorial(nn.Module):
    """LeNet-5 as the tutorials write it; ``read`` channels, ``flat`` features, convolutions padded by ``pad``."""

    def __init__(self, read: int, flat: int, pad: int = 0) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(read, 6, 5, padding=pad), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(flat, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class HeadFirst(Tutorial):
    """The same with its modules made in another order."""

    def __init__(self) -> None:
        super().__init__(1, 400)
        for name in ("conv2", "fc3", "conv1"):
            module = getattr(self, name)
            delattr(self, name)
            setattr(self, name, module)


def convolutional_lenet() -> nn.Module:
    """C5 as a convolution over the whole map, in named blocks."""
    convnet = [
        ("c1", nn.Conv2d(1, 6, 5)), ("relu1", nn.ReLU()), ("s2", nn.MaxPool2d(2)),
        ("c3", nn.Conv2d(6, 16, 5)), ("relu3", nn.ReLU()), ("s4", nn.MaxPool2d(2)),
        ("c5", nn.Conv2d(16, 120, 5)), ("relu5", nn.ReLU()),
    ]  # fmt: skip
    fc = [("f6", nn.Linear(120, 84)), ("relu6", nn.ReLU()), ("f7", nn.Linear(84, 10)), ("sig7", nn.LogSoftmax(-1))]
    return nn.Sequential(
        OrderedDict(convnet=nn.Sequential(OrderedDict(convnet)), flat=nn.Flatten(), fc=nn.Sequential(OrderedDict(fc)))
    )


def big_lenet() -> nn.Module:
    """The net of Caffe's MNIST example."""
    layers = [nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


VGG = {
    11: "64 M 128 M 256 256 M 512 512 M 512 512 M",
    13: "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    16: "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    19: "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


def vgg(depth: int, norm: bool, classifier: nn.Module, bias: bool = True) -> nn.Module:
    layers: list[nn.Module] = []
    read = 3
    for width in VGG[depth].split():
        if width == "M":
            layers.append(nn.MaxPool2d(2))
            continue
        layers.append(nn.Conv2d(read, int(width), 3, padding=1, bias=bias))
        layers += [nn.BatchNorm2d(int(width))] if norm else []
        layers.append(nn.ReLU(inplace=True))
        read = int(width)
    return nn.Sequential(OrderedDict(features=nn.Sequential(*layers), flat=nn.Flatten(), classifier=classifier))


def huyvnphan_head() -> nn.Module:
    return nn.Sequential(
        nn.Linear(512, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(),
        nn.Linear(4096, 10),
    )  # fmt: skip


def chengyangfu_head() -> nn.Module:
    return nn.Sequential(
        nn.Dropout(), nn.Linear(512, 512), nn.ReLU(), nn.Dropout(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )


def bearpaw_alexnet() -> nn.Module:
    features = [nn.Conv2d(3, 64, 11, stride=4, padding=5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(64, 192, 5, padding=2)]
    features += [nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()]
    features += [nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()]
    features += [nn.MaxPool2d(2)]
    return nn.Sequential(
        OrderedDict(features=nn.Sequential(*features), flat=nn.Flatten(), classifier=nn.Linear(256, 10))
    )


def torchvision_alexnet() -> nn.Module:
    return torchvision.models.alexnet(num_classes=10, dropout=0)


# What is built, the zoo's name and variant, the options that are found, and the images' shape.
FORMS = {
    "CIFAR tutorial, kuangliu LeNet": (lambda: Tutorial(3, 400), "lenet5", "modern", {"in_channels": 3}, (3, 32, 32)),
    "LeNet 32x32": (lambda: Tutorial(1, 400), "lenet5", "modern", {"input_size": 32}, (1, 32, 32)),
    "LeNet 28x28": (lambda: Tutorial(1, 256), "lenet5", "modern", {"input_size": 28}, (1, 28, 28)),
    "LeNet, head first": (HeadFirst, "lenet5", "modern", {}, (1, 32, 32)),
    "LeNet, convolutions": (convolutional_lenet, "lenet5", "modern", {}, (1, 32, 32)),
    "LeNet of Caffe": (big_lenet, "lenet5", "caffe", {}, (1, 28, 28)),
    "kuangliu VGG16": (lambda: vgg(16, True, nn.Linear(512, 10)), "vgg16", "bn", {"head": "linear"}, (3, 32, 32)),
    "bearpaw vgg19_bn": (
        lambda: vgg(19, True, nn.Linear(512, 100)), "vgg19", "bn", {"num_classes": 100}, (3, 32, 32),
    ),
    "bearpaw vgg11": (lambda: vgg(11, False, nn.Linear(512, 10)), "vgg11", "paper", {"head": "linear"}, (3, 32, 32)),
    "huyvnphan vgg13_bn": (lambda: vgg(13, True, huyvnphan_head()), "vgg13", "bn", {"head": "paper"}, (3, 32, 32)),
    "chengyangfu vgg16": (lambda: vgg(16, False, chengyangfu_head()), "vgg16", "paper", {"head": "512"}, (3, 32, 32)),
    "VGG11 without biases": (
        lambda: vgg(11, True, nn.Linear(512, 10), bias=False), "vgg11", "bn", {"input_size": 32}, (3, 32, 32),
    ),
    "bearpaw AlexNet": (bearpaw_alexnet, "alexnet", "bearpaw", {"num_classes": 10}, (3, 32, 32)),
    "torchvision AlexNet": (torchvision_alexnet, "alexnet", "torchvision", {"num_classes": 10}, (3, 224, 224)),
}  # fmt: skip


def made(form: str) -> nn.Module:
    network = FORMS[form][0]().eval()
    network.name = form
    return randomized(network)


def assert_same(foreign: nn.Module, network: nn.Module, shape: tuple[int, ...]) -> None:
    images = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1))
    assert network.training
    network.eval()
    with torch.inference_mode():
        expected, found = foreign(images), network(images)
        if expected.exp().sum(dim=1).allclose(torch.ones(3)):
            # It ends in log-softmax.
            found = found.log_softmax(dim=1)
    assert expected.std() > 0.05
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


# These two have more weights than all others together.
@pytest.mark.parametrize("form", slow_where(lambda form: form in ("huyvnphan vgg13_bn", "bearpaw vgg19_bn"), FORMS))
def test_logits_are_those_of_the_foreign_network(tmp_path, form):
    foreign = made(form)
    torch.save(foreign.state_dict(), tmp_path / "weights.pth")
    _, name, variant, options, shape = FORMS[form]
    network = from_state_dict(tmp_path / "weights.pth", name, variant=variant)
    assert (network.name, network.variant, network.input_shape) == (name, variant, shape)
    assert {key: network.options[key] for key in options} == options
    assert_same(foreign, network, shape)


@pytest.mark.parametrize(("form", "variant"), [("kuangliu VGG16", "bn"), ("bearpaw AlexNet", "bearpaw")])
def test_the_variant_follows_where_the_shapes_tell_it(form, variant):
    foreign, (_, name, _, _, shape) = made(form), FORMS[form]
    network = from_state_dict(foreign.state_dict(), name)
    assert network.variant == variant
    assert_same(foreign, network, shape)


def wrapped(state: dict, way: str) -> object:
    """As the training scripts of public repositories save it."""
    step = {"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    parallel = {f"module.{key}": value for key, value in state.items()}
    return {
        "kuangliu": {"net": parallel, "acc": 93.02, "epoch": 199},
        "bearpaw": {"epoch": 164, "state_dict": OrderedDict(parallel), "acc": 93.1, "optimizer": step},
        "chengyangfu": {
            "epoch": 300, "best_prec1": 92.4,
            "state_dict": {key.replace("features.", "features.module."): value for key, value in state.items()},
        },
        "lightning": {
            "epoch": 1, "global_step": 10, "pytorch-lightning_version": "2.6.6", "loops": {"fit_loop": {}},
            "state_dict": {f"model.{key}": value for key, value in state.items()},
            "optimizer_states": [step], "lr_schedulers": [], "hyper_parameters": {"lr": 0.1},
        },
    }[way]  # fmt: skip


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("way", ["kuangliu", "bearpaw", "chengyangfu", "lightning"])
def test_wrappers_and_prefixes_are_taken_off(tmp_path, way, legacy):
    foreign = made("bearpaw vgg11")
    file = tmp_path / "checkpoint.pth.tar"
    torch.save(wrapped(foreign.state_dict(), way), file, _use_new_zipfile_serialization=not legacy)
    assert_same(foreign, from_state_dict(file, "vgg11", variant="paper"), (3, 32, 32))


@pytest.mark.parametrize("form", ["kuangliu VGG16", "LeNet, head first", "huyvnphan vgg13_bn"])
def test_safetensors_are_matched_by_numbers_though_sorted_by_name(tmp_path, form):
    foreign, (_, name, variant, _, shape) = made(form), FORMS[form]
    file = tmp_path / "model.safetensors"
    safetensors.torch.save_file({f"module.{key}": value for key, value in foreign.state_dict().items()}, file)
    # features.10 comes before features.3 in such a file.
    assert [*safetensors.torch.load_file(file)] != [f"module.{key}" for key in foreign.state_dict()]
    assert_same(foreign, from_state_dict(file, name, variant=variant), shape)


def test_half_precision_and_files_before_num_batches_tracked_are_read(tmp_path):
    foreign = made("VGG11 without biases")
    state = {key: value for key, value in foreign.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save({key: value.double() for key, value in state.items()}, tmp_path / "double.pth")
    assert_same(foreign, from_state_dict(tmp_path / "double.pth", "vgg11", variant="bn"), (3, 32, 32))
    half = from_state_dict({key: value.half() for key, value in state.items()}, "vgg11", variant="bn")
    assert half.conv1_1.weight.dtype == torch.float32
    assert torch.equal(half.conv1_1.weight, foreign.features[0].weight.half().float())


def test_random_numbers_of_the_caller_are_not_used_up():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    from_state_dict(LENET, "lenet5")
    assert torch.equal(torch.rand(3), expected)


def without(state: dict, part: str) -> dict:
    return {key: value for key, value in state.items() if part not in key}


def renamed(state: dict, *names: str) -> dict:
    """The layers of a VGG's blocks under names that no number tells apart."""
    layers = list(dict.fromkeys(key.rpartition(".")[0] for key in state))
    new = dict(zip(layers, names or [chr(ord("z") - n) * 2 for n in range(len(layers))], strict=True))
    return {f"{new[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": value for key, value in state.items()}


def swapped(state: dict) -> dict:
    """The same entries, the first of them at the end."""
    entries = list(state.items())
    return dict(entries[2:] + entries[:2])


def test_order_alone_tells_layers_apart_where_all_stand_as_in_the_network(tmp_path):
    foreign = made("bearpaw vgg11")
    state = renamed(foreign.state_dict())
    assert_same(foreign, from_state_dict(state, "vgg11", variant="paper"), (3, 32, 32))
    with pytest.raises(InputError, match="neither order nor names tell uu and tt apart"):
        from_state_dict(swapped(state), "vgg11", variant="paper")
    safetensors.torch.save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=r"a\.safetensors .* neither order nor names tell"):
        from_state_dict(tmp_path / "a.safetensors", "vgg11", variant="paper")


def test_an_order_that_numbers_contradict_is_refused():
    entries = list(made("bearpaw vgg11").state_dict().items())
    # features.16 and features.18, both 512 x 512 x 3 x 3.
    turned = dict(entries[:12] + entries[14:16] + entries[12:14] + entries[16:])
    assert [*turned][12].startswith("features.18")
    with pytest.raises(InputError, match=r"tell features\.\d+ and features\.\d+ apart"):
        from_state_dict(turned, "vgg11", variant="paper")


LENET = Tutorial(1, 400).state_dict()
VGG11 = vgg(11, False, nn.Linear(512, 10)).state_dict()


def name_is_wrong(words):
    """Whether it is the call that is refused, before what the file holds."""
    return any(part in words for part in ("has no option", "has no variant", "built with", "no network"))


@pytest.mark.parametrize(
    ("state", "asked", "words"),
    [
        (LENET, {"name": "resnet18"}, "no network 'resnet18'"),
        (LENET, {"name": "lenet5", "variant": "wide"}, "lenet5 has no variant 'wide': there is paper, "),
        (LENET, {"name": "lenet5", "depth": 3}, "lenet5 has no option 'depth': it takes num_classes, "),
        (VGG11, {"name": "vgg11", "sidelight": 3}, "vgg11 has no option 'sidelight': it takes num_classes, "),
        (LENET, {"name": "lenet5", "num_classes": -1}, "lenet5 cannot be built with num_classes=-1: [^_]*$"),
        (LENET, {"name": "lenet5", "num_classes": "ten"}, "lenet5 cannot be built with num_classes='ten': leave it to"),
        (LENET, {"name": "lenet5", "input_size": 30}, "lenet5 cannot be built with input_size=30: leave it to the"),
        (LENET, {"name": "lenet5", "variant": "paper"}, "does not hold the weights of lenet5 paper: it has"),
        (LENET, {"name": "lenet5", "variant": "modern", "num_classes": 7}, "weight 7x84, bias 7 for output"),
        (LENET, {"name": "lenet5", "variant": "modern", "in_channels": 3}, "weight 6x3x5x5, bias 6 for c1"),
        (LENET, {"name": "vgg16"}, "does not hold the weights of vgg16: it has no layer"),
        (without(LENET, "fc2"), {"name": "lenet5", "variant": "modern"}, "weight 84x120, bias 84 for f6"),
        (
            LENET | {"aux.weight": torch.zeros(3, 2), "aux.bias": torch.zeros(3)},
            {"name": "lenet5", "variant": "modern"},
            "the network has no place for 'aux' with weight 3x2, bias 3",
        ),
        (
            LENET | {"aux.weight": torch.zeros(3, 2)},
            {"name": "lenet5", "variant": "modern"},
            r"the network has no place for 'aux' with weight 3x2\.",
        ),
        (LENET | {"fc3.bias": torch.zeros(10).bool()}, {"name": "lenet5"}, r"'fc3\.bias' as torch\.bool, but weights"),
        (LENET | {"fc3.bias": torch.zeros(10).long()}, {"name": "lenet5"}, r"'fc3\.bias' as torch\.int64, but weights"),
        (
            LENET | {"pos_weight": torch.zeros(10)},
            {"name": "lenet5", "variant": "modern"},
            "no place for bare tensors with pos_weight 10",
        ),
        (LENET | {"conv2.weight": torch.zeros(16, 6, 25, 1)}, {"name": "lenet5"}, "c3 needs weight 16x6x5x5, not"),
        (LENET | {"fc3.bias": torch.full((10,), torch.nan)}, {"name": "lenet5"}, "NaN or infinite"),
        (LENET | {"fc3.bias": torch.zeros(10, dtype=torch.complex64)}, {"name": "lenet5"}, "a form that is no plain"),
        (VGG11, {"name": "vgg11"}, "fits vgg11 paper and vgg11 lrn: say which by variant"),
        (torch.zeros(3), {"name": "lenet5"}, "holds no tensors by their names"),
        ({}, {"name": "lenet5"}, "is empty"),
        ({"epoch": 3, "optimizer": {"state": {}}}, {"name": "lenet5"}, "holds no tensors by their names"),
        ({"net": LENET, "ema": LENET}, {"name": "lenet5"}, "several state dicts, net, ema"),
    ],
)  # fmt: skip
def test_what_does_not_fit_gets_one_sentence(tmp_path, state, asked, words):
    file = tmp_path / "weights.pth"
    torch.save(state, file)
    with pytest.raises(InputError, match=words) as refused:
        from_state_dict(file, **asked)
    assert "\n" not in str(refused.value)
    assert str(file) in str(refused.value) or name_is_wrong(words)


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.open, (str(self.target), os.O_CREAT | os.O_WRONLY)


@pytest.mark.parametrize("place", ["whole", "state", "beside", "module", "pickle", "legacy"])
def test_code_in_a_file_does_not_run(tmp_path, place):
    target, file = tmp_path / "executed", tmp_path / "weights.pth"
    content = {
        "whole": Payload(target),
        "legacy": Payload(target),
        "state": LENET | {"fc3.bias": Payload(target)},
        "beside": {"net": LENET, "args": Payload(target)},
        # A module pickled as it is, which torch.save(model) makes.
        "module": nn.Sequential(nn.Linear(3, 2)),
    }.get(place)
    if place == "pickle":
        file.write_bytes(pickle.dumps(Payload(target)))
    else:
        torch.save(content, file, _use_new_zipfile_serialization=place != "legacy")
    with pytest.raises(InputError, match=r"weights\.pth is cut short, .* save model\.state_dict\(\) alone") as refused:
        from_state_dict(file, "lenet5", variant="modern")
    assert "\n" not in str(refused.value)
    assert "weights_only" not in str(refused.value)
    assert not target.exists()


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.99])
def test_files_cut_short_are_refused(tmp_path, ending, kept):
    file = tmp_path / f"weights.{ending}"
    if ending == "pth":
        torch.save(LENET, file)
    else:
        safetensors.torch.save_file(LENET, file)
    file.write_bytes(file.read_bytes()[: int(kept * file.stat().st_size)])
    with pytest.raises(InputError, match=rf"weights\.{ending} is (cut short|not a whole)") as refused:
        from_state_dict(file, "lenet5")
    assert "\n" not in str(refused.value)


def test_a_state_dict_in_memory_is_looked_at_as_one_in_a_file():
    with pytest.raises(InputError, match=r"The state dict holds 'fc3\.bias' in a form that is no plain tensor"):
        from_state_dict(LENET | {"fc3.bias": torch.zeros(10).to_sparse()}, "lenet5")
    with pytest.raises(InputError, match="The state dict holds no tensors by their names, neither bare nor in a dict"):
        from_state_dict({"a": 1}, "lenet5")
    with pytest.raises(InputError, match=r"The state dict is empty: give what model\.state_dict\(\) returns\."):
        from_state_dict({}, "lenet5")


def test_a_missing_file_is_named(tmp_path):
    for path in (tmp_path, tmp_path / "none.pth"):
        with pytest.raises(InputError, match=f"There is no file {path}"):
            from_state_dict(path, "lenet5")


def test_the_names_are_public():
    assert {"from_convnetjs", "from_state_dict", "from_caffemodel"} <= set(zoo.weights.__all__)
    assert zoo.weights.from_state_dict is from_state_dict
