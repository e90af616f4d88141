"""torchvision's files as it publishes them, from a server of this machine: new and old forms, and broken ones.

The numbers are random, under torchvision's own keys and shapes; the convolutions' are compared by what comes of them.
"""

import hashlib
from types import SimpleNamespace

import pytest
import torch
import torchvision

import zoo
from zoo.cli import main
from zoo.errors import InputError
from zoo.weights.sources import torchvision as source


def network_of(theirs):
    """torchvision's network with random convolutions; its layers behind them are one number each, and take no room."""
    with torch.device("meta"):
        network = getattr(torchvision.models, theirs)().eval()
    torch.manual_seed(0)
    network.features.to_empty(device="cpu")
    for key, value in network.features.state_dict().items():
        if value.ndim > 1:
            value.uniform_(-1, 1).mul_((6 / value[0].numel()) ** 0.5)
        elif value.is_floating_point():
            value.uniform_(0.5, 1.5) if key.endswith(("weight", "running_var")) else value.uniform_(-0.5, 0.5)
        else:
            value.fill_(0)
    state = network.state_dict()
    return network, {key: torch.tensor(0.25).expand(v.shape) if v.is_meta else v for key, v in state.items()}


@pytest.fixture
def published(server, tmp_path, monkeypatch):
    """Publishes a state dict of torchvision's network where zoo looks for it; returns the file's name."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)

    def publish(theirs, state, **form):
        file = tmp_path / "file.pth"
        torch.save(state, file, **form)
        content = file.read_bytes()
        file.unlink()
        name = f"{theirs}-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        url, meta = server.offer(name, content), source._weights_of(theirs).meta
        monkeypatch.setattr(source, "_weights_of", lambda _: SimpleNamespace(url=url, meta=meta))
        return name

    return publish


def kept(tmp_path, name):
    return tmp_path / "torch" / "hub" / "checkpoints" / name


# Its published files of VGG are of 2017: before the zip archives, and before batch normalisation counted its steps.
@pytest.mark.parametrize(
    ("theirs", "network", "old"),
    [
        ("vgg16_bn", "vgg16", True), pytest.param("vgg16", "vgg16", True, marks=pytest.mark.slow),
        pytest.param("alexnet", "alexnet", False, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_a_new_head_stands_on_torchvisions_convolutions(theirs, network, old, published, tmp_path, server):
    original, state = network_of(theirs)
    if old:
        state = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    name = published(theirs, state, _use_new_zipfile_serialization=not old)
    found = zoo.get_model(network, weights=f"torchvision/{theirs}", num_classes=3).eval()
    assert server.asked == [f"/{name}"]
    assert kept(tmp_path, name).is_file()
    assert found.meta["initialised"] == ["fc8"]
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        maps, expected = found.features(images, "pool5"), original.features(images)
        assert expected.std() > 0.1
        torch.testing.assert_close(maps, expected, rtol=1e-6, atol=1e-6)
        assert found(images).shape == (1, 3)
    assert found.fc7.weight.unique().tolist() == [0.25]


@pytest.mark.slow
def test_the_command_starts_from_it_and_freezes_its_convolutions(published, tmp_path, in_folder, capsys):
    original, state = network_of("alexnet")
    published("alexnet", state)
    model = ["--model", "AlexNetModel", "--model.variant", "torchvision", "--model.num_classes", "10"]
    data = ["--data", "SmokeImageNet", "--data.batch_size", "2", "--data.num_workers", "0", "--test", "false"]
    short = ["--trainer.max_steps", "1", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"]
    words = [*model, *data, *short, "--model.optimizer", "torch.optim.SGD", "--model.optimizer.lr", "1e-9"]
    start = ["--init_from", "torchvision/alexnet", "--model.freeze", "conv*"]
    assert main(["fit", *words, *start, "--run_dir", "run"]) == 0
    said = "from alexnet in torchvision/alexnet: conv1, conv2, conv3, conv4, conv5, fc6, fc7; initialised: fc8\n"
    assert said in capsys.readouterr().out
    network = zoo.load("run").eval()
    images = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        assert torch.equal(network.features(images, "pool5"), original.features(images))


def test_what_is_not_the_file_is_one_sentence(published, server, tmp_path, in_folder, capsys):
    _, state = network_of("alexnet")
    name = published("alexnet", state)
    whole, _ = server.files[f"/{name}"]
    command = ["fit", "--config", "lenet5_digits", "--init_from", "torchvision/alexnet"]
    # What the server sends is cut short; then a whole file that is another; then the kept one is cut short.
    for sent, words in ((whole[:-1000], "does not have the hash"), (whole + b"1", "does not have the hash")):
        server.files[f"/{name}"] = (sent, len(sent))
        assert main(command) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line
        assert not kept(tmp_path, name).exists()
    kept(tmp_path, name).write_bytes(whole[: len(whole) // 2])
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{name} is not the file of {server.address}/{name}: delete it, so that it is fetched again" in line
    kept(tmp_path, name).unlink()
    server.files[f"/{name}"] = (whole, len(whole))
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "torchvision/alexnet holds alexnet, of which no layer fits lenet5" in line


def test_another_network_under_its_name_is_refused(published):
    published("alexnet", network_of("alexnet")[1] | {"features.0.weight": torch.zeros(64, 3, 7, 7)})
    with pytest.raises(InputError, match=r"holds conv1.weight of the shape \(64, 3, 7, 7\), not \(64, 3, 11, 11\)"):
        zoo.load("torchvision/alexnet")
