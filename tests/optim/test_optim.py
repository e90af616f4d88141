"""Schedules at points worked out by hand, the groups that optimisers are built over, and the perceptron's own rule."""

import math

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch.utils.data import DataLoader, TensorDataset

from zoo.models import AlexNetModel, LeNet5Model, LinearModel, PerceptronModel, VGGModel
from zoo.models.perceptron_model import corrections, targets_of
from zoo.optim import Cosine, Drops, Passes


@pytest.mark.parametrize(
    ("epoch", "factor"), [(0, 1), (29.999, 1), (30, 0.1), (59.5, 0.1), (60, 0.01), (89, 0.01), (1000, 0.01)]
)
def test_drops_divide_by_ten_at_their_epochs_and_not_before(epoch, factor):
    assert Drops((30, 60)).factor(epoch, 90) == pytest.approx(factor)


def test_drops_take_any_gamma_and_any_number_of_drops():
    assert Drops((), gamma=0.5).factor(7, 10) == 1
    assert Drops((1, 2, 3), gamma=0.5).factor(3, 10) == 0.125


def test_passes_give_each_pass_its_own_rate_and_keep_the_last():
    # LeNet-5's global rates, 20 passes: the third phase, 0.0001, is the one that copies often miss.
    rates = (5e-4,) * 2 + (2e-4,) * 3 + (1e-4,) * 3 + (5e-5,) * 4 + (1e-5,) * 8
    schedule = Passes(rates)
    assert [schedule.factor(epoch, 20) for epoch in range(20)] == list(rates)
    assert schedule.factor(1.999, 20) == 5e-4
    assert schedule.factor(20, 20) == schedule.factor(50, 20) == 1e-5


def test_passes_do_not_depend_on_the_length_of_the_run():
    assert Passes((3.0, 2.0, 1.0)).factor(1, 2) == Passes((3.0, 2.0, 1.0)).factor(1, 200) == 2


@pytest.mark.parametrize(
    ("epoch", "factor"), [(0, 1), (2.5, 0.5 + math.sqrt(2) / 4), (5, 0.5), (7.5, 0.5 - math.sqrt(2) / 4), (10, 0)]
)
def test_cosine_without_warmup_falls_from_one_to_zero(epoch, factor):
    assert Cosine().factor(epoch, 10) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize(("epoch", "factor"), [(0, 0), (5, 0.25), (10, 0.5), (20, 1), (60, 0.5), (100, 0)])
def test_cosine_with_warmup_rises_in_a_line_first(epoch, factor):
    assert Cosine(warmup=0.2).factor(epoch, 100) == pytest.approx(factor, abs=1e-12)


def test_cosine_stays_at_zero_after_the_end():
    assert Cosine(warmup=0.1).factor(11, 10) == pytest.approx(0, abs=1e-12)


def names_of(model, group):
    names = {id(parameter): name for name, parameter in model.network.named_parameters()}
    return {names[id(parameter)] for parameter in group["params"]}


def test_biases_have_no_weight_decay_and_in_alexnet_twice_the_rate():
    with torch.device("meta"):
        model = AlexNetModel(variant="cifar")
    weights, biases = model.configure_optimizers().param_groups
    names = {name for name, _ in model.network.named_parameters()}
    assert names_of(model, weights) == {name for name in names if name.endswith(".weight")}
    assert names_of(model, biases) == {name for name in names if name.endswith(".bias")}
    assert (weights["lr"], weights["weight_decay"]) == (0.01, 5e-4)
    assert (biases["lr"], biases["weight_decay"]) == (0.02, 0)


def test_batch_normalisation_is_not_decayed_either():
    with torch.device("meta"):
        model = VGGModel(variant="bn", num_classes=10, input_size=32, head="linear")
    weights, rest = model.configure_optimizers().param_groups
    assert len(weights["params"]) == 14
    assert {"bn1_1.weight", "bn5_3.bias", "conv1_1.bias", "fc8.bias"} < names_of(model, rest)
    assert (weights["weight_decay"], rest["weight_decay"]) == (5e-4, 0)
    assert weights["lr"] == rest["lr"] == 0.01


def test_linear_decays_weights_only_whatever_the_optimizer_asks():
    model = LinearModel(optimizer=lambda groups: torch.optim.Adam(groups, lr=0.5, weight_decay=0.1))
    weights, biases = model.configure_optimizers().param_groups
    assert names_of(model, weights) == {"fc.weight"}
    assert (weights["lr"], weights["weight_decay"]) == (0.5, 0.1)
    assert (biases["lr"], biases["weight_decay"]) == (0.5, 0)


def test_every_parameter_of_lenet5_is_trained_once():
    model = LeNet5Model()
    groups = model.parameter_groups()
    assert sum(parameter.numel() for group in groups for parameter in group["params"]) == 60_000
    assert {"s2.coefficient", "s4.coefficient", "c3.bias"} < names_of(model, groups[1])


def learnt_in_turn(patterns, targets, weights) -> list[list[int]]:
    """Rosenblatt's rule, one pattern and one unit after another; changes ``weights``, which are exact integers."""
    changes = []
    for x, wanted in zip(patterns, targets, strict=True):
        sums = [sum(w * v for w, v in zip(unit, x, strict=True)) for unit in weights]
        changes.append([t if t * s <= 0 else 0 for t, s in zip(wanted, sums, strict=True)])
        for unit, change in zip(weights, changes[-1], strict=True):
            unit[:] = [w + change * v for w, v in zip(unit, x, strict=True)]
    return changes


def whole_numbers(*shape: int, low: int = -5, high: int = 6) -> torch.Tensor:
    return torch.randint(low, high, shape, generator=torch.Generator().manual_seed(0)).float()


def test_corrections_of_a_batch_equal_learning_one_pattern_after_another():
    patterns, start = whole_numbers(60, 7), whole_numbers(4, 7)
    targets = targets_of(torch.arange(60) % 4, 4)
    expected = learnt_in_turn(patterns.int().tolist(), targets.int().tolist(), start.int().tolist())
    # All three answers occur, so that none of them can be missing.
    assert {change for row in expected for change in row} == {-1, 0, 1}
    assert corrections(patterns @ start.T, patterns @ patterns.T, targets).tolist() == expected


def test_a_sum_of_zero_is_wrong_for_either_answer():
    # Orthogonal patterns: neither correction answers for the other.
    targets = torch.tensor([[1.0], [-1.0]])
    assert corrections(torch.zeros(2, 1), torch.eye(2), targets).tolist() == [[1.0], [-1.0]]


def test_corrections_leave_the_sums_that_they_are_given_alone():
    sums = torch.zeros(3, 1)
    corrections(sums, torch.ones(3, 3), torch.ones(3, 1))
    assert sums.tolist() == [[0.0]] * 3


def test_the_rule_knows_no_learning_rate_where_it_starts_from_zero():
    patterns, targets = whole_numbers(40, 5), targets_of(torch.arange(40) % 3, 3)
    gram = patterns @ patterns.T
    once, eightfold = (corrections(torch.zeros(40, 3), rate * gram, targets) for rate in (1, 8))
    assert torch.equal(once, eightfold)


def test_mistakes_on_separable_patterns_stay_within_the_bound_and_end():
    patterns = whole_numbers(80, 6)
    truth = torch.tensor([3.0, -2, 1, 4, -1, 2])
    patterns = patterns[(patterns @ truth).abs() >= 3]
    targets = (patterns @ truth).sign()[:, None]
    gamma = ((patterns @ truth) * targets[:, 0]).min() / truth.norm()
    bound = patterns.square().sum(dim=1).max() / gamma**2
    weights, mistakes = torch.zeros(1, 6), 0
    while (change := corrections(patterns @ weights.T, patterns @ patterns.T, targets)).any():
        weights += change.T @ patterns
        mistakes += int(change.abs().sum())
        assert mistakes <= bound
    assert mistakes > 1
    assert torch.equal((patterns @ weights.T).sign(), targets)


def test_the_rule_cycles_on_exclusive_or():
    patterns = torch.tensor([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    targets = torch.tensor([[-1.0], [1], [1], [-1]])
    weights, seen = torch.zeros(1, 3), []
    for _ in range(30):
        change = corrections(patterns @ weights.T, patterns @ patterns.T, targets)
        weights = weights + change.T @ patterns
        assert change.any()
        seen.append(tuple(weights[0].tolist()))
    assert len(set(seen)) < len(seen)


# Lightning's remarks on a loop without extras.
bare = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:.*have no `val_dataloader`", "ignore:GPU available but not used"
)


def fit(model, images: torch.Tensor, labels: torch.Tensor, batch_size: int, *callbacks: Callback) -> None:
    """Two epochs, in the order of the images."""
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=list(callbacks),
    )  # fmt: skip
    trainer.fit(model, DataLoader(TensorDataset(images, labels), batch_size=batch_size))


class Rates(Callback):
    """Notes the learning rate of each step."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.found.append(trainer.optimizers[0].param_groups[0]["lr"])


@bare
def test_a_drop_holds_from_the_first_step_of_its_epoch():
    model, rates = LinearModel(num_classes=3, in_channels=1, input_size=2, schedule=Drops((1,))), Rates()
    fit(model, whole_numbers(30, 1, 2, 2), torch.arange(30) % 3, 10, rates)
    assert rates.found == pytest.approx([0.01] * 3 + [0.001] * 3)


@bare
@pytest.mark.parametrize("average", [False, True])
def test_training_the_perceptron_in_batches_equals_learning_in_turn(average):
    images, labels = whole_numbers(30, 1, 2, 2), torch.arange(30) % 3
    model = PerceptronModel(num_classes=3, in_channels=1, input_size=2, average=average)
    fit(model, images, labels, 8)
    # The bias is the weight of a fifth input that is always 1.
    patterns = [[*image, 1] for image in images.flatten(1).int().tolist()]
    targets = targets_of(labels, 3).int().tolist()
    weights, after_batches = [[0] * 5 for _ in range(3)], []
    for first in [0, 8, 16, 24] * 2:
        learnt_in_turn(patterns[first : first + 8], targets[first : first + 8], weights)
        after_batches.append(torch.tensor(weights, dtype=torch.float64))
    expected = torch.stack(after_batches).mean(dim=0) if average else after_batches[-1]
    unit = model.network.r_units
    actual = torch.cat([unit.weight, unit.bias[:, None]], dim=1).detach().double()
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-4 if average else 0)
