"""The reader of Caffe's files against files written here byte by byte, whole, cut short and spoilt."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from caffe_cases import caffemodel, field, new_blob, new_layer, number, old_blob
from torch import Tensor

import zoo
from zoo.errors import InputError
from zoo.weights import from_caffemodel
from zoo.weights.sources.caffe_messages import layers_of
from zoo.weights.sources.protobuf import BrokenMessageError, fields

# The smallest image that Caffe's AlexNet takes, and few classes.
SMALL = {"input_size": 67, "num_classes": 5}
ALEXNET = {
    "conv1": (96, 3, 11, 11), "conv2": (256, 48, 5, 5), "conv3": (384, 256, 3, 3), "conv4": (384, 192, 3, 3),
    "conv5": (256, 192, 3, 3), "fc6": (4096, 256), "fc7": (4096, 4096), "fc8": (5, 4096),
}  # fmt: skip
WIDTHS = {"1": (64, 64), "2": (128, 128), "3": (256,) * 3, "4": (512,) * 3, "5": (512,) * 3}


def random_weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, shape in shapes.items():
        # He's scale, so that the image reaches the logits.
        weight = torch.empty(shape).uniform_(-1, 1, generator=generator) * (6 / np.prod(shape[1:])) ** 0.5
        weights[name] = (weight, torch.empty(shape[0]).uniform_(-0.5, 0.5, generator=generator))
    return weights


def vgg16_shapes() -> dict[str, tuple[int, ...]]:
    shapes, channels = {}, 3
    for block, widths in WIDTHS.items():
        for place, width in enumerate(widths, start=1):
            shapes[f"conv{block}_{place}"] = (width, channels, 3, 3)
            channels = width
    return shapes | {"fc8": (10, 512)}


def alexnet_in_caffe(weights: dict[str, tuple[Tensor, Tensor]], x: Tensor, pool_first: bool) -> Tensor:
    def norm_and_pool(x: Tensor) -> Tensor:
        if pool_first:
            return F.local_response_norm(F.max_pool2d(x, 3, 2), 5, alpha=1e-4, beta=0.75, k=1.0)
        return F.max_pool2d(F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0), 3, 2)

    x = norm_and_pool(F.relu(F.conv2d(x, *weights["conv1"], stride=4)))
    x = norm_and_pool(F.relu(F.conv2d(x, *weights["conv2"], padding=2, groups=2)))
    x = F.relu(F.conv2d(x, *weights["conv3"], padding=1))
    x = F.relu(F.conv2d(x, *weights["conv4"], padding=1, groups=2))
    x = F.max_pool2d(F.relu(F.conv2d(x, *weights["conv5"], padding=1, groups=2)), 3, 2).flatten(1)
    return F.linear(F.relu(F.linear(F.relu(F.linear(x, *weights["fc6"])), *weights["fc7"])), *weights["fc8"])


def rgb(size: int) -> Tensor:
    return torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory):
    """Weights, and the folder with a file of each form."""
    folder, weights = tmp_path_factory.mktemp("caffe"), random_weights(ALEXNET)
    for form in ("old", "new"):
        (folder / f"{form}.caffemodel").write_bytes(caffemodel(weights, old=form == "old"))
    return weights, folder


@pytest.mark.parametrize(("name", "form"), [("alexnet", "old"), ("caffenet", "new")])
def test_logits_of_an_rgb_image_are_those_of_caffe_on_the_bgr_image(alexnet, name, form):
    weights, folder = alexnet
    found = from_caffemodel(folder / f"{form}.caffemodel", name, **SMALL)
    network = zoo.get_model(found.network, variant=found.variant, **SMALL).eval()
    network.load_state_dict(found.state, strict=True)
    bgr = rgb(67).flip(1).float() - torch.tensor([104.0069879, 116.6687676, 122.6789143]).view(3, 1, 1)
    with torch.inference_mode():
        expected = alexnet_in_caffe(weights, bgr, pool_first=name == "caffenet")
        actual = network(found.preprocessing.normalize(rgb(67)))
    assert expected.std() > 1
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-3)
    assert (found.preprocessing.size, found.preprocessing.scale) == (67, 1.0)


def test_logits_of_vgg16_are_those_of_caffe_on_the_bgr_image(tmp_path):
    weights = random_weights(vgg16_shapes())
    (tmp_path / "vgg.caffemodel").write_bytes(caffemodel(weights, old=True))
    options = {"input_size": 32, "num_classes": 10, "head": "linear"}
    found = from_caffemodel(tmp_path / "vgg.caffemodel", "vgg16", **options)
    with torch.device("meta"):
        network = zoo.get_model(found.network, variant=found.variant, **options)
    network.load_state_dict(found.state, strict=True, assign=True)
    x = rgb(32).flip(1).float() - torch.tensor([103.939, 116.779, 123.68]).view(3, 1, 1)
    with torch.inference_mode():
        actual = network(found.preprocessing.normalize(rgb(32)))
        for block, widths in WIDTHS.items():
            for place in range(1, len(widths) + 1):
                x = F.relu(F.conv2d(x, *weights[f"conv{block}_{place}"], padding=1))
            x = F.max_pool2d(x, 2)
        expected = F.linear(x.flatten(1), *weights["fc8"])
    assert expected.std() > 1
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-3)


def test_only_the_first_convolution_is_turned_round_and_the_rest_is_bit_for_bit(alexnet):
    weights, folder = alexnet
    for form in ("old", "new"):
        state = from_caffemodel(folder / f"{form}.caffemodel", "alexnet", **SMALL).state
        assert list(state) == [f"{name}.{part}" for name in ALEXNET for part in ("weight", "bias")]
        for name, (weight, bias) in weights.items():
            assert torch.equal(state[f"{name}.weight"], weight[:, [2, 1, 0]] if name == "conv1" else weight)
            assert torch.equal(state[f"{name}.bias"], bias)


def test_a_mean_image_is_cut_to_the_centre_and_turned_to_rgb(alexnet, tmp_path):
    image = torch.arange(3 * 71 * 73).reshape(3, 71, 73) / 61
    (tmp_path / "mean.binaryproto").write_bytes(old_blob(image))
    found = from_caffemodel(alexnet[1] / "new.caffemodel", "alexnet", tmp_path / "mean.binaryproto", **SMALL)
    bgr = rgb(67).flip(1).float() - image[:, 2:69, 3:70]
    assert torch.equal(found.preprocessing.normalize(rgb(67)), bgr.flip(1))


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (old_blob(torch.zeros(3, 66, 67)), r"\(3, 66, 67\), not a mean image of at least 3x67x67"),
        (old_blob(torch.zeros(1, 67, 67)), r"\(67, 67\), not a mean image"),
        (b"\x08", "does not hold a mean image: it ends within a number"),
    ],
    ids=["small", "grey", "short"],
)
def test_other_mean_images_are_refused(alexnet, tmp_path, contents, words):
    (tmp_path / "mean.binaryproto").write_bytes(contents)
    with pytest.raises(InputError, match=words):
        from_caffemodel(alexnet[1] / "new.caffemodel", "alexnet", tmp_path / "mean.binaryproto", **SMALL)


ONE, TWO = torch.zeros(2, 3), torch.zeros(2)
LAYERS = [new_layer(name, new_blob(ONE), new_blob(TWO)) for name in ALEXNET]


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (b"", "is empty"),
        (b"Caffe", "spoilt.caffemodel does not hold the weights of alexnet"),
        (b"".join(LAYERS[:3] + LAYERS[4:]), "no weights for conv4"),
        (b"".join(LAYERS), r"conv1.weight has the shape \(2, 3\), not \(96, 3, 11, 11\)"),
        (b"".join([*LAYERS, new_layer("conv6", new_blob(ONE))]), "'conv6', a layer that the network does not have"),
        (b"".join([*LAYERS, LAYERS[0]]), "the layer 'conv1' twice"),
        (b"".join([new_layer("conv1", new_blob(ONE)), *LAYERS[1:]]), "conv1 has 1 blobs, not a weight and a bias"),
        (field(100, 7), "a layer has the wire type 0, not 2"),
        (field(100, field(1, 7)), "a layer's name has the wire type 0"),
        (field(2, field(6, 7)), "a blob has the wire type 0"),
        (field(0, 7), "a field has the number 0"),
        (number(8 + 3), "field 1 has the wire type 3"),
        (b"\xff" * 11, "a number is longer than ten bytes"),
        (field(1, b"") * 100_001, "more than 100,000 fields"),
        (number(8 + 2) + number(2**62) + b"x", "beyond the end"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_caffemodel_of_the_network_is_refused_in_one_sentence(tmp_path, contents, words):
    file = tmp_path / "spoilt.caffemodel"
    file.write_bytes(contents)
    with pytest.raises(InputError, match=words) as refused:
        from_caffemodel(file, "alexnet")
    assert "\n" not in str(refused.value)
    assert "spoilt.caffemodel" in str(refused.value)


@pytest.mark.parametrize(
    ("blob", "words"),
    [
        (field(7, field(1, number(2**40))) + field(5, bytes(8)), r"\(1099511627776,\) has 8 bytes"),
        (field(7, field(1, number(1) * 33)) + field(5, bytes(4)), "more than 32 numbers"),
        (field(7, field(1, 1) * 33) + field(5, bytes(4)), "33 axes"),
        (field(1, b"2") + field(5, bytes(8)), "size has the wire type 2, not 0"),
        (field(1, 2), "in 0 lists"),
        (field(7, field(1, number(3))) + field(5, bytes(10)), "10 bytes"),
        (field(7, field(1, number(1))) + number(5 * 8 + 5) + bytes(4), "list of numbers has the wire type 5"),
    ],
    ids=str,
)
def test_spoilt_blobs_are_refused_before_anything_is_made_of_them(tmp_path, blob, words):
    file = tmp_path / "spoilt.caffemodel"
    file.write_bytes(b"".join([new_layer("conv1", blob, blob), *LAYERS[1:]]))
    with pytest.raises(InputError, match=words):
        from_caffemodel(file, "alexnet")


def test_missing_files_folders_and_other_names_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.caffemodel"):
        with pytest.raises(InputError, match=f"no file {path}"):
            from_caffemodel(path, "alexnet")
    with pytest.raises(
        InputError, match="'googlenet'; there is alexnet, caffenet, vgg16, lenet, cifar10_quick, cifar10_full"
    ):
        from_caffemodel(tmp_path, "googlenet")


@pytest.mark.parametrize("form", ["old", "new"])
def test_a_file_cut_short_anywhere_is_refused(alexnet, tmp_path, form):
    whole = (alexnet[1] / f"{form}.caffemodel").read_bytes()
    numbers = random.Random(0)
    ends = {len(whole) - 3 - n * n for n in range(1, 9)} | {numbers.randrange(1, len(whole) - 300) for _ in range(15)}
    ends |= {whole.index(name.encode()) + shift for name in ALEXNET for shift in (-7, -3, 0, 4, 9)}
    file = tmp_path / "short.caffemodel"
    file.write_bytes(whole)
    # What ends behind the last layer with weights is whole enough.
    last = whole.rindex(b"relu1") - 20
    for end in sorted((end for end in ends if end < last), reverse=True):
        with file.open("r+b") as opened:
            opened.truncate(end)
        with pytest.raises(InputError):
            from_caffemodel(file, "alexnet", **SMALL)


def test_random_and_changed_bytes_give_layers_or_one_kind_of_error():
    numbers = random.Random(0)
    # A little net: nearly all of its bytes say how it is built, not what the weights are.
    whole = b"".join(LAYERS) + caffemodel({"conv9": (ONE, TWO)}, old=True)
    outcomes = {"read": 0, "refused": 0}
    for trial in range(3000):
        if trial % 2:
            spoilt = numbers.randbytes(numbers.randrange(200))
        else:
            spoilt = bytearray(whole)
            for _ in range(numbers.randrange(1, 4)):
                spoilt[numbers.randrange(len(spoilt))] = numbers.randrange(256)
        try:
            layers = layers_of(memoryview(bytes(spoilt)))
            assert sum(len(blob) for blobs in layers.values() for blob in blobs) <= len(spoilt)
            outcomes["read"] += 1
        except BrokenMessageError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 100


def test_changed_bytes_in_a_file_give_weights_or_an_input_error(alexnet, tmp_path):
    whole = (alexnet[1] / "new.caffemodel").read_bytes()
    heads = [
        place for name in ALEXNET for place in range(whole.index(name.encode()) - 8, whole.index(name.encode()) + 40)
    ]
    numbers, file, refused = random.Random(0), tmp_path / "changed.caffemodel", 0
    file.write_bytes(whole)
    for place in numbers.sample(heads, 30):
        with file.open("r+b") as opened:
            opened.seek(place)
            opened.write(bytes([whole[place] ^ 1 << numbers.randrange(8)]))
        try:
            state = from_caffemodel(file, "alexnet", **SMALL).state
            assert sum(value.numel() for value in state.values()) < len(whole) / 4
        except InputError:
            refused += 1
        with file.open("r+b") as opened:
            opened.seek(place)
            opened.write(whole[place : place + 1])
    assert refused > 5


def test_the_reader_gives_every_field_as_written():
    message = field(3, 300) + number(4 * 8 + 1) + bytes(range(8)) + field(1, b"abc") + number(2 * 8 + 5) + b"wxyz"
    found = [(place, kind, value if kind == 0 else bytes(value)) for place, kind, value in fields(memoryview(message))]
    assert found == [(3, 0, 300), (4, 1, bytes(range(8))), (1, 2, b"abc"), (2, 5, b"wxyz")]
