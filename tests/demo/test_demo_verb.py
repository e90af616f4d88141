"""``zoo demo`` without a browser: what it writes, serves, leaves out and refuses."""

import base64
import json
import re
import threading
import urllib.request

import numpy as np
import pytest
import torch
from conftest import ROOT

from zoo.cli import main
from zoo.demo import library, serve
from zoo.demo.page import STATIC, build
from zoo.weights.export.page import eight_bits

SMALL = ["linear/mnist", "lenet5/mnist"]


def content_of(folder):
    """What the page is told of its networks."""
    return json.loads(re.fullmatch(r"zoo\.came\((.*)\);\n", (folder / "networks.js").read_text())[1])


def test_it_writes_a_page_with_the_networks_that_are_asked_for(in_folder, capsys):
    assert main(["demo", *SMALL, "--output", "page", "--convnetjs", "none"]) == 0
    said = capsys.readouterr().out
    assert "with 2 networks" in said
    assert "page/index.html" in said
    content = content_of(in_folder / "page")
    assert [network["name"] for network in content["networks"]] == SMALL
    assert [network["error"] for network in content["networks"]] == [7.45, 0.79]
    # Parts that there is nothing for have no link.
    assert [content[part] for part in ("digits", "photos", "training", "pictures")] == [True, False, False, False]
    assert not (in_folder / "page" / "convnet-min.js").exists()
    scripts = {network["script"] for network in content["networks"]}
    assert {path.name for path in (in_folder / "page").iterdir()} == scripts | {"networks.js"} | {
        path.name for path in STATIC.iterdir()
    }


def test_nothing_in_the_page_names_another_place():
    for file in STATIC.iterdir():
        assert not re.search(
            r"https?:|//[a-z]|@import|\bfetch\(|XMLHttp|sendBeacon|cookie|localStorage", file.read_text()
        )


def test_what_does_not_fit_is_left_out_and_named(in_folder, capsys, monkeypatch):
    monkeypatch.setattr("zoo.demo.page.MOST", 500_000)
    assert main(["demo", "linear/mnist", "mlp/cifar10", "--output", "page", "--convnetjs", "none"]) == 0
    assert "Too large for a page: mlp/cifar10." in capsys.readouterr().out
    assert content_of(in_folder / "page")["leftOut"] == ["Multilayer perceptron (0.7 MB)"]
    assert sum(path.stat().st_size for path in (in_folder / "page").iterdir()) <= 500_000


def test_the_second_best_training_of_a_network_is_the_first_to_be_left_out(in_folder, monkeypatch):
    names = ["convnetjs/cifar10-adadelta", "convnetjs/cifar10", "lenet5/cifar10"]
    whole = build(in_folder / "page", names, None, None)
    assert set(whole.networks) == set(names)
    monkeypatch.setattr("zoo.demo.page.MOST", whole.num_bytes - 10_000)
    smaller = build(in_folder / "page", names, None, None)
    # LeNet-5's 0.12 MB are more than ConvNetJS's 0.05.
    assert (set(smaller.networks), smaller.left_out) == ({names[1], names[2]}, [names[0]])


def test_a_second_page_replaces_the_first(in_folder):
    for names in (SMALL, SMALL[:1]):
        build(in_folder / "page", names, None, None)
    assert len(list((in_folder / "page").glob("weights-*.js"))) == len(SMALL[:1])


def test_it_is_served_on_this_machine_alone(in_folder, monkeypatch, capsys):
    build(in_folder, SMALL[:1], None, None)
    monkeypatch.setenv("no_proxy", "*")
    servers, ready = [], threading.Event()

    class Kept(serve.ThreadingHTTPServer):
        def __init__(self, *words):
            super().__init__(*words)
            servers.append(self)

    monkeypatch.setattr(serve, "ThreadingHTTPServer", Kept)
    addresses = []
    thread = threading.Thread(
        target=serve.serve, args=(in_folder, 0, lambda address: (addresses.append(address), ready.set()))
    )
    thread.start()
    assert ready.wait(30)
    assert servers[0].server_address[0] == "127.0.0.1"
    with urllib.request.urlopen(addresses[0] + "net.js") as answer:
        assert answer.read() == (STATIC / "net.js").read_bytes()
        assert "javascript" in answer.headers["Content-Type"]
    # A port that is taken is said so in one sentence.
    assert main(["demo", "linear/mnist", "--convnetjs", "none", "--port", str(servers[0].server_port)]) == 2
    assert "give another --port" in capsys.readouterr().err
    servers[0].shutdown()
    thread.join()


def test_eight_bits_are_off_by_half_a_step_at_most():
    weight = torch.randn(7, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    weight[3] = 0
    whole, scales = eight_bits(weight)
    assert whole.abs().amax(dim=(1, 2, 3)).tolist() == [127, 127, 127, 0, 127, 127, 127]
    steps = scales.view(-1, 1, 1, 1)
    assert ((whole * steps - weight).abs() <= steps * 0.5001).all()


def test_coarse_weights_are_half_a_root_mean_square_apart_for_each_million_of_them():
    rng = torch.Generator().manual_seed(0)
    # Of a few the largest has the last of 8 bits; a few millions are no coarser than two and a half.
    for rows, columns, step in ((4, 25, 0), (4, 200_000, 0.4), (8, 200_000, 0.8), (32, 200_000, 1.25)):
        weight = torch.randn(rows, columns, generator=rng) * torch.logspace(-3, 3, rows)[:, None]
        weight[1] = 0
        whole, scales = eight_bits(weight, coarse=True)
        numbers = weight.double().numpy()
        expected = step * np.sqrt((numbers**2).mean(axis=1)) if step else abs(numbers).max(axis=1) / 127
        np.testing.assert_allclose(scales.numpy(), expected, rtol=1e-5, atol=1e-37)
        off = abs(whole.numpy() * scales.numpy()[:, None].astype(float) - numbers)
        assert (off <= 0.5001 * expected[:, None]).all()


def test_large_networks_say_how_many_bits_a_weight_takes(in_folder):
    build(in_folder / "page", ["cuda_convnet-13pct/cifar10", "linear/cifar10"], None, None)
    rounded, whole = sorted(content_of(in_folder / "page")["networks"], key=lambda said: said["bits"])
    text = re.search(r', "(.*)"\);\n$', (in_folder / "page" / rounded["script"]).read_text())[1]
    assert rounded["bits"] == pytest.approx(8 * len(base64.b85decode(text)) / 1_116_490, abs=0.051)
    assert 3 < rounded["bits"] < 5
    assert whole["bits"] == 16


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["demo", "lenet5/digits"], "was trained on Digits; the page has networks of MNIST and CIFAR10"),
        (["demo", "no/such"], "no/such"),
        (["demo", "--port", "70000"], "no port"),
        (["demo", "--convnetjs", "missing.js"], "missing.js cannot be read"),
        (["demo", "linear/mnist", "--convnetjs", "none", "--root", "nowhere", "--output", "page"], "nowhere"),
        (["demo", "linear/mnist", "--convnetjs", "none", "--output", "taken"], "cannot be written to taken"),
    ],
)
def test_what_it_cannot_do_is_one_sentence(in_folder, capsys, words, said):
    (in_folder / "taken").write_text("a file")
    if "--convnetjs" not in words:
        words = [*words, "--convnetjs", "none"]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("zoo: ")
    assert error.count("\n") == 1


def test_another_library_is_refused(in_folder, capsys):
    (in_folder / "convnet-min.js").write_text("convnetjs = {};")
    assert main(["demo", "--convnetjs", "convnet-min.js"]) == 2
    assert "is not the file build/convnet-min.js of convnetjs@0.3.0" in capsys.readouterr().err


@pytest.mark.parametrize("there", [True, False])
def test_without_npm_or_its_registry_the_page_does_not_train_and_says_why(in_folder, monkeypatch, capsys, there):
    if there:
        npm = in_folder / "npm"
        npm.write_text("#!/bin/sh\nexit 1\n")
        npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(in_folder))
    assert main(["demo", "linear/mnist", "--output", "page"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("No training in this page. ")
    assert ("npm cannot fetch" if there else "there is no npm here") in first
    assert "--convnetjs FILE" in first
    assert main(["demo", "linear/mnist", "--output", "asked", "--convnetjs", "none"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == rest[0]
    pages = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (in_folder / "page", in_folder / "asked")
    ]
    assert pages[0] == pages[1]


def test_the_docs_name_the_options_and_the_version():
    page = (ROOT / "docs" / "demo.md").read_text()
    for option in ("--output", "--port", "--root", "--convnetjs"):
        assert f"`{option} " in page
    assert library.PACKAGE.partition("@")[2] in page
    assert library.MEMBER.removeprefix("package/") in page
