"""Finding weights by name, run, file; the networks and preprocessing that come with them."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from weights_cases import NAME, make_run, mistakes, nearest_mean

import zoo
from zoo.data import CIFAR10
from zoo.errors import InputError
from zoo.weights import cards
from zoo.weights.export import ship
from zoo.weights.export.scoring import measure
from zoo.weights.find import find


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def card(run, tmp_path_factory):
    return ship.write(run, NAME, tmp_path_factory.mktemp("shipped"))


@pytest.fixture
def shipped(card, monkeypatch):
    monkeypatch.setattr(cards, "SHIPPED", card.parents[1])
    return card


def test_a_run_folder_its_checkpoint_and_its_weights_are_the_same_network(run):
    weight, bias, _, _ = nearest_mean()
    for given in (run, str(run), run / "checkpoints" / "last.ckpt"):
        network = zoo.load(given)
        assert np.array_equal(network.fc.weight.detach(), weight)
        assert np.array_equal(network.fc.bias.detach(), bias)
        assert network.training


def test_the_path_of_a_card_means_its_weights(card):
    assert zoo.get_weights(card).path == zoo.get_weights(card.with_suffix(".safetensors")).path


def test_a_card_that_is_cut_short_is_not_taken_for_a_snapshot(card, tmp_path):
    cut = tmp_path / "digits.json"
    cut.write_bytes(card.read_bytes()[:500])
    with pytest.raises(InputError) as refused:
        find(cut)
    assert str(refused.value) == f"{cut} is not a whole JSON file: get it again from where it came from."


def test_a_networks_name_leads_to_its_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(cards, "SHIPPED", tmp_path)
    (tmp_path / "vgg16-bn").mkdir()
    (tmp_path / "vgg16-bn" / "cifar10.json").touch()
    with pytest.raises(InputError, match=r"weights of that name: did you mean vgg16-bn/cifar10\?$"):
        find("vgg16-bn")
    with pytest.raises(InputError, match=r": did you mean vgg16-bn/cifar10 or torchvision/vgg16 or .*vgg16_bn\?$"):
        find("vgg16")
    with pytest.raises(InputError, match="neither shipped nor as a file or run folder: zoo list weights"):
        find("runs/2026")


def test_a_run_says_what_it_is(run):
    weights = zoo.get_weights(run)
    weights.verify()
    assert (weights.data.class_name, weights.data.transform, weights.data.protocol) == ("Digits", "raw", "single view")
    assert weights.class_names == [str(digit) for digit in range(10)]
    assert weights.config["model"]["class_path"] == "zoo.models.LinearModel"
    assert weights.meta["seed"] == 0
    assert weights.meta["record"]["n"] == 360


def test_a_checkpoint_without_its_run_still_loads_but_has_no_preprocessing(run, tmp_path):
    lonely = tmp_path / "weights.ckpt"
    lonely.write_bytes((run / "checkpoints" / "last.ckpt").read_bytes())
    weights = find(lonely)
    assert weights.network().name == "linear"
    assert weights.meta["network"] == "linear"
    with pytest.raises(InputError, match=r"weights.ckpt lies outside its run folder"):
        weights.transforms()


def test_a_run_that_was_not_measured_says_what_it_can(tmp_path):
    folder = make_run(tmp_path / "run")
    (folder / "record.json").unlink()
    weights = find(folder)
    weights.verify()
    assert weights.data.protocol == "single view"
    assert weights.meta["class_names"][3] == "3"
    assert weights.meta["record"] is None
    assert weights.transforms()(torch.zeros(1, 1, 8, 8, dtype=torch.uint8)).shape == (1, 1, 8, 8)


@pytest.mark.parametrize(
    "config",
    ["[", "[1]", "data: 3", "data: {class_path: [1]}", "data: {class_path: zoo.data.Digits, init_args: 3}", "\0"],
    ids=repr,
)
def test_a_run_whose_config_is_none_is_refused(tmp_path, config):
    folder = make_run(tmp_path / "run")
    (folder / "config.yaml").write_text(config)
    with pytest.raises(InputError, match=r"config\.yaml is not the config of a run") as refused:
        zoo.load(folder)
    assert "\n" not in str(refused.value)


def test_a_run_whose_record_is_of_other_weights_is_not_verified(tmp_path):
    folder = make_run(tmp_path / "run", weights={"sha256": "a" * 64})
    with pytest.raises(InputError, match="does not hold the weights of the Record"):
        find(folder).verify()
    with pytest.raises(InputError, match="does not hold the weights of the Record"):
        ship.write(folder, NAME, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.*"))


def test_the_shipped_pair_scores_what_its_card_says(card):
    weight, bias, images, labels = nearest_mean()
    half = weight.astype(np.float16).astype(np.float32)
    content = json.loads(card.read_text())
    assert content["dtype"] == "float16"
    scores = content["scores"]
    assert (scores["top1_wrong"], scores["top5_wrong"]) == mistakes(half, bias, images, labels)
    assert scores["n"] == len(labels) == 360
    assert content["record"]["metrics"]["top1_wrong"] == mistakes(weight, bias, images, labels)[0]
    weights = find(card.with_suffix(".safetensors"))
    weights.verify()
    assert measure(weights)[0] == scores
    assert np.array_equal(weights.network().fc.weight.detach(), half)
    assert weights.network().fc.weight.dtype == torch.float32
    # A bias is one number a class: halving it would save nothing.
    assert np.array_equal(weights.network().fc.bias.detach(), bias)


def test_a_full_precision_pair_is_the_run_to_the_bit(run, tmp_path):
    written = ship.write(run, NAME, tmp_path, dtype="float32")
    assert zoo.load(written.with_suffix(".safetensors")).state_dict().keys() == zoo.load(run).state_dict().keys()
    assert torch.equal(zoo.load(written.with_suffix(".safetensors")).fc.weight, zoo.load(run).fc.weight)


def test_writing_again_gives_the_same_file(run, card, tmp_path):
    again = ship.write(run, NAME, tmp_path)
    assert again.with_suffix(".safetensors").read_bytes() == card.with_suffix(".safetensors").read_bytes()


@pytest.mark.parametrize(
    "name", ["mlp/digits", "linear", "linear/../x", "/linear/digits", "linear-bn/digits", "Linear/x"]
)
def test_a_pair_under_a_wrong_name_is_not_written(run, tmp_path, name):
    with pytest.raises(InputError):
        ship.write(run, name, tmp_path / "out")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_run_that_was_not_measured_on_the_whole_test_set_is_not_shipped(tmp_path):
    folder = make_run(tmp_path / "run")
    record = json.loads((folder / "record.json").read_text())
    limited = record | {"n": 200, "metrics": record["metrics"] | {"top1_wrong": 20, "top1_error": 10.0,
                        "top5_wrong": 0, "top5_error": 0.0}}  # fmt: skip
    limited["config"] = record["config"] | {"trainer": {"limit_test_batches": 1}}
    (folder / "record.json").write_text(json.dumps(limited))
    with pytest.raises(InputError, match="200 images, not of the whole test set"):
        ship.write(folder, NAME, tmp_path / "out")
    (folder / "record.json").unlink()
    with pytest.raises(InputError, match="zoo test"):
        ship.write(folder, NAME, tmp_path / "out")


def test_numbers_too_large_for_half_precision_stay_whole(tmp_path):
    folder = make_run(tmp_path / "run")
    content = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    # The same classes, a million times as sure of them.
    for value in content["state_dict"].values():
        value.mul_(2.0**20)
    torch.save(content, folder / "checkpoints" / "last.ckpt")
    record = json.loads((folder / "record.json").read_text())
    from zoo.evaluation.digest import weights_digest

    (folder / "record.json").unlink()
    record["weights"] = {"sha256": weights_digest(zoo.load(folder))}
    (folder / "record.json").write_text(json.dumps(record))
    assert json.loads(ship.write(folder, NAME, tmp_path / "out").read_text())["dtype"] == "float32"
    with pytest.raises(InputError, match="float16"):
        ship.write(folder, NAME, tmp_path / "half", dtype="float16")


def test_get_model_takes_names_long_and_short_paths_and_weights(shipped, run):
    wanted = find(NAME).network().state_dict()["fc.weight"]
    for given in (
        NAME,
        "digits",
        find(NAME),
        shipped.with_suffix(".safetensors"),
        str(shipped.with_suffix(".safetensors")),
    ):
        network = zoo.get_model("linear", weights=given)
        assert torch.equal(network.fc.weight, wanted)
        assert network.training
    assert torch.equal(zoo.get_model("linear", variant="paper", weights="digits").fc.weight, wanted)
    assert zoo.get_model("linear", weights=run).meta["record"]["n"] == 360
    assert NAME in zoo.list_weights()
    assert zoo.list_weights("linear") == [NAME]
    assert zoo.list_weights("vgg16") == ["torchvision/vgg16", "torchvision/vgg16_bn"]
    assert NAME not in zoo.list_weights("mlp")


def test_a_trained_network_says_how_it_came_to_be(shipped):
    network = zoo.get_model("linear", weights="digits")
    assert network.meta["record"]["git"]["commit"] == "0" * 40
    assert "'linear/digits'" in repr(network)
    assert f"{network.meta['scores']['top1_error']:.2f} % top-1 error on digits (n = 360" in repr(network)
    assert zoo.get_model("linear").meta is None
    assert "weights=" not in repr(zoo.get_model("linear"))


def test_another_number_of_classes_keeps_all_but_the_last_layer(tmp_path):
    network = zoo.get_model("mlp", hidden=(7, 6), input_size=2)
    from test_weights import checkpoint_of

    torch.save(checkpoint_of(network), tmp_path / "a.ckpt")
    torch.manual_seed(3)
    changed = zoo.get_model("mlp", weights=tmp_path / "a.ckpt", num_classes=3)
    assert changed(torch.zeros(1, 3, 2, 2)).shape == (1, 3)
    assert torch.equal(changed.fc1.weight, network.fc1.weight)
    assert torch.equal(changed.fc2.bias, network.fc2.bias)
    assert changed.fc3.weight.std() > 0
    assert changed.meta["initialised"] == ["fc3"]
    assert "initialised: fc3" in repr(changed)
    same = zoo.get_model("mlp", weights=tmp_path / "a.ckpt", num_classes=10, hidden=(7, 6))
    assert torch.equal(same.fc3.weight, network.fc3.weight)
    with pytest.raises(ValueError, match=r"was trained with hidden \(7, 6\), not \(7,\)"):
        zoo.get_model("mlp", weights=tmp_path / "a.ckpt", hidden=(7,))
    with pytest.raises(ValueError, match="breadth"):
        zoo.get_model("mlp", weights=tmp_path / "a.ckpt", breadth=1)


def test_making_a_trained_network_takes_no_random_numbers(shipped):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    zoo.get_model("linear", weights="digits")
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"weights": "mnist"}, "named 'mnist'; of linear there are: linear/digits"),
        ({"weights": "linear/digit"}, "did you mean linear/digits"),
        ({"weights": "lenet5/mnist"}, "not trained yet|weights of lenet5"),
        ({"weights": "torchvision/resnet50"}, "torchvision/alexnet, torchvision/vgg16"),
        ({"weights": "torchvision/vgg16"}, "weights of vgg16 paper, not of linear"),
        ({"weights": "../../../etc/passwd"}, r"\.\./etc/passwd"),
        ({"weights": "linear/../linear/digits"}, "No checkpoint at"),
        ({"variant": "bn", "weights": "digits"}, "no weights of linear bn named 'digits'"),
        ({"variant": "bn", "weights": "linear/digits"}, "weights of linear paper, not of linear bn"),
    ],
    ids=str,
)
def test_what_is_not_there_is_refused_in_one_sentence(shipped, words, message):
    with pytest.raises(InputError, match=message) as refused:
        zoo.get_model("linear", **words)
    assert "\n" not in str(refused.value)


def test_unknown_networks_are_refused_with_and_without_weights():
    for words in ({}, {"weights": "mnist"}):
        with pytest.raises(ValueError, match="lenet6"):
            zoo.get_model("lenet6", **words)
    with pytest.raises(InputError, match="lenet6"):
        zoo.list_weights("lenet6")


def test_one_variant_is_found_and_several_are_asked_for(monkeypatch, tmp_path):
    from zoo.weights.pretrained import _full_name

    monkeypatch.setattr(cards, "SHIPPED", tmp_path)
    for name in ("vgg16-bn/cifar10", "cuda_convnet-11pct/cifar10", "cuda_convnet-18pct/cifar10", "alexnet/imagenet"):
        (tmp_path / f"{name}.json").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.json").touch()
    assert _full_name("vgg16", None, "cifar10") == "vgg16-bn/cifar10"
    assert _full_name("vgg16", "bn", "cifar10") == "vgg16-bn/cifar10"
    assert _full_name("cuda_convnet", "18pct", "cifar10") == "cuda_convnet-18pct/cifar10"
    assert _full_name("alexnet", "paper", "imagenet") == "alexnet/imagenet"
    with pytest.raises(InputError, match="cuda_convnet-11pct/cifar10 or cuda_convnet-18pct/cifar10"):
        _full_name("cuda_convnet", None, "cifar10")
    with pytest.raises(InputError, match="no weights of vgg16 paper"):
        _full_name("vgg16", "paper", "cifar10")


class SmallCIFAR10(CIFAR10):
    """Sixty random images under CIFAR-10's name."""

    def prepare_data(self):
        pass

    def read(self):
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (60, 3, 32, 32), generator=generator, dtype=torch.uint8)
        return {"train": (images[:40], torch.arange(40) % 10), "test": (images[40:], torch.arange(20) % 10)}


@pytest.fixture
def small_cifar10(monkeypatch):
    import zoo.data

    monkeypatch.setattr(zoo.data, "CIFAR10", SmallCIFAR10, raising=False)


def test_a_mean_image_travels_with_the_weights(small_cifar10, monkeypatch, tmp_path):
    folder, out = tmp_path / "run", tmp_path / "out"
    write_cifar_run(folder)
    card = ship.write(folder, "cuda_convnet-11pct/cifar10", out, dtype="float32")
    # From here on there is no training image.
    data = SmallCIFAR10().read()
    monkeypatch.setattr(SmallCIFAR10, "read", lambda self: {key: (i[-20:], y[-20:]) for key, (i, y) in data.items()})
    weights = find(card.with_suffix(".safetensors"))
    weights.verify()
    mean = data["train"][0].numpy().mean(axis=0)
    test = data["test"][0]
    expected = test.numpy() - mean
    whole = weights.transforms(whole=True)(test)
    assert whole.shape == (20, 3, 32, 32)
    np.testing.assert_allclose(whole, expected, atol=1e-4)
    # The network itself takes the middle, as its model does of whole images.
    np.testing.assert_allclose(weights.transforms()(test), expected[:, :, 4:28, 4:28], atol=1e-4)
    assert weights.network()(weights.transforms()(test)).shape == (20, 10)
    module = weights.data_module("anywhere", batch_size=20)
    module.setup()
    assert torch.equal(next(iter(module.test_dataloader()))[0], whole)
    assert json.loads(card.read_text())["scores"]["protocol"] == "ten crops"


def write_cifar_run(folder):
    """A run of cuda-convnet's 11 % network on these images, untrained and measured by the Trainer."""
    import yaml
    from lightning.pytorch import Trainer
    from test_weights import checkpoint_of

    from zoo.evaluation.recorder import Recorder
    from zoo.models import CudaConvnetModel

    torch.manual_seed(0)
    model, data = CudaConvnetModel("11pct"), SmallCIFAR10(transform="cuda_convnet", num_held_out=0, batch_size=10)
    # Wider than it starts, so that the logits differ.
    for parameter in model.network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    config = {
        "data": {"class_path": "zoo.data.CIFAR10", "init_args": {"transform": "cuda_convnet", "num_held_out": 0}},
        "model": {"class_path": "zoo.models.CudaConvnetModel", "init_args": {"variant": "11pct"}},
        "trainer": {},
        "seed_everything": 0,
    }
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    trainer = Trainer(callbacks=[Recorder(folder / "record.json", config)], enable_model_summary=False, **options)
    trainer.test(model, data, verbose=False)
    (folder / "checkpoints").mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    torch.save(checkpoint_of(model.network), folder / "checkpoints" / "last.ckpt")


def test_the_api_is_light():
    code = (
        "import sys, zoo; zoo.list_models(); zoo.list_weights(); zoo.list_weights('vgg16');"
        "print(sorted({'torch', 'lightning', 'numpy', 'torchvision', 'safetensors', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_what_the_package_promises_is_there():
    assert {"get_model", "get_weights", "list_models", "list_weights", "load"} <= set(zoo.__all__)
    assert all(getattr(zoo, name) is not None for name in zoo.__all__)
    assert all(getattr(zoo.weights, name) is not None for name in zoo.weights.__all__)


def test_one_image_is_classified_in_five_lines(shipped, tmp_path):
    _, _, images, labels = nearest_mean()
    Image.fromarray(images[5][0]).resize((64, 64), Image.Resampling.NEAREST).save(tmp_path / "digit.png")
    weights = zoo.get_weights("linear/digits")
    network = zoo.get_model("linear", weights=weights)
    logits = network(weights.transforms()(tmp_path / "digit.png"))
    assert weights.class_names[logits.argmax()] == str(labels[5])
