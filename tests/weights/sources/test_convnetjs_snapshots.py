"""Snapshots of ConvNetJS, read and written: against arithmetic on the JSON itself, and against the library of 2014."""

import json
import math
import os
import random
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from export_cases import RandomWeights, randomized

import zoo
from zoo.cli import main
from zoo.data import CIFAR10
from zoo.errors import InputError
from zoo.weights.export.convnetjs import to_convnetjs
from zoo.weights.export.write import export

# The page's own program: its demo's layers, and its way of showing bytes of CIFAR-10 to them.
PAGE = """
const convnetjs = require("convnetjs"), fs = require("fs");
const [snapshot, images, answers, made] = process.argv.slice(1);
let net = new convnetjs.Net();
if (made) {
  const definitions = [{type: "input", out_sx: 32, out_sy: 32, out_depth: 3}];
  for (const filters of [16, 20, 20]) {
    definitions.push({type: "conv", sx: 5, filters: filters, stride: 1, pad: 2, activation: "relu"});
    definitions.push({type: "pool", sx: 2, stride: 2});
  }
  net.makeLayers([...definitions, {type: "softmax", num_classes: 10}]);
  fs.writeFileSync(snapshot, JSON.stringify(net.toJSON()));
} else {
  net.fromJSON(JSON.parse(fs.readFileSync(snapshot)));
}
const bytes = fs.readFileSync(images), found = [];
for (let n = 0; n < bytes.length; n += 3072) {
  const image = new convnetjs.Vol(32, 32, 3, 0.0);
  for (let d = 0; d < 3; d++)
    for (let y = 0; y < 32; y++)
      for (let x = 0; x < 32; x++) image.set(x, y, d, bytes[n + 1024 * d + 32 * y + x] / 255.0 - 0.5);
  found.push(Array.from(net.forward(image).w));
}
fs.writeFileSync(answers, JSON.stringify(found));
"""


def forward(snapshot: dict, image: np.ndarray) -> np.ndarray:
    """The class probabilities of one image, float64 (rows, columns, depth), by the sums that the JSON describes."""
    at = image
    for layer in snapshot["layers"]:
        kind = layer["layer_type"]
        if kind == "conv":
            pad, size = layer["pad"], layer["sx"]
            wide = np.pad(at, ((pad, pad), (pad, pad), (0, 0)))
            out = np.zeros((layer["out_sy"], layer["out_sx"], layer["out_depth"]))
            for d, volume in enumerate(layer["filters"]):
                values = volume["w"]
                for y in range(size):
                    for x in range(size):
                        for f in range(layer["in_depth"]):
                            value = values[(y * size + x) * layer["in_depth"] + f]
                            out[:, :, d] += value * wide[y : y + out.shape[0], x : x + out.shape[1], f]
                out[:, :, d] += layer["biases"]["w"][d]
            at = out
        elif kind == "relu":
            at = np.maximum(at, 0)
        elif kind == "pool":
            at = np.maximum(np.maximum(at[::2, ::2], at[1::2, ::2]), np.maximum(at[::2, 1::2], at[1::2, 1::2]))
        elif kind == "fc":
            flat = [at[y, x, d] for y in range(4) for x in range(4) for d in range(20)]
            at = np.array([np.dot(flat, row["w"]) for row in layer["filters"]]) + layer["biases"]["w"]
        elif kind == "softmax":
            at = np.exp(at - at.max()) / np.exp(at - at.max()).sum()
    return at


def made_by_hand(seed: int = 0) -> dict:
    """A snapshot of random weights, as a browser saves it: the numbers of a typed array are an object's."""
    return json.loads(drawn_once(seed))


@cache
def drawn_once(seed: int) -> str:
    """Its text: numbers are read in a fiftieth of the time in which they are drawn."""
    drawn = random.Random(seed)

    def volume(sx: int, sy: int, depth: int) -> dict:
        spread = 2 / math.sqrt(sx * sy * depth)
        numbers = {str(n): drawn.gauss(0, spread) for n in range(sx * sy * depth)}
        return {"sx": sx, "sy": sy, "depth": depth, "w": numbers}

    layers = [{"out_depth": 3, "out_sx": 32, "out_sy": 32, "layer_type": "input"}]
    side, read = 32, 3
    for maps in (16, 20, 20):
        out = {"out_depth": maps, "out_sx": side, "out_sy": side}
        layers.append(
            {"sx": 5, "sy": 5, "stride": 1, "in_depth": read, **out, "layer_type": "conv", "l1_decay_mul": 0,
             "l2_decay_mul": 1, "pad": 2, "filters": [volume(5, 5, read) for _ in range(maps)],
             "biases": volume(1, 1, maps)}
        )  # fmt: skip
        layers.append({**out, "layer_type": "relu"})
        side, read = side // 2, maps
        out = {"out_depth": maps, "out_sx": side, "out_sy": side}
        layers.append({"sx": 2, "sy": 2, "stride": 2, "in_depth": maps, **out, "layer_type": "pool", "pad": 0})
    out = {"out_depth": 10, "out_sx": 1, "out_sy": 1}
    layers.append(
        {**out, "layer_type": "fc", "num_inputs": 320, "l1_decay_mul": 0, "l2_decay_mul": 1,
         "filters": [volume(1, 1, 320) for _ in range(10)], "biases": volume(1, 1, 10)}
    )  # fmt: skip
    layers.append({**out, "layer_type": "softmax", "num_inputs": 10})
    return json.dumps({"layers": layers})


def as_lists(snapshot: dict) -> dict:
    """The same with plain lists of numbers."""
    copied = json.loads(json.dumps(snapshot))
    for layer in copied["layers"]:
        for volume in [*layer.get("filters", []), *([layer["biases"]] if "biases" in layer else [])]:
            if isinstance(volume["w"], dict):
                volume["w"] = [volume["w"][str(n)] for n in range(len(volume["w"]))]
    return copied


def images(count: int) -> torch.Tensor:
    """uint8 (count, 3, 32, 32): real test images where they are here, else noise."""
    folder = os.environ.get("ZOO_TEST_DATA")
    if folder and Path(folder, "cifar-10-batches-bin").is_dir():
        return CIFAR10(root=folder).read()["test"][0][:count]
    return torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def probabilities(network: torch.nn.Module, pixels: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        return network.double()(pixels.double() / 255 - 0.5).softmax(dim=1).numpy()


@pytest.mark.parametrize("form", ["objects", "lists", "parsed"])
def test_a_snapshot_read_gives_what_its_own_numbers_say(tmp_path, form):
    snapshot, pixels = made_by_hand(), images(3)
    written = tmp_path / "snapshot.json"
    written.write_text(json.dumps(as_lists(snapshot) if form == "lists" else snapshot, indent=1))
    network = zoo.weights.from_convnetjs(snapshot if form == "parsed" else written)
    assert network.training
    expected = [
        forward(as_lists(snapshot), (image / 255 - 0.5).numpy().transpose(1, 2, 0)) for image in pixels.double()
    ]
    assert np.std(expected) > 0.05
    np.testing.assert_allclose(probabilities(network, pixels), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["convnetjs/cifar10", "random"])
def test_a_snapshot_written_says_what_the_network_computes(tmp_path, capsys, name):
    written, pixels = tmp_path / "page.json", images(3)
    if name == "random":
        weights = RandomWeights("convnetjs")
        done = export(weights, "convnetjs", written)
        assert (done.num_real, done.num_random, done.num_bytes) == (16, 8, written.stat().st_size)
        network = weights.network()
    else:
        assert main(["export", name, "--format", "convnetjs", "--output", str(written)]) == 0
        assert "16 real and 8 random images" in capsys.readouterr().out
        network = zoo.load(name)
    snapshot = json.loads(written.read_text())
    # The layers and all that is said of them are those of the library's own toJSON.
    for layer, other in zip(snapshot["layers"], made_by_hand()["layers"], strict=True):
        assert sorted(layer) == sorted(other)
        assert all(layer[key] == other[key] for key in other if key not in ("filters", "biases"))
    expected = [forward(snapshot, (image / 255 - 0.5).numpy().transpose(1, 2, 0)) for image in pixels.double()]
    np.testing.assert_allclose(probabilities(network, pixels), expected, atol=1e-12)
    read = zoo.weights.from_convnetjs(written).state_dict()
    assert all(torch.equal(read[key], value.float()) for key, value in network.state_dict().items())


def test_the_library_of_2014_gives_the_same_probabilities(tmp_path):
    if shutil.which("node") is None:
        pytest.skip("needs node")
    if subprocess.run(["node", "-e", 'require("convnetjs")'], capture_output=True, check=False, cwd=ROOT).returncode:
        pytest.skip("needs npm's package convnetjs: npm install convnetjs, and NODE_PATH where it went")
    pixels = images(100)
    (tmp_path / "images.bin").write_bytes(pixels.numpy().tobytes())

    def asked(snapshot: Path, *made: str) -> np.ndarray:
        files = [str(snapshot), str(tmp_path / "images.bin"), str(tmp_path / "answers.json"), *made]
        subprocess.run(["node", "-e", PAGE, *files], check=True, cwd=ROOT)
        return np.array(json.loads((tmp_path / "answers.json").read_text()))

    assert main(["export", "convnetjs/cifar10", "--format", "convnetjs", "--output", str(tmp_path / "ours.json")]) == 0
    np.testing.assert_allclose(
        probabilities(zoo.load("convnetjs/cifar10"), pixels), asked(tmp_path / "ours.json"), atol=1e-12
    )
    answers = asked(tmp_path / "theirs.json", "made")
    network = zoo.weights.from_convnetjs(tmp_path / "theirs.json")
    np.testing.assert_allclose(probabilities(network, pixels), answers, atol=1e-5)


def test_a_snapshot_is_found_by_path_with_the_pages_preprocessing(tmp_path, capsys):
    (tmp_path / "page.json").write_text(json.dumps(made_by_hand()))
    weights, pixels = zoo.get_weights(tmp_path / "page.json"), images(2)
    weights.verify()
    torch.testing.assert_close(weights.transforms()(pixels), pixels / 255 - 0.5)
    assert weights.class_names == CIFAR10().class_names
    assert weights.network().num_classes == zoo.get_model("convnetjs", weights=tmp_path / "page.json").num_classes == 10
    assert main(["info", "weights", str(tmp_path / "page.json")]) == 0
    assert "convnetjs, paper" in capsys.readouterr().out


def spoilt(change) -> dict:
    snapshot = made_by_hand()
    change(snapshot["layers"])
    return snapshot


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not a whole JSON file"),
        (json.dumps(made_by_hand())[:-1000], "not a whole JSON file"),
        ("[" * 100_000, "not a whole JSON file"),
        ("[]", "it has no list of layers"),
        ({"layers": []}, "its list of layers is empty"),
        ({"layers": [1]}, "it has no list of layers"),
        (spoilt(lambda layers: layers.pop(3)), "its layers are input, conv, relu, conv"),
        (spoilt(lambda layers: layers[-1].update(layer_type="svm")), "fc, svm, not input"),
        (spoilt(lambda layers: layers[1].update(pad=1)), r"layer 1 \(conv\) has pad 1, not 2"),
        (spoilt(lambda layers: layers[1].pop("pad")), r"layer 1 \(conv\) has pad 0, not 2"),
        (spoilt(lambda layers: layers[3].update(stride=3)), r"layer 3 \(pool\) has stride 3, not 2"),
        (spoilt(lambda layers: layers[0].update(out_depth=1)), r"layer 0 \(input\) has out_depth 1, not 3"),
        (
            spoilt(lambda layers: layers[-2].update(filters=[0] * 1_000_000)),
            r"layer 10 \(fc\) does not have 10 filters",
        ),
        (spoilt(lambda layers: layers[4]["filters"].pop()), r"layer 4 \(conv\) does not have 20 filters"),
        (spoilt(lambda layers: layers[4].pop("biases")), "biases is missing"),
        (spoilt(lambda layers: layers[1]["filters"][2].update(depth=1)), r"filter 2 has the sizes \(5, 5, 1\)"),
        (spoilt(lambda layers: layers[1]["filters"][2]["w"].pop("7")), "filter 2 does not have 75 numbers"),
        (
            spoilt(lambda layers: layers[1]["filters"][2]["w"].update({"7": None})),
            "not a finite number",
        ),
        (
            spoilt(lambda layers: layers[1]["filters"][2]["w"].update({"7": "1"})),
            "not a finite number",
        ),
        (
            spoilt(lambda layers: layers[1]["filters"][2]["w"].update({"7": True})),
            "not a finite number",
        ),
        (spoilt(lambda layers: layers[1]["filters"][2]["w"].update({"7": float("nan")})), "not a finite number"),
        (spoilt(lambda layers: layers[1]["filters"][2]["w"].update({"7": 10**400})), "not a finite number"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_is_no_snapshot_of_the_demo_is_refused_in_one_sentence(tmp_path, capsys, content, words):
    file = tmp_path / "spoilt.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InputError, match=words) as refused:
        zoo.weights.from_convnetjs(file)
    assert "\n" not in str(refused.value)
    assert "spoilt.json" in str(refused.value)
    assert main(["info", "weights", str(file)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_missing_files_other_networks_and_half_are_refused(tmp_path, capsys):
    with pytest.raises(InputError, match=r"no file .*none\.json"):
        zoo.weights.from_convnetjs(tmp_path / "none.json")
    for words, sentence in (
        (["lenet5/mnist"], "can load only convnetjs, not lenet5"),
        (["convnetjs/cifar10", "--half"], "leave --half out"),
    ):
        output = str(tmp_path / "a.json")
        assert main(["export", *words, "--format", "convnetjs", "--output", output]) == 2
        assert sentence in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_other_numbers_of_classes_are_read_and_written():
    network = randomized(zoo.get_model("convnetjs", num_classes=3))
    read = zoo.weights.from_convnetjs(json.loads(to_convnetjs(network)))
    assert read.num_classes == 3
    assert torch.equal(read.fc.weight, network.fc.weight)
