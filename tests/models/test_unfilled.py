"""What trained weights replace is not drawn, and what they do not replace is there all the same."""

import pytest
import torch

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
