"""Loading what zoo wrote, refusing what it did not, and taking over torchvision's weights."""

import pickle

import pytest
import torch
import torchvision
from torch import nn

import zoo
from zoo.errors import InputError
from zoo.models import LeNet5Model, MLPModel, PerceptronModel
from zoo.models.network import NETWORK_KEY
from zoo.weights import from_torchvision, load

MLP_DESCRIPTION = {"name": "mlp", "variant": "paper", "options": {"hidden": (3, 2), "input_size": 2}}


def checkpoint_of(network: nn.Module, **changes) -> dict:
    """What Lightning and Classifier.on_save_checkpoint write, as far as it matters here, by hand."""
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    description = {"name": network.name, "variant": network.variant, "options": network.options}
    return {"epoch": 3, "state_dict": state, NETWORK_KEY: description, "optimizer_states": [{"lr": 0.1}]} | changes


def small_mlp() -> nn.Module:
    return zoo.get_model("mlp", **MLP_DESCRIPTION["options"])


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return type(self.path).mkdir, (self.path,)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mlp", {"hidden": (5, 4), "activation": "maxout", "input_size": 4}),
        ("lenet5", {"in_channels": 3, "num_classes": 7}),
        ("lenet5", {"variant": "modern", "num_classes": 12}),
        ("perceptron", {"input_size": 3}),
        ("linear", {"input_size": 3}),
    ],
)
def test_a_loaded_network_is_the_saved_one_in_training_mode(tmp_path, name, options):
    network = zoo.get_model(name, **options)
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    torch.save(checkpoint_of(network), tmp_path / "last.ckpt")
    loaded = load(tmp_path / "last.ckpt")
    assert type(loaded) is type(network)
    assert (loaded.variant, loaded.options) == (network.variant, network.options)
    assert all(module.training for module in loaded.modules())
    saved, found = network.state_dict(), loaded.state_dict()
    assert list(saved) == list(found)
    assert all(torch.equal(saved[key], found[key]) for key in saved)


def test_a_run_folder_stands_for_its_last_checkpoint_and_zoo_load_is_the_same(tmp_path):
    network = small_mlp()
    (tmp_path / "checkpoints").mkdir()
    torch.save(checkpoint_of(network), tmp_path / "checkpoints" / "last.ckpt")
    for loaded in (load(tmp_path), zoo.load(str(tmp_path))):
        assert torch.equal(loaded.fc1.weight, network.fc1.weight)


@pytest.mark.parametrize(
    "model",
    [MLPModel(hidden=(3,)), LeNet5Model(variant="modern"), PerceptronModel(), PerceptronModel(average=True)],
    ids=lambda model: type(model).__name__,
)
def test_what_a_model_writes_can_be_loaded(tmp_path, model):
    # All that a model holds besides its network, such as the averaged perceptron's learner, is passed over.
    for seed, value in enumerate(model.state_dict().values()):
        value.fill_(seed)
    checkpoint = {"state_dict": model.state_dict()}
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "a.ckpt")
    expected = model.network.state_dict()
    assert {key: value.tolist() for key, value in load(tmp_path / "a.ckpt").state_dict().items()} == {
        key: value.tolist() for key, value in expected.items()
    }


def assert_refused(path) -> None:
    with pytest.raises(InputError, match=path.name) as refused:
        load(path)
    message = str(refused.value)
    assert "\n" not in message
    # torch's own message ends in the advice to load the file unsafely.
    assert "weights_only" not in message


@pytest.mark.parametrize("place", ["whole file", "beside the weights", "among the options"])
def test_an_object_in_a_file_is_refused_and_not_executed(tmp_path, place):
    bomb, file = Bomb(tmp_path / "executed"), tmp_path / "bomb.ckpt"
    options = {**MLP_DESCRIPTION["options"], "hidden": bomb}
    contents = {
        "whole file": bomb,
        "beside the weights": checkpoint_of(small_mlp(), callbacks=bomb),
        "among the options": checkpoint_of(small_mlp(), **{NETWORK_KEY: MLP_DESCRIPTION | {"options": options}}),
    }
    torch.save(contents[place], file)
    assert_refused(file)
    assert not bomb.path.exists()
    # The bomb is live: a reader that trusts the file sets it off.
    torch.load(file, weights_only=False)
    assert bomb.path.exists()


def test_a_plain_pickle_is_refused_and_not_executed(tmp_path):
    bomb, file = Bomb(tmp_path / "executed"), tmp_path / "bomb.pkl"
    file.write_bytes(pickle.dumps(bomb, protocol=2))
    assert_refused(file)
    assert not bomb.path.exists()


@pytest.mark.parametrize(
    "contents",
    [b"", b"hello world\n", b"seed: 1\nmodel: lenet5\n", b"\x80\x02.", b"PK\x03\x04", b"\xc2\xb7\x00", b"T100", b"abc"],
)
def test_files_that_are_no_checkpoints_are_refused(tmp_path, contents):
    file = tmp_path / "weights.ckpt"
    file.write_bytes(contents)
    assert_refused(file)


def test_a_checkpoint_cut_short_is_refused(tmp_path):
    file = tmp_path / "short.ckpt"
    torch.save(checkpoint_of(small_mlp()), file)
    file.write_bytes(file.read_bytes()[:-100])
    assert_refused(file)


def test_missing_files_and_empty_folders_are_refused(tmp_path):
    assert_refused(tmp_path / "nothing.ckpt")
    (tmp_path / "run").mkdir()
    assert_refused(tmp_path / "run")


@pytest.mark.parametrize(
    "changes",
    [
        {NETWORK_KEY: None},
        {NETWORK_KEY: {}},
        {NETWORK_KEY: MLP_DESCRIPTION | {"name": "resnet"}},
        {NETWORK_KEY: MLP_DESCRIPTION | {"variant": "modern"}},
        {NETWORK_KEY: MLP_DESCRIPTION | {"options": {"depth": 3}}},
        {NETWORK_KEY: MLP_DESCRIPTION | {"options": {"hidden": (4,)}}},
        {"state_dict": {}},
        {"state_dict": None},
    ],
    ids=str,
)
def test_checkpoints_that_do_not_hold_the_network_they_name_are_refused(tmp_path, changes):
    torch.save(checkpoint_of(small_mlp(), **changes), tmp_path / "odd.ckpt")
    assert_refused(tmp_path / "odd.ckpt")


@pytest.mark.parametrize("contents", [{"state_dict": {"a": torch.zeros(2)}}, torch.zeros(3), [1, 2]], ids=type)
def test_checkpoints_of_other_programs_are_refused(tmp_path, contents):
    torch.save(contents, tmp_path / "other.ckpt")
    assert_refused(tmp_path / "other.ckpt")


def of_torchvision(name: str, **options) -> nn.Module:
    """torchvision's network in eval mode with every number random: zero biases or unit scales would hide a mix-up."""
    with torch.device("meta"):
        network = getattr(torchvision.models, name)(**options)
    network = network.to_empty(device="cpu").eval()
    torch.manual_seed(0)
    for key, value in network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            value.fill_(5)
        elif value.ndim > 1:
            # He's scale, so that the input reaches the logits through thirteen layers.
            value.uniform_(-1, 1).mul_((6 / value[0].numel()) ** 0.5)
        else:
            value.uniform_(0.5, 1.5) if key.endswith(("weight", "running_var")) else value.uniform_(-0.5, 0.5)
    return network


@pytest.mark.parametrize(
    ("theirs", "name", "variant"),
    [("alexnet", "alexnet", "torchvision"), ("vgg16", "vgg16", "paper"), ("vgg16_bn", "vgg16", "bn")],
)
def test_torchvisions_weights_give_torchvisions_logits(theirs, name, variant):
    original = of_torchvision(theirs, num_classes=10)
    with torch.device("meta"):
        network = zoo.get_model(name, variant=variant, num_classes=10)
    # "assign" takes the very tensors, so that 134 million numbers are in memory once.
    network.load_state_dict(from_torchvision(original.state_dict(), theirs), strict=True, assign=True)
    network.eval()
    images = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        expected, actual = original(images), network(images)
        assert expected.std() > 0.1
        torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-6)


def meta_state(name: str) -> dict:
    with torch.device("meta"):
        return getattr(torchvision.models, name)().state_dict()


@pytest.mark.parametrize(("theirs", "variant"), [("alexnet", "torchvision"), ("vgg16", "paper"), ("vgg16_bn", "bn")])
def test_torchvisions_full_size_fits_without_a_key_left_over(theirs, variant):
    with torch.device("meta"):
        network = zoo.get_model(theirs.removesuffix("_bn"), variant=variant)
    renamed = from_torchvision(meta_state(theirs), theirs)
    assert {k: v.shape for k, v in renamed.items()} == {k: v.shape for k, v in network.state_dict().items()}


def test_networks_of_torchvision_that_zoo_does_not_have_are_refused():
    with pytest.raises(InputError, match=r"'vgg12'.*alexnet, .*vgg16, vgg16_bn, vgg19"):
        from_torchvision({}, "vgg12")


@pytest.mark.parametrize(("held", "named"), [("vgg16_bn", "vgg16"), ("vgg16", "vgg16_bn"), ("vgg16", "alexnet")])
def test_the_weights_of_one_network_are_refused_under_the_name_of_another(held, named):
    with pytest.raises(InputError, match=f"features.* is not a weight of torchvision's {named}"):
        from_torchvision(meta_state(held), named)


@pytest.mark.parametrize("key", ["conv1.weight", "features.1.weight", "weight", "module.features.0.weight"])
def test_unknown_keys_are_refused_by_name(key):
    with pytest.raises(InputError, match=key):
        from_torchvision({key: torch.zeros(1)}, "alexnet")
