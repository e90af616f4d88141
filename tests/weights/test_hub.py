"""from_pretrained and push_to_hub through Hugging Face's own client, against a stand-in for the hub; torch.hub."""

import json
import os
import runpy
import subprocess
import sys
import threading

import preloaded
import pytest
import safetensors.torch
import torch
from conftest import ROOT
from export_cases import randomized, write_run
from hub_server import HubServer

import zoo
from zoo.errors import InputError
from zoo.models.network import Network


@pytest.fixture
def server():
    made = HubServer()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def asked(server, folder, code):
    """What a program prints whose hub is the stand-in; its client reads the address once, when it is imported."""
    environment = os.environ | {
        "HF_ENDPOINT": server.address, "HF_HOME": str(folder / "hf"), "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1", "HF_TOKEN": "hf_of_the_test", "PYTHONPATH": str(ROOT / "src"),
    }  # fmt: skip
    done = preloaded.run("-c", code, cwd=folder, env=environment, timeout=600)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_network_goes_to_the_hub_and_comes_back(server, tmp_path):
    pytest.importorskip("huggingface_hub")
    torch.manual_seed(0)
    network = zoo.get_model("mlp", hidden=(5, 4), num_classes=3, in_channels=1, input_size=6)
    torch.save(network.state_dict(), tmp_path / "state.pt")
    run = write_run(tmp_path / "run", randomized(zoo.get_model("lenet5")), "MNIST", "lenet5", record=True)
    code = f"""
import json, torch, zoo
network = zoo.get_model("mlp", hidden=(5, 4), num_classes=3, in_channels=1, input_size=6)
network.load_state_dict(torch.load("state.pt"))
commit = network.push_to_hub("somebody/mlp", private=True, commit_message="first")
state = torch.random.get_rng_state()
found = zoo.models.MLP.from_pretrained("somebody/mlp")
untouched = torch.equal(state, torch.random.get_rng_state())
same = all(torch.equal(a, b) for a, b in zip(found.state_dict().values(), network.state_dict().values(), strict=True))
refused = []
for call in (
    lambda: zoo.models.LeNet5.from_pretrained("somebody/mlp"),
    lambda: zoo.models.MLP.from_pretrained("somebody/nothing"),
    lambda: zoo.get_weights("hf_hub:somebody/mlp"),
):
    try:
        call()
    except zoo.InputError as error:
        refused.append(str(error))
zoo.push_to_hub({str(run)!r}, "somebody/lenet5")
weights = zoo.get_weights("hf_hub:somebody/lenet5")
lenet = zoo.get_model("hf_hub:somebody/lenet5")
again = zoo.models.LeNet5.from_pretrained("somebody/lenet5")
print(json.dumps([commit, same, untouched, found.training, found.options["hidden"], refused, weights.class_names,
    weights.meta["name"], all(torch.equal(a, b) for a, b in zip(lenet.parameters(), again.parameters())),
    again.meta["class_names"], list(weights.transforms()(torch.zeros(1, 28, 28)).shape)]))
"""
    commit, same, untouched, training, hidden, refused, names, name, equal, also, shape = asked(server, tmp_path, code)
    assert commit.startswith(f"{server.address}/somebody/mlp/commit/")
    assert same
    assert untouched
    # As the client's own mixin for PyTorch does it.
    assert not training
    assert hidden == [5, 4]
    assert server.tokens == {"Bearer hf_of_the_test"}
    assert "is mlp: call MLP.from_pretrained" in refused[0]
    assert "config.json of somebody/nothing cannot be had from the hub" in refused[1]
    assert "model.json of somebody/mlp" in refused[2]
    assert not any("\n" in sentence for sentence in refused)
    assert names == also == [*"0123456789"]
    assert (name, equal, shape) == ("lenet5/mnist", True, [1, 32, 32])
    files = server.repositories["somebody/mlp"]
    assert set(files) == {"README.md", "config.json", "model.safetensors"}
    stored = safetensors.torch.load(files["model.safetensors"])
    assert all(torch.equal(stored[key], value) for key, value in network.state_dict().items())
    assert "library_name: zoo" in files["README.md"].decode()
    # What zoo reads is no pickle and no code.
    assert set(server.repositories["somebody/lenet5"]) == {
        "README.md",
        "config.json",
        "model.json",
        "model.safetensors",
    }


@pytest.mark.parametrize(
    ("name", "options"), [("lenet5", {}), ("mlp", {"hidden": (3,)}), ("convnetjs", {"num_classes": 0})]
)
def test_a_folder_is_a_repository_too(tmp_path, name, options):
    network = randomized(zoo.get_model(name, **options))
    network.save_pretrained(tmp_path / "folder")
    found = type(network).from_pretrained(tmp_path / "folder")
    assert (found.name, found.variant, found.options) == (network.name, network.variant, network.options)
    stored = found.state_dict()
    assert all(torch.equal(stored[key], value) for key, value in network.state_dict().items())
    assert type(Network.from_pretrained(tmp_path / "folder")) is type(network)


@pytest.mark.skipif("lenet5/mnist" not in zoo.list_weights(), reason="these weights are not shipped yet")
def test_the_names_of_the_classes_go_along_as_long_as_they_are_the_networks(tmp_path):
    named = {"ten": 10, "seven": 7}
    for name, number in named.items():
        zoo.get_model("lenet5/mnist", num_classes=number).save_pretrained(tmp_path / name)
    configs = {name: json.loads((tmp_path / name / "config.json").read_text()) for name in named}
    assert list(configs["ten"]["id2label"].values()) == [*"0123456789"]
    assert "id2label" not in configs["seven"]


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("config.json", b"{", "not JSON"),
        ("config.json", b"[]", "not a network of the zoo"),
        ("config.json", b'{"network": "resnet50", "variant": "paper", "options": {}}', "not a network of the zoo"),
        (
            "config.json",
            b'{"network": "linear", "variant": "paper", "options": {"num_classes": 4}}',
            "are not those of",
        ),
        ("config.json", b'{"network": "linear", "variant": "paper", "options": {"colour": 4}}', "no option 'colour'"),
        ("model.safetensors", b"1234", "not a whole"),
        ("model.safetensors", None, "has no model.safetensors"),
    ],
)
def test_what_no_zoo_wrote_is_refused_in_one_sentence(tmp_path, file, content, words):
    zoo.get_model("linear").save_pretrained(tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=words) as refused:
        zoo.models.Linear.from_pretrained(tmp_path)
    assert "\n" not in str(refused.value)


def test_without_the_package_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match="pip install huggingface_hub"):
        zoo.models.LeNet5.from_pretrained("somebody/lenet5")
    with pytest.raises(InputError, match="pip install huggingface_hub"):
        zoo.get_model("linear").push_to_hub("somebody/linear")


def test_a_hub_that_cannot_be_reached_is_one_sentence(server, tmp_path):
    pytest.importorskip("huggingface_hub")
    code = """
import json, os, zoo
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
try:
    zoo.get_model("linear").push_to_hub("somebody/linear")
except zoo.InputError as error:
    print(json.dumps(str(error)))
"""
    said = asked(server, tmp_path, code)
    assert said.startswith("The hub does not take somebody/linear: ")
    assert "\n" not in said


def test_torch_hub_takes_every_network_from_a_folder(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    names = set(zoo.list_models())
    module = runpy.run_path(str(ROOT / "hubconf.py"))
    # By the rule of torch.hub.list, which asks GitHub.
    assert {name for name, entry in module.items() if callable(entry) and name[0] != "_"} == names | {"get_model"}
    assert "1998" in module["lenet5"].__doc__
    network = torch.hub.load(str(ROOT), "mlp", source="local", hidden=(4,), num_classes=3)
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 3)
    named = torch.hub.load(str(ROOT), "get_model", "lenet5-modern", source="local")
    assert (named.name, named.variant) == ("lenet5", "modern")


@pytest.mark.skipif("lenet5/mnist" not in zoo.list_weights(), reason="these weights are not shipped yet")
def test_torch_hub_runs_a_clones_own_code_with_weights(tmp_path):
    code = (
        "import sys, torch; network = torch.hub.load(sys.argv[1], 'lenet5', source='local', weights='DEFAULT');"
        "import zoo; print(zoo.__file__, network.meta['name'])"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    file, name = done.stdout.split()
    assert file == str(ROOT / "src" / "zoo" / "__init__.py")
    assert name == "lenet5/mnist-distorted"
