"""``zoo export``: programs of torch.export, safetensors with a card, a Hugging Face folder; all or nothing."""

import json
from hashlib import sha256

import numpy as np
import preloaded
import pytest
import safetensors.torch
import torch
import yaml
from conftest import ROOT
from export_cases import CASES, RandomWeights, randomized, real_images, slow_where_large, top_five_agree, write_run

import zoo
from zoo.cli import main
from zoo.errors import InputError
from zoo.files import drafts
from zoo.results.published import load
from zoo.weights.export.checks import compare
from zoo.weights.export.write import export


@pytest.mark.parametrize("case", slow_where_large(CASES))
def test_a_program_gives_the_networks_logits(tmp_path, case):
    weights, path = RandomWeights(case), tmp_path / "network.pt2"
    done = export(weights, "torch-export", path)
    assert [file.name for file in tmp_path.iterdir()] == ["network.pt2"]
    assert done.agreement.num_images == done.num_real + done.num_random == 24
    assert str(ROOT / "src").encode() not in path.read_bytes()
    images = weights.transforms()(real_images(weights))
    module = torch.export.load(path).module()
    with torch.inference_mode():
        expected = weights.network().eval()(images)
        found = torch.cat([module(images[:1]), module(images[1:])])
    assert top_five_agree(expected.numpy(), found.numpy()) >= len(images) - 3
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5, equal_nan=True)


@pytest.mark.slow
def test_a_program_needs_torch_alone(tmp_path):
    weights, path = RandomWeights("cuda_convnet-11pct"), tmp_path / "network.pt2"
    export(weights, "torch-export", path, half=True)
    images = torch.randn(3, 3, 24, 24)
    torch.save(images, tmp_path / "images.pt")
    code = (
        "import json, sys, torch; notes = {'zoo.json': ''};"
        f"program = torch.export.load({str(path)!r}, extra_files=notes);"
        f"logits = program.module()(torch.load({str(tmp_path / 'images.pt')!r}));"
        "assert 'zoo' not in sys.modules; print(json.dumps([logits.tolist(), json.loads(notes['zoo.json'])]))"
    )
    logits, notes = json.loads(preloaded.run("-c", code, cwd=tmp_path).stdout)
    with torch.inference_mode():
        expected = weights.network().eval()(images)
    np.testing.assert_allclose(logits, expected, atol=0.01 * float(expected.abs().max()))
    assert (notes["network"], notes["variant"]) == ("cuda_convnet", "11pct")
    assert json.loads(notes["class_names"]) == weights.class_names


@pytest.mark.parametrize("form", ["onnx", "torch-export"])
@pytest.mark.parametrize("name", ["nearest_neighbour", "hog_svm"])
def test_a_network_without_a_graph_says_so(tmp_path, monkeypatch, name, form):
    options = {"num_images": 20} if name == "nearest_neighbour" else {}
    monkeypatch.setitem(CASES, name, (name, "paper", options, "CIFAR10", "raw"))
    with pytest.raises(InputError, match=f"{name} cannot be exported to {form}, because .*safetensors"):
        export(RandomWeights(name), form, tmp_path / "network")
    assert not [*tmp_path.iterdir()]


@pytest.fixture
def run(tmp_path):
    """A run of LeNet-5 on MNIST with a Record of 2.5 % wrong."""
    return write_run(tmp_path / "run", randomized(zoo.get_model("lenet5")), "MNIST", "lenet5", record=True)


def test_a_pair_is_what_zoo_itself_reads(run, tmp_path, capsys):
    path = tmp_path / "passed_on.safetensors"
    assert main(["export", str(run), "--format", "safetensors", "--output", str(path)]) == 0
    told = capsys.readouterr().out
    assert str(path) in told
    assert "16 real and 8 random images" in told
    assert {file.name for file in tmp_path.iterdir()} == {"run", "passed_on.safetensors", "passed_on.json"}
    found, original = zoo.get_weights(path), zoo.load(run)
    assert (found.name, found.meta["dtype"], found.meta["scores"]) == ("lenet5/mnist", "float32", None)
    assert found.meta["record"]["metrics"]["top1_error"] == 2.5
    loaded = found.network().state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in original.state_dict().items())


def test_half_halves_the_weights_alone(run, tmp_path, capsys):
    path = tmp_path / "half.safetensors"
    assert main(["export", str(run), "--format", "safetensors", "--output", str(path), "--half"]) == 0
    assert "16 bits moves the logits" in capsys.readouterr().out
    assert zoo.get_weights(path).meta["dtype"] == "float16"
    stored, state = safetensors.torch.load_file(path), zoo.load(run).state_dict()
    for key, value in state.items():
        expected = value.half() if value.ndim > 1 else value
        assert stored[key].dtype == expected.dtype
        assert torch.equal(stored[key], expected), key


def test_half_has_no_scores_until_it_is_measured(tmp_path):
    shipped, whole = zoo.get_weights("lenet5/digits"), tmp_path / "whole.safetensors"
    content = safetensors.torch.save({key: value.float() for key, value in shipped.state().items()})
    whole.write_bytes(content)
    card = shipped.meta | {"sha256": sha256(content).hexdigest(), "bytes": len(content), "dtype": "float32"}
    whole.with_suffix(".json").write_text(json.dumps(card))
    for half in (False, True):
        export(zoo.get_weights(whole), "safetensors", tmp_path / f"{half}.safetensors", half)
    kept, rounded = (zoo.get_weights(tmp_path / f"{half}.safetensors").meta["scores"] for half in (False, True))
    assert (kept, rounded) == (shipped.meta["scores"], None)


def test_weights_without_a_record_have_no_card_to_give(tmp_path, capsys):
    run = write_run(tmp_path / "run", randomized(zoo.get_model("lenet5")), "MNIST", "lenet5")
    assert main(["export", str(run), "--format", "safetensors", "--output", str(tmp_path / "a.safetensors")]) == 2
    assert "has no Record" in capsys.readouterr().err
    assert main(["export", str(run), "--format", "hub", "--output", str(tmp_path / "hub")]) == 0
    assert {file.name for file in (tmp_path / "hub").iterdir()} == {"README.md", "config.json", "model.safetensors"}
    assert "Not measured yet" in (tmp_path / "hub" / "README.md").read_text()


def test_a_hub_folder_holds_card_config_and_weights(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["export", "run", "--format", "hub"]) == 0
    (folder,) = [path for path in tmp_path.iterdir() if path.name != "run"]
    assert f"Wrote {folder.name}, " in capsys.readouterr().out
    assert {file.name for file in folder.iterdir()} == {"README.md", "config.json", "model.safetensors", "model.json"}
    _, head, body = (folder / "README.md").read_text().split("---\n", 2)
    front = yaml.safe_load(head)
    assert front["license"] == "apache-2.0"
    assert front["datasets"] == ["ylecun/mnist"]
    assert {"lenet5", "image-classification"} <= set(front["tags"])
    (result,) = front["model-index"][0]["results"]
    assert result["task"] == {"type": "image-classification"}
    # 250 and 25 of 10,000 are wrong.
    assert [metric["value"] for metric in result["metrics"]] == [0.975, 0.9975]
    for said in (
        "2.50 %",
        "0.25 %",
        "10,000",
        "single view",
        "60,000 parameters",
        "light ink on dark",
        "@article{lecun1998",
    ):
        assert said in body, said
    assert "Deviations and guesses" in body
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"] == {str(digit): str(digit) for digit in range(10)}
    rebuilt = zoo.get_model(config["network"], variant=config["variant"], **config["options"])
    rebuilt.load_state_dict(safetensors.torch.load_file(folder / "model.safetensors"))
    assert torch.equal(rebuilt.c1.weight, zoo.load("run").c1.weight)
    # The lines under "Use", as they stand.
    code = body.split("```python\n")[1].split("```")[0].replace("image.jpg", "a.png")
    from PIL import Image

    monkeypatch.chdir(folder)
    Image.new("L", (30, 40), 200).save("a.png")
    names = {}
    exec(code, names)
    assert names["probabilities"].shape == (10,)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--format", "tflite"], "invalid choice: 'tflite'"),
        ([], "arguments are required: --format"),
        (["--format", "onnx", "--output", "nowhere/a.onnx"], "There is no folder nowhere"),
        (["--format", "onnx", "--output", "run"], "run is a folder"),
        (["--format", "hub", "--output", "run"], "run is a folder with files in it"),
        (["--format", "hub", "--output", "file"], "file is a file"),
        (["--format", "safetensors", "--output", "."], ". is a folder"),
        (["--format", "onnx", "--output", "a.safetensors"], "a.safetensors ends as another format does, not as onnx"),
        (["--format", "safetensors", "--output", "a.bin"], "does not end in .safetensors"),
    ],
)
def test_bad_input_gets_one_sentence_and_leaves_nothing(run, tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    assert main(["export", "run", *words]) == 2
    assert sentence in capsys.readouterr().err.splitlines()[-1]
    assert {path.name for path in tmp_path.iterdir()} == {"run", "file"}
    assert (tmp_path / "file").read_text() == "mine"


def fill_the_disk(path):
    with drafts(path) as folder:
        (folder / "a.bin").write_text("half of the n")
        raise OSError(28, "No space left on device")


def test_a_draft_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.bin"
    path.write_text("old")
    with pytest.raises(InputError, match=r"Cannot write .*a\.bin: No space left"):
        fill_the_disk(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]
    assert path.read_text() == "old"


def test_agreement_tells_a_near_tie_from_another_order():
    logits = torch.tensor([[5.0, 4.0, 3.0, 2.0, 1.0, 0.0], [1.0, 1.0 + 1e-6, 0.5, 0.2, 0.1, 0.0]])
    swapped = logits.clone()
    swapped[1, :2] = torch.tensor([1.0 + 1e-6, 1.0])
    near = compare(logits, swapped)
    assert near.holds
    assert near.same_top == 2
    far = logits.clone()
    far[0, 3:5] = torch.tensor([1.0, 2.0])
    assert not compare(logits, far).holds
    assert compare(logits, far).largest == 1
    silent = logits.clone()
    silent[1] = torch.nan
    assert not compare(logits, silent).holds
    assert compare(silent, silent.clone()).same_top == 2


def test_every_paper_is_cited_as_citation_cff_has_it():
    references = yaml.safe_load((ROOT / "CITATION.cff").read_text())["references"]
    titles = {" ".join(reference["title"].split()): reference["year"] for reference in references}
    assert load().bibtex("linear", "paper") is None
    for network in zoo.list_models():
        entry = load().bibtex(network, "paper")
        if entry is None:
            continue
        assert entry.count("{") == entry.count("}")
        title = entry.split("title = {")[1].split("},\n")[0]
        if "@misc" not in entry:
            assert f"year = {{{titles[title]}}}" in entry
