"""ONNX: the same classes as torch on real images, and a file that says what it is."""

import base64
import importlib.util
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from conftest import ROOT, slow_where
from export_cases import CASES, RandomWeights, real_images, top_five_agree

import zoo
from zoo.errors import InputError
from zoo.weights.export import graphs
from zoo.weights.export.metadata import metadata_of
from zoo.weights.export.write import export


def logits_of(path, images):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"images": images.numpy()})[0]


def check_file(weights, path):
    images = weights.transforms()(real_images(weights))
    with torch.inference_mode():
        expected = weights.network().eval()(images).numpy()
    found = np.concatenate([logits_of(path, images[:1]), logits_of(path, images[1:])])
    # Near-ties may change places; they are rare, or the order would say nothing.
    assert top_five_agree(expected, found) >= len(images) - 3
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.nanmax(np.abs(expected), initial=1))


# One of each form: on other data its graph is the same, and what is to be known of them is tested below.
SHIPPED = {name.partition("/")[0]: name for name in zoo.list_weights() if not name.startswith("torchvision/")}.values()
FORMS = {name.partition("/")[0] for name in SHIPPED}
# Random weights stand for the forms that none are shipped of.
RANDOM = [case for case in CASES if case not in FORMS | {"lenet5-3-channels"}]


# Of the small ones three have all the operators of the others.
SMALL = ("lenet5/mnist", "mark1", "cuda_convnet-18pct/cifar10")


@pytest.mark.parametrize("name", slow_where(lambda name: name not in SMALL, [*SHIPPED, *RANDOM]))
def test_onnx_runtime_gives_the_same_top_five_on_a_hundred_real_images(tmp_path, name):
    weights, path = zoo.get_weights(name) if name in SHIPPED else RandomWeights(name), tmp_path / "network.onnx"
    done = export(weights, "onnx", path)
    assert [file.name for file in tmp_path.iterdir()] == ["network.onnx"]
    assert done.num_bytes == path.stat().st_size
    assert done.agreement.same_top == done.num_real + done.num_random == 24
    model = onnx.load(path)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", graphs.OPSET)]
    (entering,), (leaving,) = model.graph.input, model.graph.output
    assert (entering.name, leaving.name) == ("images", "logits")
    network = weights.bare_network()
    for value, shape in ((entering, network.input_shape), (leaving, (network.num_classes,))):
        assert [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim] == ["batch", *shape]
    assert {entry.key: entry.value for entry in model.metadata_props} == metadata_of(weights, network, half=False)
    # No path of the machine that wrote it.
    assert str(ROOT).encode() not in path.read_bytes()
    assert b"site-packages" not in path.read_bytes()
    check_file(weights, path)


@pytest.mark.parametrize("case", ["lenet5", "cuda_convnet-11pct"])
def test_the_metadata_suffice_to_prepare_an_image(case):
    weights = RandomWeights(case)
    props = metadata_of(weights, weights.bare_network(), half=False)
    assert json.loads(props["class_names"]) == weights.class_names
    assert json.loads(props["options"])["num_classes"] == 10
    steps, side = json.loads(props["preprocessing"]), 28 if case == "lenet5" else 32
    pixels = np.random.default_rng(0).integers(0, 256, (1 if case == "lenet5" else 3, side, side), np.uint8)
    assert steps["centre_crop"] == side
    if case == "lenet5":
        # Written out: amid zeros, then the numbers.
        border = (steps["pad_with_zeros_to"] - steps["enlarge_to"]) // 2
        padded = np.pad(pixels.astype(np.float64), [(0, 0), (border, border), (border, border)])
        expected = (padded - steps["mean"]) / steps["std"]
    else:
        mean = np.frombuffer(base64.b64decode(props["mean_image"]), "<f4").reshape(3, 32, 32)
        cut = slice(4, 4 + steps["input_crop"])
        expected = ((pixels.astype(np.float64) - mean) / np.reshape(steps["std"], (-1, 1, 1)))[:, cut, cut]
    actual = weights.transforms(as_is=True)(torch.from_numpy(pixels)).numpy()
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-4)


def test_half_stores_the_weights_in_16_bits_and_computes_in_32(tmp_path):
    weights = RandomWeights("mlp")
    whole = export(weights, "onnx", tmp_path / "whole.onnx")
    half = export(weights, "onnx", tmp_path / "half.onnx", half=True)
    assert whole.rounding is None
    assert half.num_bytes < 0.52 * whole.num_bytes
    images = torch.randn(20, 3, 32, 32)
    network = weights.network().eval()
    with torch.inference_mode():
        original = network(images).numpy()
        for layer in (network.fc1, network.fc2):
            layer.weight.copy_(layer.weight.half().float())
        rounded = network(images).numpy()
    found = logits_of(tmp_path / "half.onnx", images)
    assert np.abs(found - rounded).max() < 1e-5 < np.abs(found - original).max() < 1e-2
    assert 0 < half.rounding.largest < 1e-2


def test_a_form_that_is_another_network_is_not_written(tmp_path, monkeypatch):
    weights, write = RandomWeights("linear"), graphs.to_onnx

    def wrong(module, network, notes):
        with torch.no_grad():
            module.fc.bias[3] += 0.5
        content = write(module, network, notes)
        with torch.no_grad():
            module.fc.bias[3] -= 0.5
        return content

    monkeypatch.setitem(zoo.weights.export.write.GRAPHS, "onnx", (wrong, graphs.run_onnx))
    with pytest.raises(InputError, match=r"is not the network: .* differ by 0\.5.*nothing was written"):
        export(weights, "onnx", tmp_path / "network.onnx")
    assert not [*tmp_path.iterdir()]


def test_without_the_extra_one_sentence_names_it(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(graphs, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    with pytest.raises(InputError, match=r"onnxruntime: pip install onnx"):
        export(RandomWeights("linear"), "onnx", tmp_path / "network.onnx")
