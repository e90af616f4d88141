"""A jump ends where drawing all that lies between ends: torch's own generator is the other program."""

import pytest
import torch
from torch._subclasses import FakeTensorMode

from zoo.models import get_model, unfilled
from zoo.models.jump_ahead import DEGREE, WORDS, _characteristic, jump


def seeded(seed, drawn=0):
    """A generator from which so many numbers were drawn."""
    generator = torch.Generator().manual_seed(seed)
    torch.empty(drawn).uniform_(generator=generator)
    return generator


@pytest.mark.parametrize("before", [0, 1, 5, WORDS - 1, WORDS, WORDS + 1, 3 * WORDS])
# After 174 and 175 blocks the power has a coefficient 1 of t to the 0: of a seed's first word one bit alone counts.
@pytest.mark.parametrize(
    "draws", [1, 2, WORDS - 1, WORDS, WORDS + 1, 2 * WORDS, DEGREE, DEGREE + WORDS, 174 * WORDS, 3_000_001]
)
def test_a_jump_leaves_the_state_and_the_numbers_that_drawing_leaves(before, draws):
    jumped, drawn = seeded(draws, before), seeded(draws, before)
    assert jump(jumped, draws)
    torch.empty(draws).uniform_(generator=drawn)
    assert torch.equal(jumped.get_state(), drawn.get_state())
    assert torch.equal(torch.rand(2 * WORDS, generator=jumped), torch.rand(2 * WORDS, generator=drawn))


def test_jumps_add_up_beyond_what_can_be_drawn():
    once, thrice = seeded(0), seeded(0)
    assert jump(once, 10**15 + 7)
    assert all([jump(thrice, 4 * 10**14), jump(thrice, 1), jump(thrice, 6 * 10**14 + 6)])
    assert torch.equal(once.get_state(), thrice.get_state())


def test_a_normal_number_that_torch_keeps_for_later_stays():
    jumped, drawn = seeded(1), seeded(1)
    for generator in (jumped, drawn):
        # Of one number alone torch makes two.
        torch.empty(1).normal_(generator=generator)
    assert jump(jumped, 70_000)
    torch.empty(70_000).uniform_(generator=drawn)
    assert torch.equal(torch.empty(1).normal_(generator=jumped), torch.empty(1).normal_(generator=drawn))


def test_the_polynomial_has_as_many_terms_as_the_paper_counts():
    # Matsumoto and Nishimura (1998).
    assert (_characteristic().bit_length() - 1, _characteristic().bit_count()) == (19937, 135)


def test_a_state_of_another_layout_is_left_as_it_is():
    class Other:
        def get_state(self):
            return torch.zeros(16, dtype=torch.uint8)

    assert not jump(Other(), 1)


def test_fake_tensors_move_no_generator():
    before = torch.get_rng_state()
    with FakeTensorMode():
        assert not jump(torch.default_generator, 1)
        assert get_model("vgg11", input_size=32).fc6.weight.shape == (4096, 512)
    assert torch.equal(torch.get_rng_state(), before)


def test_large_networks_jump(monkeypatch):
    jumps = []
    monkeypatch.setattr(unfilled, "jump", lambda generator, draws: jumps.append(draws) or jump(generator, draws))
    network = get_model("vgg11", input_size=32)
    assert jumps == [sum(parameter.numel() for parameter in network.parameters())]
    get_model("lenet5")
    assert len(jumps) == 1
