"""Caffe's LeNet and CIFAR-10 networks from files that protobuf's own encoder wrote, against Caffe's layers written out.

The messages are those of caffe.proto. Their descriptors are built here; where the package pytorch2caffe is installed,
which carries the whole caffe.proto as protoc compiled it, its messages are written and read, too.
"""

import ast
import functools
import math
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from torch import Tensor

import zoo
from zoo.cli import main
from zoo.data import MNIST
from zoo.errors import InputError
from zoo.weights import from_caffemodel

LENET = {"conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "ip1": (500, 800), "ip2": (10, 500)}
QUICK = {
    "conv1": (32, 3, 5, 5), "conv2": (32, 32, 5, 5), "conv3": (64, 32, 5, 5), "ip1": (64, 1024), "ip2": (10, 64),
}  # fmt: skip
FULL = QUICK | {"ip1": (10, 1024)}
del FULL["ip2"]
SHAPES = {"lenet": LENET, "cifar10_quick": QUICK, "cifar10_full": FULL}
# Message: its fields as (name, number, kind); "*" repeats, "+" repeats packed.
SCHEMA = {
    "BlobShape": [("dim", 1, "+int64")],
    "BlobProto": [
        ("num", 1, "int32"), ("channels", 2, "int32"), ("height", 3, "int32"), ("width", 4, "int32"),
        ("data", 5, "+float"), ("diff", 6, "+float"), ("shape", 7, "BlobShape"),
    ],
    "ParamSpec": [("lr_mult", 3, "float"), ("decay_mult", 4, "float")],
    "LayerParameter": [
        ("name", 1, "string"), ("type", 2, "string"), ("bottom", 3, "*string"), ("top", 4, "*string"),
        ("param", 6, "*ParamSpec"), ("blobs", 7, "*BlobProto"), ("phase", 10, "int32"),
    ],
    "V1LayerParameter": [
        ("bottom", 2, "*string"), ("top", 3, "*string"), ("name", 4, "string"), ("type", 5, "int32"),
        ("blobs", 6, "*BlobProto"), ("blobs_lr", 7, "*float"), ("weight_decay", 8, "*float"),
    ],
    "NetParameter": [
        ("name", 1, "string"), ("layers", 2, "*V1LayerParameter"), ("input", 3, "*string"), ("input_dim", 4, "*int32"),
        ("force_backward", 5, "bool"), ("layer", 100, "*LayerParameter"),
    ],
}  # fmt: skip
# Convolution, inner product, ReLU and pooling in the old form's list of types.
OLD_TYPES = {"conv": 4, "ip": 14, "relu": 18, "pool": 17}


@functools.cache
def messages(schema: str) -> dict[str, type]:
    """The classes of Caffe's messages, by name."""
    file = descriptor_pb2.FileDescriptorProto()
    if schema == "whole":
        found = find_spec("pytorch2caffe")
        if found is None:
            pytest.skip("needs the package pytorch2caffe for the whole caffe.proto")
        text = Path(found.submodule_search_locations[0], "caffe_pb2.py").read_text()
        literals = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
        longest = max((value for value in literals if isinstance(value, str)), key=len)
        file.ParseFromString(longest.encode("latin1"))
    else:
        file.name, file.package = "caffe.proto", "caffe"
        for name, fields in SCHEMA.items():
            message = file.message_type.add(name=name)
            for field, number, kind in fields:
                bare = kind.lstrip("*+")
                added = message.field.add(name=field, number=number, label=3 if kind != bare else 1)
                if bare in SCHEMA:
                    added.type, added.type_name = added.TYPE_MESSAGE, f".caffe.{bare}"
                else:
                    added.type = getattr(added, f"TYPE_{bare.upper()}")
                added.options.packed = kind.startswith("+")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}")) for name in SCHEMA}


def fill(blob, values: Tensor, old: bool) -> None:
    blob.data.extend(values.flatten().tolist())
    if old:
        blob.num, blob.channels, blob.height, blob.width = [1] * (4 - values.ndim) + list(values.shape)
    else:
        blob.shape.dim.extend(values.shape)


def written(weights: dict[str, tuple[Tensor, Tensor]], form: str, name: str = "A net", schema: str = "ours") -> bytes:
    """A file as Caffe leaves it after training: data layers, layers without weights, learning rates, and the blobs."""
    net, old = messages(schema)["NetParameter"](name=name), form == "old"
    layers = net.layers if old else net.layer
    layers.add(name="data", top=["data", "label"])
    for layer, pair in weights.items():
        made = layers.add(name=layer, bottom=["data"], top=[layer])
        made.type = OLD_TYPES[layer.rstrip("0123456789")] if old else "Convolution"
        for values in pair:
            fill(made.blobs.add(), values, old)
        if old:
            made.blobs_lr.extend([1.0, 2.0])
        else:
            made.param.add(lr_mult=1.0)
            made.param.add(lr_mult=2.0)
        layers.add(name=f"after_{layer}", bottom=[layer], top=[layer]).type = OLD_TYPES["relu"] if old else "ReLU"
    layers.add(name="loss", bottom=[layer, "label"], top=["loss"])
    return net.SerializeToString()


def mean_file(values: Tensor) -> bytes:
    """As compute_image_mean writes it: the old four sizes."""
    blob = messages("ours")["BlobProto"]()
    fill(blob, values, old=True)
    return blob.SerializeToString()


def random_weights(name: str) -> dict[str, tuple[Tensor, Tensor]]:
    drawn, weights = torch.Generator().manual_seed(1), {}
    for layer, shape in SHAPES[name].items():
        weight = torch.empty(shape).uniform_(-1, 1, generator=drawn) * (6 / math.prod(shape[1:])) ** 0.5
        weights[layer] = (weight, torch.empty(shape[0]).uniform_(-0.5, 0.5, generator=drawn))
    return weights


def pooled(x: Tensor, kernel: int, stride: int, mean: bool) -> Tensor:
    """Caffe's pooling without padding: windows begin while they fit in part, and a mean is over what lies inside."""
    side = x.shape[2]
    starts = range(0, math.ceil((side - kernel) / stride) * stride + 1, stride)
    rows = []
    for top in starts:
        windows = [x[:, :, top : top + kernel, left : left + kernel].flatten(2) for left in starts]
        rows.append(torch.stack([window.mean(2) if mean else window.amax(2) for window in windows], dim=2))
    return torch.stack(rows, dim=2)


def within_channel(x: Tensor) -> Tensor:
    """Caffe's LRN WITHIN_CHANNEL with local_size 3, alpha 5e-5, beta 0.75: the padded zeros count in the mean."""
    squares = F.pad(x.square(), (1, 1, 1, 1))
    sums = sum(squares[:, :, i : i + x.shape[2], j : j + x.shape[3]] for i in range(3) for j in range(3))
    return x * (1 + 5e-5 * sums / 9) ** -0.75


def in_caffe(name: str, weights: dict[str, tuple[Tensor, Tensor]], x: Tensor) -> Tensor:
    """The layers of lenet.prototxt, cifar10_quick and cifar10_full, in their files' order; float64."""
    w = {layer: tuple(value.double() for value in pair) for layer, pair in weights.items()}
    if name == "lenet":
        x = pooled(F.conv2d(x, *w["conv1"]), 2, 2, mean=False)
        x = pooled(F.conv2d(x, *w["conv2"]), 2, 2, mean=False)
        return F.linear(F.linear(x.flatten(1), *w["ip1"]).clamp(min=0), *w["ip2"])
    norm = within_channel if name == "cifar10_full" else lambda x: x
    x = norm(pooled(F.conv2d(x, *w["conv1"], padding=2), 3, 2, mean=False).clamp(min=0))
    x = norm(pooled(F.conv2d(x, *w["conv2"], padding=2).clamp(min=0), 3, 2, mean=True))
    x = pooled(F.conv2d(x, *w["conv3"], padding=2).clamp(min=0), 3, 2, mean=True).flatten(1)
    x = F.linear(x, *w["ip1"])
    return F.linear(x, *w["ip2"]) if name == "cifar10_quick" else x


def pixels(name: str, count: int = 3) -> Tensor:
    shape = (1, 28, 28) if name == "lenet" else (3, 32, 32)
    return torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


MEAN = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(3)) * 100 + 70


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mean.binaryproto").write_bytes(mean_file(MEAN))
    return tmp_path


@pytest.mark.parametrize("schema", ["ours", "whole"])
@pytest.mark.parametrize("form", ["old", "new"])
@pytest.mark.parametrize("name", SHAPES)
def test_logits_are_those_of_caffes_layers(folder, name, form, schema):
    weights, file = random_weights(name), folder / "net.caffemodel"
    file.write_bytes(written(weights, form, schema=schema))
    mean = None if name == "lenet" else folder / "mean.binaryproto"
    found = from_caffemodel(file, name, mean)
    network = zoo.get_model(found.network, variant=found.variant)
    network.load_state_dict(found.state, strict=True)
    images = pixels(name)
    # CIFAR-10's channels stay in the order of its files: red, green, blue.
    shown = images.double() / 256 if name == "lenet" else images.double() - MEAN.double()
    with torch.inference_mode():
        actual = network(found.preprocessing.normalize(images))
    expected = in_caffe(name, weights, shown)
    assert expected.std() > 0.3
    torch.testing.assert_close(actual.double(), expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


@pytest.mark.parametrize("name", SHAPES)
def test_a_file_is_told_by_its_layers_and_found_by_path_with_its_preprocessing(folder, capsys, name):
    weights, file = random_weights(name), folder / "snapshot_iter_1.caffemodel"
    file.write_bytes(written(weights, "new"))
    found, images = zoo.get_weights(file), pixels(name)
    found.verify()
    assert (found.form, found.data.class_name) == (name, "MNIST" if name == "lenet" else "CIFAR10")
    shown = images.float() / 256 if name == "lenet" else images - MEAN
    torch.testing.assert_close(found.transforms(as_is=True)(images), shown, rtol=1e-6, atol=1e-6)
    expected = in_caffe(name, weights, shown.double())
    with torch.inference_mode():
        actual = found.network()(found.transforms(as_is=True)(images)).double()
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())
    assert main(["info", "weights", str(file)]) == 0
    assert f"{found.meta['network']}, {found.meta['variant']}" in capsys.readouterr().out


def test_the_transform_of_mnist_is_pixels_over_256():
    module = MNIST(transform="caffe")
    digits = pixels("lenet")
    torch.testing.assert_close(module.transform(module.transform.place(digits)), digits / 256)


def test_without_its_mean_image_a_cifar_network_says_so(folder, tmp_path):
    file = folder / "net.caffemodel"
    file.write_bytes(written(random_weights("cifar10_quick"), "new"))
    with pytest.raises(InputError, match=r"cifar10_quick subtracts a mean image: give it as mean_file"):
        from_caffemodel(file, "cifar10_quick")
    (folder / "mean.binaryproto").unlink()
    weights = zoo.get_weights(file)
    assert weights.network().variant == "quick"
    with pytest.raises(InputError, match=r"put it beside it as .*mean\.binaryproto"):
        weights.transforms()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (MEAN[:1], r"\(32, 32\), not a mean image of at least 3x32x32"),
        (MEAN[:, :31], r"\(3, 31, 32\), not a mean image"),
        (MEAN[None].repeat(2, 1, 1, 1), r"\(2, 3, 32, 32\), not a mean image"),
        (MEAN.masked_fill(MEAN[1, 2, 3] == MEAN, torch.nan), "no mean of pixels from 0 to 255"),
        (MEAN * 100, "no mean of pixels from 0 to 255"),
    ],
    ids=["grey", "small", "two", "nan", "large"],
)
def test_other_mean_images_are_refused(folder, values, words):
    (folder / "net.caffemodel").write_bytes(written(random_weights("cifar10_full"), "old"))
    (folder / "mean.binaryproto").write_bytes(mean_file(values))
    with pytest.raises(InputError, match=words):
        from_caffemodel(folder / "net.caffemodel", "cifar10_full", folder / "mean.binaryproto")


def test_a_grey_mean_image_is_taken_off_digits(folder):
    (folder / "net.caffemodel").write_bytes(written(random_weights("lenet"), "old"))
    (folder / "mean.binaryproto").write_bytes(mean_file(MEAN[:1, 2:30, 2:30]))
    found = from_caffemodel(folder / "net.caffemodel", "lenet", folder / "mean.binaryproto")
    digits = pixels("lenet")
    torch.testing.assert_close(found.preprocessing.normalize(digits), (digits - MEAN[:1, 2:30, 2:30]) / 256)


@pytest.mark.parametrize(
    ("held", "asked", "words"),
    [
        ("cifar10_quick", "cifar10_full", "weights for 'ip2', a layer that the network does not have"),
        ("cifar10_full", "cifar10_quick", "no weights for ip2"),
        ("lenet", "cifar10_quick", "no weights for conv3"),
        ("cifar10_quick", "lenet", "weights for 'conv3', a layer"),
        ("lenet", "alexnet", "no weights for conv3, conv4"),
    ],
)
def test_a_file_of_another_net_is_refused(folder, held, asked, words):
    (folder / "net.caffemodel").write_bytes(written(random_weights(held), "new"))
    with pytest.raises(InputError, match=words) as refused:
        from_caffemodel(folder / "net.caffemodel", asked, folder / "mean.binaryproto")
    assert "net.caffemodel does not hold the weights of" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_shapes_are_refused_under_caffes_own_names_of_layers(folder, capsys):
    weights = random_weights("cifar10_quick")
    weights["ip1"] = (torch.zeros(32, 1024), torch.zeros(32))
    (folder / "net.caffemodel").write_bytes(written(weights, "new"))
    with pytest.raises(InputError, match=r"ip1\.weight has the shape \(32, 1024\), not \(64, 1024\)"):
        from_caffemodel(folder / "net.caffemodel", "cifar10_quick", folder / "mean.binaryproto")
    assert main(["classify", str(folder / "net.caffemodel"), str(folder)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize("form", ["old", "new"])
@pytest.mark.parametrize("name", SHAPES)
def test_a_file_cut_short_is_refused(folder, name, form):
    file = folder / "net.caffemodel"
    whole = written(random_weights(name), form)
    # What ends behind the last layer with weights is whole enough.
    last = whole.rindex(b"after_ip") - 20
    for part in (0.001, 0.1, 0.5, 0.9, 1.0):
        file.write_bytes(whole[: int(part * last)])
        with pytest.raises(InputError, match=r"net\.caffemodel") as refused:
            from_caffemodel(file, name, folder / "mean.binaryproto")
        assert "\n" not in str(refused.value)


def test_weights_that_are_no_numbers_and_options_of_another_network_are_refused(folder):
    weights = random_weights("cifar10_full")
    next(iter(weights.values()))[0][0] = torch.nan
    (folder / "net.caffemodel").write_bytes(written(weights, "new"))
    with pytest.raises(InputError, match="numbers that are NaN or infinite"):
        from_caffemodel(folder / "net.caffemodel", "cifar10_full", folder / "mean.binaryproto")
    with pytest.raises(InputError, match=r"cifar10_full cannot be built: .*'depth'"):
        from_caffemodel(folder / "net.caffemodel", "cifar10_full", folder / "mean.binaryproto", depth=3)
