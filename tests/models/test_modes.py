"""Networks come in training mode, as torchvision's do, and whatever in the zoo measures puts them into eval mode."""

import lightning
import pytest
import torch
import torchvision
from export_cases import randomized, write_run
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

import zoo
from zoo.catalog import NETWORKS
from zoo.models.network import Network, answering
from zoo.models.summary import summarize


def modes(network):
    return {module.training for module in network.modules()}


@pytest.mark.parametrize(
    ("name", "variant"), [(n, variant) for n, entry in NETWORKS.items() for variant in entry.variants]
)
def test_every_network_comes_in_training_mode_as_torchvisions_do(name, variant):
    with torch.device("meta"):
        theirs = torchvision.models.get_model("alexnet", weights=None)
        assert modes(zoo.get_model(name, variant=variant)) == modes(theirs) == {True}


SMALL = {"num_classes": 10, "input_size": 32, "head": "512"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a network with dropout and batch normalisation, whose answers depend on the mode."""
    network = randomized(zoo.get_model("vgg11", variant="bn", **SMALL))
    return write_run(tmp_path_factory.mktemp("vgg") / "run", network, "CIFAR10", "standard")


def test_trained_networks_do_too(run):
    weights = zoo.get_weights(run)
    networks = (zoo.load(run), zoo.get_model("vgg11", weights=run), weights.network(), weights.model())
    assert all(modes(network) == {True} for network in networks)
    with torch.device("meta"):
        state = zoo.get_model("vgg11", variant="bn", **SMALL).state_dict()
    made = {key: torch.zeros_like(value, device="cpu") for key, value in state.items()}
    assert modes(zoo.weights.from_state_dict(made, "vgg11")) == {True}


class Stranger(lightning.LightningModule):
    """What somebody writes who knows Lightning and not the zoo; notes how many units dropout has left out."""

    def __init__(self, network):
        super().__init__()
        self.network, self.zeros = network, []
        network.drop7.register_forward_hook(lambda module, inputs, output: self.zeros.append((output == 0).sum()))

    def training_step(self, batch, batch_idx):
        images, labels = batch
        return cross_entropy(self.network(images), labels)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-3)


def test_dropout_works_in_a_strangers_module(tmp_path):
    network = zoo.get_model("vgg11", num_classes=2, input_size=32, head="512")
    network.drop7.p = 0.999
    images = DataLoader([(torch.rand(3, 32, 32), 0)] * 4, batch_size=4)
    model = Stranger(network)
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    lightning.pytorch.Trainer(max_epochs=1, accelerator="cpu", default_root_dir=tmp_path, **quiet).fit(model, images)
    # ReLU alone leaves about half of the units.
    assert model.zeros[0] > 0.95 * 4 * 512


def test_what_answers_is_in_eval_mode(run, tmp_path):
    from zoo.benchmark.entries import find as find_entry
    from zoo.weights.classify import classify, find_images
    from zoo.weights.export.write import export

    weights = zoo.get_weights(run)
    network, pixels = weights.network().eval(), torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(tmp_path / f"{number}.png")
    with torch.no_grad():
        expected = network(weights.transforms()(pixels)).softmax(dim=1).max(dim=1)
    answers = list(classify(weights, find_images([str(tmp_path)]), 1, False, lambda error: None))
    assert [answer.guesses[0].index for answer in answers] == expected.indices.tolist()
    found = torch.tensor([answer.guesses[0].probability for answer in answers])
    torch.testing.assert_close(found, expected.values, rtol=1e-5, atol=1e-6)
    assert modes(find_entry(str(run)).network) == {False}
    # What is read back must give the network's logits, which in training mode not even the network itself does.
    assert export(weights, "hub", tmp_path / "hub").agreement.holds
    assert export(weights, "torch-export", tmp_path / "vgg.pt2").agreement.holds


def test_counting_layers_leaves_modes_and_running_means_alone():
    class Normalized(Network):
        name = "normalized"

        def __init__(self):
            super().__init__({"conv": nn.Conv2d(1, 2, 2), "bn": nn.BatchNorm2d(2)}, "paper", (1, 2, 2), {})

    network = Normalized()
    network.bn.eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    # In training mode one value a channel has no variance: torch refuses it.
    assert [row.parameters for row in summarize(network)] == [10, 4]
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert (network.training, network.conv.training, network.bn.training) == (True, True, False)


def test_the_mode_comes_back_after_an_error():
    network = zoo.get_model("vgg11", variant="bn", num_classes=2, input_size=32, head="512")
    with pytest.raises(KeyError), answering(network):
        {}[modes(network) == {False}]
    assert modes(network) == {True}
