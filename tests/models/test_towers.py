"""AlexNet in two towers: the numbers, gradients and state of one device; what lies where, and what passes between."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from resume_cases import Noise, StopAfter, outcome, stopped, train
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from zoo.cli import main
from zoo.errors import InputError
from zoo.layers.towers import Halved, beside_their_weights
from zoo.models import AlexNetModel, alexnet_model
from zoo.models.alexnet import AlexNet
from zoo.optim import MomentumSGD
from zoo.options import declared

CPU, META = torch.device("cpu"), torch.device("meta")


def pair(variant="cifar", **options):
    """The same network on one device and in two towers, in double precision."""
    made = []
    for towers in ("together", "split"):
        torch.manual_seed(3)
        made.append(AlexNet(variant, towers=towers, **options).double())
    return made


def images(size=32):
    return 255 * torch.rand(5, 3, size, size, dtype=torch.float64) - 128


def gradients(network):
    """By the names of one device."""
    found = {}
    for name, layer in network.named_children():
        halves = layer.halves if isinstance(layer, Halved) else [layer]
        for key in ("weight", "bias"):
            if hasattr(halves[0], key):
                found[f"{name}.{key}"] = torch.cat([getattr(half, key).grad for half in halves])
    return found


@pytest.mark.parametrize("options", [{}, {"order": "code", "alpha": "code", "init": "code"}], ids=["paper", "code"])
def test_logits_gradients_and_first_weights_are_those_of_one_device(options):
    one, two = pair(**options)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    x, labels = images(), torch.tensor([0, 1, 2, 3, 4])
    assert torch.allclose(one.eval()(x), two.eval()(x), rtol=1e-9, atol=0)
    for network in (one, two):
        # With dropout, which leaves out the same units.
        torch.manual_seed(5)
        F.cross_entropy(network.train()(x), labels).backward()
    ours, theirs = gradients(two), gradients(one)
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        assert torch.allclose(ours[name], gradient, rtol=1e-7, atol=1e-12 * float(gradient.abs().max())), name
        assert bool(gradient.abs().max() > 0)


def test_the_paper_form_is_that_of_one_device_too():
    one, two = pair("paper", input_size=64, num_classes=10)
    x = images(64)[:2]
    assert torch.allclose(one.eval()(x), two.eval()(x), rtol=1e-9, atol=0)


def test_steps_of_the_papers_rule_are_those_of_one_device():
    found = []
    for network in pair():
        optimizer = MomentumSGD(network.parameters(), lr=0.001, momentum=0.9, weight_decay=5e-4)
        for step in range(3):
            torch.manual_seed(step)
            optimizer.zero_grad()
            F.cross_entropy(network(images()), torch.arange(5)).backward()
            optimizer.step()
        found.append(network.state_dict())
    one, two = found
    assert one.keys() == two.keys()
    assert all(torch.allclose(one[name], two[name], rtol=1e-6, atol=1e-10) for name in one)


def test_state_goes_both_ways_and_names_nothing_of_the_towers():
    one, two = pair()
    other = AlexNet("cifar").double()
    assert list(one.state_dict()) == list(two.state_dict())
    two.load_state_dict(other.state_dict())
    one.load_state_dict(two.state_dict())
    assert all(torch.equal(one.state_dict()[name], tensor) for name, tensor in other.state_dict().items())
    # The first tower has the first half of the kernels, which the groups of one device read the first maps with.
    assert torch.equal(two.conv2.halves[0].weight, other.conv2.weight[:128])
    assert torch.equal(two.conv2.halves[1].weight, other.conv2.weight[128:])
    assert two.options == one.options, "nothing that zoo.get_model would build in two towers from a checkpoint"
    with pytest.raises(RuntimeError, match=r"Missing key.*conv3"):
        two.load_state_dict({name: tensor for name, tensor in one.state_dict().items() if name != "conv3.weight"})


def test_layers_start_from_another_network():
    trained, two = AlexNet("cifar"), AlexNet("cifar", num_classes=7, towers="split")
    assert two.start_from(trained) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    assert torch.equal(two.state_dict()["fc6.weight"], trained.fc6.weight)


def test_features_are_those_of_one_device():
    one, two = pair()
    x = images()
    for layer in ("conv1", "norm1", "pool5", "fc6", "fc8"):
        assert torch.allclose(one.eval().features(x, layer), two.eval().features(x, layer), rtol=1e-9, atol=1e-12)


def test_the_second_tower_goes_to_its_device_with_the_first_and_comes_back():
    network = AlexNet("cifar", towers="split")
    first = [layer.halves[0] for layer in network.children() if isinstance(layer, Halved)]
    second = [layer.halves[1] for layer in network.children() if isinstance(layer, Halved)]
    assert len(second) == 7
    network.place(CPU, META)
    assert {p.device for half in second for p in half.parameters()} == {META}
    assert {p.device for half in first for p in half.parameters()} == {CPU}
    network.double()
    assert {p.device for half in second for p in half.parameters()} == {META}
    network.to("meta")  # not the first tower's place: all are together
    assert {p.device for p in network.parameters()} == {META}


class Crossings(TorchDispatchMode):
    """Notes the shape of what passes from one device to the other."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if "_to_copy" in str(function) and result.device != args[0].device:
            self.seen.append((args[0].device.index, tuple(args[0].shape)))
        return result


def test_the_towers_communicate_at_conv3_fc6_and_fc7_alone():
    with torch.device("meta"):
        network = AlexNet("paper", towers="split").train()
    # Fake tensors have devices that are not there, and refuse to mix them.
    with FakeTensorMode(), torch.no_grad(), Crossings() as crossings:
        weights = {
            name: torch.empty(tensor.shape, device="cuda:1" if ".halves.1." in name else "cuda:0")
            for name, tensor in network.named_parameters()
        }
        logits = torch.func.functional_call(network, weights, torch.empty(2, 3, 224, 224, device="cuda:0"))
    assert (logits.device, logits.shape) == (torch.device("cuda:0"), (2, 1000))
    assert crossings.seen == [
        (0, (2, 3, 227, 227)),  # the images
        (1, (2, 128, 13, 13)),  # conv3 reads the maps of both
        (0, (2, 128, 13, 13)),
        (1, (2, 128 * 36)),  # and so does fc6
        (0, (2, 128 * 36)),
        (1, (2, 2048)),  # its dropout is drawn on the first
        (0, (2, 4096)),  # fc7 reads all
        (1, (2, 2048)),
    ]
    # As many weights on each, but for fc8.
    sizes = [
        sum(t.numel() for name, t in weights.items() if (t.device.index, "fc8" in name) == (n, False)) for n in (0, 1)
    ]
    assert sizes[0] == sizes[1] == (60_965_224 - 4_097_000) // 2


def test_the_optimizers_state_lies_where_the_weights_do():
    layer = Halved(nn.Linear(3, 4))
    optimizer = torch.optim.Adam(layer.parameters())
    for parameter in layer.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    # As after a checkpoint, which Lightning brings to one device: the weights are moved in their places.
    state = [optimizer.state[p] for p in layer.halves[1].parameters()]
    layer.place(CPU, META)
    for moved, held in zip(layer.halves[1].parameters(), state, strict=True):
        optimizer.state[moved] = held
    beside_their_weights(optimizer)
    for half, device in zip(layer.halves, (CPU, META), strict=True):
        for parameter in half.parameters():
            held = optimizer.state[parameter]
            assert {held["exp_avg"].device, held["exp_avg_sq"].device} == {device}
            assert held["step"].device == CPU


@pytest.mark.parametrize("variant", ["one_gpu", "joined", "caffe", "torchvision"])
def test_a_form_without_two_towers_is_refused(variant):
    with torch.device("meta"), pytest.raises(ValueError, match=f"is for the variants paper, cifar, not for {variant}"):
        AlexNet(variant, towers="split")


def test_a_layer_that_does_not_split_is_refused():
    for layer in (nn.Linear(4, 5), nn.Conv2d(9, 6, 3, groups=3)):
        with pytest.raises(ValueError, match="does not split into two towers"):
            Halved(layer)


def test_it_is_the_same_experiment():
    (options,) = declared({"model": {"class_path": "zoo.models.AlexNetModel"}}).values()
    assert options["changes_no_number"] == ["towers"]
    assert options["defaults"]["towers"] == "together"


class Images(Noise):
    """The noise of 8x8, at the least size that the network takes."""

    def read(self):
        return {
            name: (images.repeat_interleave(2, 2).repeat_interleave(2, 3), labels)
            for name, (images, labels) in super().read().items()
        }


def model(towers):
    torch.manual_seed(0)
    # The spreads of the 2012 code give so small a network gradients to go by.
    return AlexNetModel("cifar", num_classes=3, input_size=16, init="code", towers=towers)


def test_a_training_in_two_towers_is_that_of_one_device_and_goes_on_to_the_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(alexnet_model, "_two_gpus", lambda trainer: (CPU, CPU))
    whole = train(tmp_path / "whole", Images(), model("split"), max_epochs=2)
    together = train(tmp_path / "together", Images(), model("together"), max_epochs=2)
    one, two = (trainer.lightning_module.network.state_dict() for trainer in (together, whole))
    assert all(torch.allclose(one[name], two[name], rtol=1e-3, atol=1e-5) for name in one)
    assert not torch.equal(two["conv3.weight"], model("split").network.state_dict()["conv3.weight"])

    stopped(tmp_path / "run", Images(), model("split"), StopAfter(7), max_epochs=2)
    with pytest.raises(InputError, match=r"is of a training with model.towers split: go on with the same"):
        train(tmp_path / "run", Images(), model("together"), max_epochs=2)
    again = train(tmp_path / "run", Images(), model("split"), max_epochs=2)
    assert outcome(again, tmp_path / "run") == outcome(whole, tmp_path / "whole")
    with pytest.raises(InputError, match=r"is of a training with model.towers together: go on with the same"):
        train(tmp_path / "together", Images(), model("split"), max_epochs=3)


SMOKE = ["fit", "--config", "alexnet", "--config", "overlays/smoke", "--run_dir", "run"]
SMOKE += ["--model.variant", "cifar", "--model.towers", "split"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--trainer.accelerator", "cpu"], "zoo: model.towers split needs two GPUs, and this run has none: leave"),
        (["--compile", "true"], "zoo: --compile is for one device: leave it out, or model.towers."),
        (["--model.variant", "joined"], "zoo: towers 'split' is for the variants paper, cifar, not for joined"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_leaves_no_run(in_folder, capsys, words, says):
    assert main([*SMOKE, *words]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(says)
    assert not (in_folder / "run").exists()


def fake_trainer(device, processes=1):
    return SimpleNamespace(world_size=processes, strategy=SimpleNamespace(root_device=torch.device(device)))


def test_the_second_gpu_is_the_one_after_the_first(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    for own, other in ((0, 1), (2, 3), (3, 0)):
        assert alexnet_model._two_gpus(fake_trainer(f"cuda:{own}")) == (
            torch.device("cuda", own), torch.device("cuda", other),
        )  # fmt: skip
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InputError, match=r"needs two GPUs, and this run has 1: leave model.towers out"):
        alexnet_model._two_gpus(fake_trainer("cuda:0"))
    with pytest.raises(InputError, match=r"set trainer.devices to 1, or leave model.towers out"):
        alexnet_model._two_gpus(fake_trainer("cuda:0", 2))
