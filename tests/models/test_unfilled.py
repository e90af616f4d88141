"""What trained weights replace is not drawn, and what they do not replace is there all the same."""

import pytest
import torch
from torch import nn

from zoo.catalog import NETWORKS
from zoo.models import get_model
from zoo.models.unfilled import Unfilled

BIG = {"vgg11", "vgg13", "vgg16", "vgg19"}
FORMS = [(name, variant) for name, entry in NETWORKS.items() for variant in entry.variants if name not in BIG]


@pytest.mark.parametrize(("name", "variant"), FORMS)
def test_loading_leaves_nothing_of_what_was_not_filled(name: str, variant: str) -> None:
    torch.manual_seed(0)
    filled = get_model(name, variant=variant)
    with Unfilled():
        other = get_model(name, variant=variant)
    for tensor in other.parameters():
        tensor.data.fill_(float("nan") if tensor.is_floating_point() else 0)
    other.load_state_dict(filled.state_dict())
    # Buffers that no state dict holds, such as tables of connections and codes, too.
    for mine, theirs in zip(
        [*other.parameters(), *other.buffers()], [*filled.parameters(), *filled.buffers()], strict=True
    ):
        assert torch.equal(mine, theirs)


def test_no_random_number_is_drawn_for_a_parameter() -> None:
    before = torch.get_rng_state()
    with Unfilled():
        get_model("alexnet", variant="torchvision", num_classes=3, input_size=63)
        get_model("vgg11", variant="bn", input_size=32)
        get_model("mlp")
    assert torch.equal(torch.get_rng_state(), before)
    get_model("mlp")
    assert not torch.equal(torch.get_rng_state(), before)


def _drawn_twice(network: nn.Module, paper: str) -> None:
    """The weights that torch gives each layer, and then those of the paper."""
    layers = [layer for layer in network.children() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    for layer in layers:
        layer.reset_parameters()
    for layer in layers:
        if paper == "Glorot":
            nn.init.xavier_uniform_(layer.weight)
        else:
            nn.init.normal_(layer.weight, std=0.1)


# AlexNet's standard deviations are other ones, which its own tests have: here it is the numbers that follow.
SEEDED = [
    ("vgg11", {"input_size": 32}, "Glorot"), ("vgg11", {"input_size": 32, "head": "linear"}, "Glorot"),
    ("vgg16", {"variant": "bn", "input_size": 32, "head": "512", "init": "paper"}, "normal"),
    ("alexnet", {"num_classes": 3, "input_size": 67}, "normal"),
    ("alexnet", {"variant": "cifar"}, "normal"),
]  # fmt: skip


# What is drawn for float64 is another number of values, which one network of each paper shows.
@pytest.mark.parametrize(
    ("case", "dtype"),
    [
        *((case, torch.float32) for case in SEEDED), (SEEDED[1], torch.float64), (SEEDED[4], torch.float64),
        *(pytest.param(SEEDED[number], torch.float64, marks=pytest.mark.slow) for number in (0, 2, 3)),
    ],
)  # fmt: skip
def test_a_seed_means_the_weights_that_torchs_own_were_drawn_before(case, dtype):
    name, options, paper = case
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        torch.manual_seed(4)
        made = get_model(name, **options)
        follows = torch.rand(3)
        expected = get_model(name, **options)
        torch.manual_seed(4)
        _drawn_twice(expected, paper)
        assert torch.equal(follows, torch.rand(3))
    finally:
        torch.set_default_dtype(before)
    if name != "alexnet":
        for (key, mine), theirs in zip(made.named_parameters(), expected.parameters(), strict=True):
            assert torch.equal(mine, torch.zeros_like(mine) if key.endswith("bias") else theirs)
