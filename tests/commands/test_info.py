"""``zoo info``: counts against the papers' tables and an independent counter, the command and its errors."""

import json
import re
import subprocess
import sys

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from zoo.catalog import NETWORKS
from zoo.cli import main
from zoo.models import get_model
from zoo.report.network import describe

FORMS = [(name, variant) for name, entry in NETWORKS.items() for variant in entry.variants]

# (network, variant): parameters and multiply-accumulates.
TOTALS = {
    ("perceptron", "paper"): (30_730, 30_720),
    ("linear", "paper"): (30_730, 30_720),
    ("mlp", "paper"): (308_310, 308_200),
    ("perceptron", "mark1"): (4_096, 4_096),
    ("symmetry", "paper"): (17, 14),
    ("lenet5", "paper"): (60_000, 326_520),
    ("lenet5", "modern"): (61_706, 416_520),
    ("alexnet", "paper"): (60_965_224, 724_406_816),
    ("alexnet", "torchvision"): (61_100_840, 714_188_480),
    ("vgg16", "paper"): (138_357_544, 15_470_264_320),
    ("vgg16", "bn"): (138_365_992, 15_470_264_320),
}

# Layer: output shape, parameters, multiply-accumulates.
TABLES = {
    # LeCun et al. 1998, section II.B.
    "lenet5": {
        "c1": ([6, 28, 28], 156, 117_600), "s2": ([6, 14, 14], 12, 1_176),
        "c3": ([16, 10, 10], 1_516, 150_000), "s4": ([16, 5, 5], 32, 400),
        "c5": ([120, 1, 1], 48_120, 48_000), "f6": ([84], 10_164, 10_080), "output": ([10], 0, 840),
    },
    # The 2012 code, layers-145.cfg.
    "alexnet": {
        "conv1": ([96, 55, 55], 34_944, 105_415_200), "pool1": ([96, 27, 27], 0, 0),
        "conv2": ([256, 27, 27], 307_456, 223_948_800), "pool2": ([256, 13, 13], 0, 0),
        "conv3": ([384, 13, 13], 885_120, 149_520_384), "conv4": ([384, 13, 13], 663_936, 112_140_288),
        "conv5": ([256, 13, 13], 442_624, 74_760_192), "pool5": ([256, 6, 6], 0, 0),
        "fc6": ([4096], 37_752_832, 37_748_736), "fc7": ([4096], 16_781_312, 16_777_216),
        "fc8": ([1000], 4_097_000, 4_096_000),
    },
    # Simonyan and Zisserman 2014, configuration D.
    "vgg16": {
        "conv1_1": ([64, 224, 224], 1_792, 86_704_128), "conv1_2": ([64, 224, 224], 36_928, 1_849_688_064),
        "conv2_1": ([128, 112, 112], 73_856, 924_844_032), "conv2_2": ([128, 112, 112], 147_584, 1_849_688_064),
        "conv3_1": ([256, 56, 56], 295_168, 924_844_032), "conv3_2": ([256, 56, 56], 590_080, 1_849_688_064),
        "conv3_3": ([256, 56, 56], 590_080, 1_849_688_064), "conv4_1": ([512, 28, 28], 1_180_160, 924_844_032),
        "conv4_2": ([512, 28, 28], 2_359_808, 1_849_688_064), "conv4_3": ([512, 28, 28], 2_359_808, 1_849_688_064),
        "conv5_1": ([512, 14, 14], 2_359_808, 462_422_016), "conv5_2": ([512, 14, 14], 2_359_808, 462_422_016),
        "conv5_3": ([512, 14, 14], 2_359_808, 462_422_016), "fc6": ([4096], 102_764_544, 102_760_448),
        "fc7": ([4096], 16_781_312, 16_777_216), "fc8": ([1000], 4_097_000, 4_096_000),
    },
}  # fmt: skip


@pytest.mark.parametrize(("name", "variant"), TOTALS)
def test_totals(name, variant):
    found = describe(name, variant)
    assert (found["parameters"], found["macs"]) == TOTALS[name, variant]
    with torch.device("meta"):
        network = get_model(name, variant=variant)
    assert found["parameters"] == sum(p.numel() for p in network.parameters())
    published = found["published"]
    if published:
        assert published["parameters"] == found["parameters"]
        assert published["source"]


@pytest.mark.parametrize("name", TABLES)
def test_layers_against_the_papers_tables(name):
    table = TABLES[name]
    layers = {layer["name"]: layer for layer in describe(name)["layers"]}
    found = {key: tuple(layers[key][f] for f in ("output_shape", "parameters", "macs")) for key in table}
    assert found == table
    assert all(layer["parameters"] == layer["macs"] == 0 for key, layer in layers.items() if key not in table)


def test_subsampling_is_counted_apart():
    found = describe("lenet5")
    assert (found["macs"], found["macs_subsampling"]) == (326_520, 1_176 + 400)
    assert sum(layer["macs"] for layer in found["layers"]) == 328_096
    assert describe("lenet5", "modern")["macs_subsampling"] == 0


@pytest.mark.parametrize(("name", "variant"), FORMS)
def test_macs_against_the_flop_counter(name, variant):
    with torch.device("meta"):
        network = get_model(name, variant=variant)
        images = torch.empty(1, *network.input_shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(images)
    expected = describe(name, variant)["macs"]
    if name == "lenet5" and variant in ("paper", "linear"):
        # torch counts C3 as the full convolution that it runs, 96 kernels for 60, and no distances of the RBF units.
        expected += (96 - 60) * 25 * 100 - (840 if variant == "paper" else 0)
    if name == "nearest_neighbour":
        # Absolute differences, which torch does not count.
        expected = 0
    assert counter.get_total_flops() == 2 * expected


@pytest.mark.parametrize(("name", "variant"), FORMS)
def test_geometry_follows_the_formula(name, variant):
    for layer in describe(name, variant)["layers"]:
        if layer["kernel"] is not None:
            _, side, _ = layer["input_shape"]
            span = side - layer["kernel"] + 2 * layer["padding"]
            # cuda-convnet's poolings round up.
            up = layer["stride"] - 1 if name == "cuda_convnet" else 0
            out = (span + up) // layer["stride"] + 1
            assert layer["output_shape"][1:] == [out, out]


def test_rows_of_each_sort():
    layers = {layer["name"]: layer for layer in describe("alexnet")["layers"]}
    assert [layers["conv2"][f] for f in ("kind", "groups", "kernel", "stride", "padding")] == ["conv", 2, 5, 1, 2]
    assert [layers["pad"][f] for f in ("kind", "kernel", "stride", "padding")] == ["zero pad", None, None, 3]
    assert layers["pad"]["output_shape"] == [3, 227, 227]
    assert [name for name, layer in layers.items() if layer["elementwise"]] == [
        "relu1", "relu2", "relu3", "relu4", "relu5", "flatten", "relu6", "drop6", "relu7", "drop7",
    ]  # fmt: skip


def test_published_holds_for_default_options_only():
    assert describe("vgg16", input_size=224)["published"]["parameters"] == 138_357_544
    assert describe("vgg16", input_size=32)["published"] is None
    assert describe("alexnet", "cifar")["published"] is None
    assert describe("lenet5", input_size=32)["published"]["parameters"] == 60_000


TORCHVISION = [("alexnet", "torchvision", "AlexNet"), ("vgg16", "paper", "VGG16"), ("vgg16", "bn", "VGG16_BN")]


@pytest.mark.parametrize(("name", "variant", "weights"), TORCHVISION)
def test_published_is_what_torchvision_prints(name, variant, weights):
    torchvision = pytest.importorskip("torchvision")
    meta = getattr(torchvision.models, f"{weights}_Weights").IMAGENET1K_V1.meta
    published = describe(name, variant)["published"]
    assert (published["parameters"], published["macs"]) == (meta["num_params"], f"{meta['_ops']} G")
    assert describe(name, variant)["macs"] / 1e9 == pytest.approx(meta["_ops"], abs=5e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_notes_are_the_docstring_paragraph(name):
    notes = describe(name)["notes"]
    assert notes.startswith("Deviations and guesses")
    assert "\n" not in notes
    assert "`" not in notes
    assert notes.endswith(".")


@pytest.mark.parametrize(("name", "variant"), FORMS)
def test_json_is_the_description(name, variant, capsys):
    assert main(["info", name, "--variant", variant, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == describe(name, variant)


@pytest.mark.parametrize(("name", "variant"), FORMS)
@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_the_table_shows_every_number_in_full(name, variant, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    for key in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(key, raising=False)
    assert main(["info", name, "--variant", variant]) == 0
    out = capsys.readouterr().out
    found = describe(name, variant)
    assert max(map(len, out.splitlines())) <= 80  # what is piped does not depend on the terminal
    assert "…" not in out
    assert "\x1b" not in out
    flat = " ".join(out.split())
    for layer in found["layers"]:
        line = re.search(rf"^{layer['name']} .*$", out, flags=re.MULTILINE)
        assert bool(line) != layer["elementwise"]
        if line:
            numbers = [f"{n:,}" for n in (layer["parameters"], layer["macs"]) if n]
            assert line[0].split()[-1 - len(numbers) :] == ["x".join(map(str, layer["output_shape"])), *numbers]
    assert f"total {found['parameters']:,} {found['macs']:,}" in flat
    assert all(sentence in flat for sentence in [*found["misfits"], found["notes"]])
    if found["published"]:
        assert f"published {found['published']['parameters']:,}" in flat


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["alexnett"], r"There is no network 'alexnett': did you mean alexnet\?"),
        (["resnet"], f"There is no network 'resnet': there is {', '.join(NETWORKS)}."),
        (["alexnet", "--variant", "bn"], "alexnet has no variant 'bn': there is paper, torchvision, cifar, .*\\."),
        (["lenet5", "--input-size", "40"], "LeNet-5's paper form takes images of 32 pixels a side, not of 40."),
        (["linear", "--input-size", "-3"], "An input size is between 1 and 65,535 pixels, not -3."),
        (["alexnet", "--input-size", "0"], "An input size is between 1 and 65,535 pixels, not 0."),
        (["mlp", "--input-size", "70000"], "An input size is between 1 and 65,535 pixels, not 70,000."),
        (["vgg16", "--input-size", "40"], r"VGG's .* a multiple of 32, not 40\."),
        (["alexnet", "--input-size", "20"], r"AlexNet's paper form does not fit images of 20x20.*\."),
        (["alexnet", "--input-size", "big"], "Argument --input-size: invalid int value: 'big': .*"),
        ([], "The following arguments are required: NETWORK: .*"),
    ],
)
def test_bad_input_is_one_sentence(words, sentence, capsys):
    assert main(["info", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(f"zoo: {sentence}\n", err)


def test_an_unknown_network_costs_no_torch():
    code = "import sys, zoo.cli; status = zoo.cli.main(['info', 'x']); sys.exit(status + ('torch' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr


@pytest.mark.parametrize(("columns", "missing"), [(100, []), (70, ["pad"]), (60, ["pad", "stride", "kernel"])])
def test_a_narrow_terminal_does_without_geometry(columns, missing, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["info", "vgg16"]) == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    table, below = text.split("\n\n")[1:3]
    assert max(map(len, table.splitlines())) <= columns
    heads = table.split("\n")[0].split()
    assert [head for head in ("pad", "stride", "kernel") if head not in heads] == missing
    assert heads[-3:] == ["output", "parameters", "macs"]
    assert "138,357,544" in table
    assert ("No room for" in below) == bool(missing)
