"""Somebody's own network from end to end: zoo fit, and whatever speaks of its run; nothing is imported unasked."""

import csv
import hashlib
import json
import sys
from pathlib import Path

import preloaded
import pytest
import torch
import yaml
from conftest import record_of
from own_networks import write_module
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

import zoo
from zoo import trusted
from zoo.cli import main
from zoo.errors import InputError
from zoo.models.own import OwnNetwork, rebuilt
from zoo.training import yaml_text

QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu", "--trainer.max_epochs", "1"]
DIGITS = ["--data", "Digits", "--data.transform", "lenet5"]


def forget(monkeypatch):
    """As if the process were new."""
    for name in ("my_module", "my_blocks"):
        sys.modules.pop(name, None)
    trusted._NAMED.clear()
    yaml_text.own_networks.clear()
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry and Path(entry) != Path.cwd()])


@pytest.fixture
def here(in_folder, monkeypatch):
    write_module(in_folder)
    forget(monkeypatch)
    yield in_folder
    forget(monkeypatch)


@pytest.fixture
def run(here):
    words = ["--model", "my_module.MyModel", "--model.width", "3", "--model.optimizer", "torch.optim.SGD"]
    assert main(["fit", *words, "--model.optimizer.lr", "0.1", *DIGITS, *QUIET, "--run_dir", "run"]) == 0
    return here / "run"


def test_a_module_of_the_working_folder_is_trained_measured_and_marked(run):
    record = record_of(run)
    assert (record["network"], record["variant"], record["n"]) == ("my_module.MyModel", "own", 360)
    assert record["own"]["class"] == "my_module.MyModel"
    assert record["own"]["source_sha256"] == hashlib.sha256(Path("my_module.py").read_bytes()).hexdigest()
    module = sys.modules["my_module"].MyModel(width=3)
    assert record["parameters"] == sum(p.numel() for p in module.parameters())
    with FlopCounterMode(display=False) as counter:
        module.eval()(torch.zeros(1, 1, 32, 32))
    assert record["compute"]["macs"] == counter.get_total_flops() // 2
    described = yaml.safe_load((run / "config.yaml").read_text())["model"]
    assert described["init_args"]["network"]["init_args"]["width"] == 3


@pytest.mark.slow
def test_every_verb_works_on_its_run_once_it_is_trusted(run, capsys, monkeypatch):
    Image.new("L", (28, 28)).save("digit.png")
    again = ["test", "--ckpt_path", "run", "--run_dir", "again", *QUIET[:4]]
    verbs = {
        "classify": ["classify", "run", "digit.png", "--json"],
        "info": ["info", "run", "--json"],
        "export": ["export", "run", "--format", "torch-export", "--output", "net.pt2"],
        "hub": ["export", "run", "--format", "hub", "--output", "hub"],
        "benchmark": ["benchmark", "run", "--output", "out", "--devices", "1"],
        "test": again,
    }
    outputs = {}
    for name, words in verbs.items():
        forget(monkeypatch)
        capsys.readouterr()
        assert main(words) == 2, name
        assert "--trust my_module" in capsys.readouterr().err
        assert "my_module" not in sys.modules
        assert main([*words, "--trust", "my_module"]) == 0, name
        outputs[name] = capsys.readouterr().out
    assert len(json.loads(outputs["classify"])["images"][0]["classes"]) == 5
    info = json.loads(outputs["info"])
    assert [row["name"] for row in info["layers"] if row["kind"] == "conv"] == [
        "stem", "layer1.conv1", "layer1.conv2", "layer2.conv1", "layer2.conv2", "layer2.shortcut",
    ]  # fmt: skip
    record = record_of(run)
    assert (info["macs"], info["parameters"]) == (record["compute"]["macs"], record["parameters"])
    assert record_of(run.parent / "again")["metrics"] == record["metrics"]
    (measured,) = (run.parent / "out").glob("*.json")
    assert json.loads(measured.read_text())["own"] == record["own"]
    assert main(["table", "digits", "--records", "out"]) == 0
    assert r"Not a network of the zoo: my\_module.MyModel" in capsys.readouterr().out
    program = torch.export.load("net.pt2").module()
    images = torch.rand(3, 1, 32, 32)
    network = zoo.load("run").eval()
    assert torch.allclose(program(images), network(images), atol=1e-5)


def test_nothing_is_imported_for_a_checkpoint_of_a_stranger(run, monkeypatch):
    forget(monkeypatch)
    Path("my_module.py").write_text("open('executed', 'w').close()\n")
    for use in (zoo.load, zoo.get_weights(run).transforms, lambda: zoo.get_weights(run).model()):
        with pytest.raises(InputError, match="read that code, then add --trust my_module"):
            use(run) if use is zoo.load else use()
    assert not Path("executed").exists()


def test_trust_in_one_module_is_none_in_another_that_it_could_be_made_to_import(run, capsys, monkeypatch):
    forget(monkeypatch)
    config = yaml.safe_load((run / "config.yaml").read_text())
    Path("evil.py").write_text("open('executed', 'w').close()\n")
    for value in ("evil.Own", {"class_path": "evil.Own"}):
        config["model"]["init_args"]["network"]["init_args"]["width"] = value
        (run / "config.yaml").write_text(yaml.safe_dump(config))
        assert main(["test", "--ckpt_path", "run", "--trust", "my_module", "--run_dir", "again"]) == 2
        assert "evil" in capsys.readouterr().err
    assert not Path("executed").exists()


def test_trust_in_a_module_is_none_in_one_whose_name_begins_so(here):
    Path("my_module_2.py").write_text("open('executed', 'w').close()\n")
    trusted.trust("my_module")
    with pytest.raises(InputError, match="add --trust my_module_2"):
        trusted.class_named("my_module_2.Net", torch.nn.Module, "it")
    assert not Path("executed").exists()


def test_a_checkpoint_s_options_bring_in_no_class():
    with pytest.raises(InputError, match=r"was built with evil.Own for stride, and a checkpoint brings in no other"):
        rebuilt(torch.nn.MaxPool2d, {"init_args": {"kernel_size": 2, "stride": {"class_path": "evil.Own"}}})


def test_to_meet_the_shape_of_its_images_changes_nothing_in_a_network():
    layers = [torch.nn.BatchNorm2d(1), torch.nn.Dropout(), torch.nn.Flatten(), torch.nn.Linear(9, 4)]
    network = OwnNetwork(torch.nn.Sequential(*layers).train())
    before, drawn = {k: v.clone() for k, v in network.state_dict().items()}, torch.get_rng_state()
    network.see((1, 3, 3))
    assert (network.input_shape, network.num_classes) == ((1, 3, 3), 4)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert all(module.training for module in network.modules())
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_trusted_class_that_is_no_network_is_not_called(here):
    trusted.trust("my_module")
    with pytest.raises(InputError, match="no class of a Module"):
        trusted.class_named("my_module.F", torch.nn.Module, "it")


def test_a_lightning_module_learns_by_its_own_step_optimizer_and_schedule(here):
    words = ["--model", "my_module.Lit", "--model.hidden", "8", "--data.num_held_out", "100"]
    assert main(["fit", *words, *DIGITS, *QUIET[:4], "--trainer.max_epochs", "2", "--run_dir", "run"]) == 0
    with Path("run/metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    logged = {key: [float(row[key]) for row in rows if row[key]] for key in rows[0]}
    assert logged["epochs_begun"] == [1, 2]
    assert logged["my_loss"][1] < logged["my_loss"][0] < 1
    assert len(logged["my_val_loss"]) == 2
    assert set(logged["lr"]) == {0.01}
    assert logged["train/top1_error"][1] < logged["train/top1_error"][0]
    checkpoint = torch.load("run/checkpoints/last.ckpt", weights_only=True)
    # Adam, the default of an nn.Module, would keep exp_avg.
    assert set(checkpoint["optimizer_states"][0]["state"][0]) == {"step", "square_avg"}
    assert record_of(here / "run")["own"]["class"] == "my_module.Lit"


def test_a_network_on_the_zoo_s_base_class_has_its_own_name_and_branches(here, capsys):
    words = ["--model", "my_module.ResModel", "--model.width", "2"]
    assert main(["fit", *words, *DIGITS, *QUIET, "--run_dir", "run"]) == 0
    record = record_of(here / "run")
    assert (record["network"], record["variant"]) == ("my_module.Res", "paper")
    network = zoo.load("run", trust="my_module").eval()
    images = torch.rand(2, 1, 32, 32)
    x = network.stem(images)
    assert torch.equal(network(images), network.fc((network.block(x) + network.skip(x)).mean((2, 3))))
    assert torch.equal(network.features(images, "block.conv1"), network.block.conv1(x))
    for wrong in (network.forward_features, lambda images: network.features(images, "nope")):
        with pytest.raises(InputError, match=r"no chain|no layer 'nope'"):
            wrong(images)
    assert main(["info", "run", "--trust", "my_module"]) == 0
    assert "block.conv2" in capsys.readouterr().out


def test_a_config_may_name_it_and_a_run_goes_on(here):
    config = {
        "data": {"class_path": "zoo.data.Digits", "init_args": {"transform": "lenet5"}},
        "model": {"class_path": "my_module.MyModel", "init_args": {"width": 2, "label_smoothing": 0.1}},
        "trainer": {"max_epochs": 2, "enable_progress_bar": False, "accelerator": "cpu"},
    }
    Path("mine.yaml").write_text(yaml.safe_dump(config))
    assert main(["fit", "--config", "mine.yaml", "--model.in_channels", "1", "--run_dir", "whole"]) == 0
    first = ["--trainer.max_epochs", "1", "--test", "false"]
    assert main(["fit", "--config", "mine.yaml", *first, "--run_dir", "part"]) == 0
    assert main(["fit", "--resume", "part", "--trust", "my_module", "--trainer.max_epochs", "2", "--test", "true"]) == 0
    assert record_of(here / "part")["weights"] == record_of(here / "whole")["weights"]


MISTAKES = {
    "no module": (["--model", "my_modul.MyModel"], "There is no my_modul: it is neither installed nor in the working"),
    "no class": (["--model", "my_module.MyMode"], "There is no my_module.MyMode."),
    "no network": (["--model", "my_module.F"], "my_module.F is no network"),
    "no key": (["--model", "my_module.MyModel", "--model.wdth", "3"], "wdth"),
    "no number": (["--model", "my_module.MyModel", "--model.width", "x"], "width must be a whole number, not 'x'"),
    "other channels": (["--model", "my_module.MyModel", "--model.in_channels", "3"], "does not take images of 1x32x32"),
    "few outputs": (["--model", "my_module.MyModel", "--model.num_classes", "3"], "add --model.num_classes 10"),
    "no such layer": (
        ["--model", "my_module.MyModel", "--model.freeze", "nope"],
        "freeze names 'nope', but",
    ),
    "smoothing": (
        ["--model", "my_module.Lit", "--model.label_smoothing", "0.1"],
        "Lit learns by its own",
    ),
    "mixing": (
        ["--model", "my_module.Lit", "--model.cutmix", "0.5"],
        "and model.cutmix out",
    ),
    "no forward": (["--model", "my_blind.Blind"], "Blind has no forward"),
    "a module that fails": (["--model", "my_broken.Net"], "my_broken cannot be imported: ZeroDivisionError: division"),
}


@pytest.mark.parametrize(("words", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_bad_input_is_one_sentence_and_leaves_nothing(here, capsys, words, sentence):
    Path("my_blind.py").write_text("from torch import nn\nclass Blind(nn.Module):\n    pass\n")
    Path("my_broken.py").write_text("1 / 0\n")
    assert main(["fit", *words, *DIGITS, *QUIET]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert sentence in line
    assert not Path("runs").exists()


def test_the_installed_command_finds_it_and_prefers_what_is_installed(here):
    """In a process of its own, without the working folder on the path; a module beside it hides no installed one."""
    # What the module imports, but nothing before it.
    Path("tabnanny.py").write_text("raise SystemExit(3)\n")
    Path("my_module.py").write_text(f"import tabnanny\n{Path('my_module.py').read_text()}")
    words = ["fit", "--model", "my_module.MyModel", *DIGITS, *QUIET, "--run_dir", "run"]
    safe = preloaded.clean_environment() | {"PYTHONSAFEPATH": "1"}
    assert preloaded.run("-c", "import sys; print('tabnanny' in sys.modules)", env=safe).stdout == "False\n"
    preloaded.run("-m", "zoo", *words, env=safe)
    assert record_of(here / "run")["network"] == "my_module.MyModel"
