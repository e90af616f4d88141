"""AlexNet's learning rule against torch's at one rate, and against the paper's two lines where the rate drops."""

import copy

import pytest
import torch
import yaml
from conftest import ROOT
from torch import Tensor, nn

from zoo.models import AlexNetModel
from zoo.optim import Drops, MomentumSGD

pytestmark = pytest.mark.usefixtures("seeded")

SHAPES = [(3, 4), (4,), (2, 2, 3), ()]


def weights() -> list[nn.Parameter]:
    return [nn.Parameter(torch.randn(shape, dtype=torch.float64)) for shape in SHAPES]


def set_slopes(parameters: list[nn.Parameter], step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for parameter in parameters:
        # A slope that depends on the weight, as a loss's does, and on the step, as a batch's does.
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.grad = (parameter.detach() + noise).to(parameter.dtype)


def train(optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter], rates: list[float]) -> list[Tensor]:
    for step, rate in enumerate(rates):
        for group in optimizer.param_groups:
            group["lr"] = rate
        set_slopes(parameters, step)
        optimizer.step()
    return [parameter.detach().clone() for parameter in parameters]


def in_the_papers_words(start: list[Tensor], rates: list[float], momentum: float, decay: float) -> list[Tensor]:
    """Section 5, number by number."""
    w, v = [x.detach().clone() for x in start], [torch.zeros_like(x) for x in start]
    for step, eps in enumerate(rates):
        generator = torch.Generator().manual_seed(step)
        for n in range(len(w)):
            g = w[n] + torch.randn(w[n].shape, generator=generator, dtype=torch.float64)
            v[n] = momentum * v[n] - decay * eps * w[n] - eps * g
            w[n] = w[n] + v[n]
    return w


def farthest(first: list[Tensor], second: list[Tensor]) -> float:
    return max((a - b).abs().max().item() for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("momentum", "decay"), [(0.9, 5e-4), (0.9, 0.0), (0.0, 0.1)])
def test_at_a_constant_rate_it_is_torchs_sgd(momentum, decay):
    ours = weights()
    theirs = copy.deepcopy(ours)
    rates = [0.01] * 20
    found = train(MomentumSGD(ours, 0.01, momentum, decay), ours, rates)
    expected = train(torch.optim.SGD(theirs, 0.01, momentum, weight_decay=decay), theirs, rates)
    assert farthest(found, expected) < 1e-14


def test_across_drops_it_is_the_papers_rule_and_torchs_is_not():
    start = weights()
    rates = [0.01] * 8 + [0.001] * 8 + [0.0001] * 4
    expected = in_the_papers_words(start, rates, 0.9, 5e-4)
    ours, theirs = copy.deepcopy(start), copy.deepcopy(start)
    assert farthest(train(MomentumSGD(ours, 0.01, 0.9, 5e-4), ours, rates), expected) < 1e-14
    assert farthest(train(torch.optim.SGD(theirs, 0.01, 0.9, weight_decay=5e-4), theirs, rates), expected) > 0.01


def test_a_saved_state_continues_exactly_on_other_tensors():
    rates = [0.01] * 3 + [0.001] * 3
    ours = weights()
    optimizer = MomentumSGD(ours, 0.01, 0.9, 5e-4)
    train(optimizer, ours, rates)
    resumed = copy.deepcopy(ours)
    successor = MomentumSGD(resumed, lr=1.0)
    successor.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert successor.param_groups[0]["momentum"] == 0.9
    assert farthest(train(optimizer, ours, rates), train(successor, resumed, rates)) == 0


def test_groups_have_rates_and_decays_of_their_own():
    first, second = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = MomentumSGD([{"params": [first]}, {"params": [second], "lr": 0.2, "weight_decay": 0.0}], 0.1, 0.9, 0.5)
    for parameter in (first, second):
        parameter.grad = torch.ones(2)
    optimizer.step()
    assert first.tolist() == pytest.approx([1 - 0.5 * 0.1 - 0.1] * 2)
    assert second.tolist() == pytest.approx([1 - 0.2] * 2)


def test_what_has_no_slope_stays_and_types_may_differ():
    still, moving, half = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2).half())
    optimizer = MomentumSGD([still, moving, half], lr=0.5)
    for parameter in (moving, half):
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert [parameter.tolist() for parameter in (still, moving, half)] == [[1, 1], [0.5, 0.5], [0.5, 0.5]]
    assert still not in optimizer.state


def test_a_closure_is_called_first_with_slopes_on_and_its_loss_returned():
    weight = nn.Parameter(torch.tensor(3.0))
    optimizer = MomentumSGD([weight], lr=0.1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = weight.square()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 9
    assert weight.item() == pytest.approx(3 - 0.1 * 6)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"lr": -0.1}, "learning rate .* not -0.1"),
        ({"lr": float("nan")}, "learning rate .* not nan"),
        ({"weight_decay": -1.0}, "weight decay .* not -1.0"),
        ({"momentum": -0.5}, "momentum .* not -0.5"),
        ({"momentum": 1.0}, "less than 1, not 1.0"),
    ],
    ids=str,
)
def test_numbers_out_of_range_are_refused(numbers, words):
    with pytest.raises(ValueError, match=words):
        MomentumSGD(weights(), **numbers)


def test_sparse_slopes_are_refused_rather_than_made_dense():
    weight = nn.Parameter(torch.zeros(3))
    weight.grad = torch.sparse_coo_tensor([[1]], [1.0], (3,), check_invariants=True)
    with pytest.raises(NotImplementedError, match="sparse"):
        MomentumSGD([weight]).step()


def test_alexnet_learns_by_it_with_biases_at_twice_the_rate_and_without_decay():
    with torch.device("meta"):
        optimizer = AlexNetModel(variant="cifar").configure_optimizers()
    assert type(optimizer) is MomentumSGD
    kinds = [(group["lr"], group["momentum"], group["weight_decay"]) for group in optimizer.param_groups]
    assert kinds == [(0.01, 0.9, 5e-4), (0.02, 0.9, 0.0)]
    assert [{p.ndim >= 2 for p in group["params"]} for group in optimizer.param_groups] == [{True}, {False}]


def test_the_papers_config_has_its_rule_and_the_drops_of_the_2012_code():
    init = yaml.safe_load((ROOT / "configs" / "alexnet.yaml").read_text())["model"]["init_args"]
    assert init["optimizer"]["class_path"] == "zoo.optim.MomentumSGD"
    assert init["optimizer"]["init_args"] == {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.0005}
    drops = Drops(**init["schedule"]["init_args"])
    rates = {epoch: 0.01 * drops.factor(epoch, 90) for epoch in (0, 24.9, 25, 50.9, 51, 78.9, 79, 89.9)}
    expected = {0: 1e-2, 24.9: 1e-2, 25: 1e-3, 50.9: 1e-3, 51: 1e-4, 78.9: 1e-4, 79: 1e-5, 89.9: 1e-5}
    assert rates == pytest.approx(expected)
