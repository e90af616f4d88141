"""The perceptron: photocells and A-units against loops, the mistake bound, the cycle on XOR, what the user is told."""

import math

import pytest
import torch
from lightning.pytorch import Trainer
from tensor_cases import random
from torch.utils.data import DataLoader, TensorDataset

import zoo
from zoo.layers import AUnits, Retina
from zoo.models import PerceptronModel
from zoo.optim import LearningHistory, learn, mistake_bound
from zoo.training.loggers import MetricsFile

# Lightning's remarks on a loop without extras.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*have no `val_dataloader`"),
    pytest.mark.filterwarnings("ignore:GPU available but not used"),
]
XOR = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
XOR_LABELS = torch.tensor([0, 1, 1, 0])


def separable(gamma: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """200 patterns in six dimensions, none nearer than ``gamma`` to the hyperplane through 0, one exactly as near."""
    normal = random(6) / random(6).norm()
    patterns = random(200, 6)
    along = patterns @ normal
    targets = torch.where(along >= 0, 1.0, -1.0).double()
    nearest = torch.where(torch.arange(200) == 7, 0.0, 1.0) * along.abs()
    return patterns + ((gamma + nearest) * targets - along)[:, None] * normal, targets, normal


def loop(patterns, targets) -> tuple[list[float], int]:
    """One unit after the textbook, until an epoch has no mistake: its weights and the number of corrections."""
    weights, mistakes, before = [0.0] * len(patterns[0]), 0, -1
    while mistakes != before:
        before = mistakes
        for pattern, target in zip(patterns, targets, strict=True):
            if target * math.fsum(w * x for w, x in zip(weights, pattern, strict=True)) <= 0:
                weights = [w + target * x for w, x in zip(weights, pattern, strict=True)]
                mistakes += 1
    return weights, mistakes


def fitted(images, labels, epochs: int, batch_size: int = 4, **options) -> PerceptronModel:
    torch.manual_seed(0)
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, limit_train_batches=options.pop("limit_train_batches", None),
    )  # fmt: skip
    model = PerceptronModel(**options)
    trainer.fit(model, DataLoader(TensorDataset(images, labels), batch_size=batch_size))
    return model


@pytest.mark.parametrize("gamma", [0.02, 0.1, 0.5])
def test_mistakes_on_separable_patterns_stay_within_the_bound_and_are_those_of_the_loop(gamma):
    patterns, targets, normal = separable(gamma)
    bound = mistake_bound(patterns, targets, normal)
    # R over gamma from its definition, with the margin that the patterns were made with.
    assert bound == pytest.approx(max(math.fsum(x * x for x in p) for p in patterns.tolist()) / gamma**2, rel=1e-9)
    weights, history = learn(patterns, targets[:, None], max_epochs=5000)
    expected, mistakes = loop(patterns.tolist(), targets.tolist())
    assert history.converged
    assert 1 < history.corrections == mistakes <= bound
    torch.testing.assert_close(weights[0], torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-10)
    assert bool((targets * (patterns @ weights[0]) > 0).all())


def test_the_bound_is_reached_by_one_pattern_alone():
    # (R / gamma)^2 = 1: the first look at it is a mistake, and the only one.
    _, history = learn(torch.tensor([[3.0, 4.0]]), torch.ones(1, 1), max_epochs=9)
    assert (
        history.corrections == mistake_bound(torch.tensor([[3.0, 4.0]]), torch.ones(1), torch.tensor([0.6, 0.8])) == 1
    )


def test_a_hyperplane_that_does_not_separate_has_no_bound():
    with pytest.raises(ValueError, match="margin is -"):
        mistake_bound(XOR, torch.tensor([-1.0, 1, 1, -1]), torch.tensor([1.0, 1.0]))


def test_each_unit_of_a_trained_model_keeps_the_bound_and_the_user_is_told(capsys):
    # Three arcs of a circle with gaps between them: each class is separable from the two others.
    labels = torch.arange(30) % 3
    angle = labels * (2 * math.pi / 3) + torch.arange(30) // 3 * 0.14
    images = torch.stack([angle.cos(), angle.sin()], dim=1).view(30, 2, 1, 1)
    model = fitted(images, labels, 3000, batch_size=7, num_classes=3, in_channels=2, input_size=1)
    patterns = torch.cat([images.flatten(1), torch.ones(30, 1)], dim=1)
    found = torch.cat([model.network.r_units.weight, model.network.r_units.bias[:, None]], dim=1).detach()
    targets = 2.0 * torch.nn.functional.one_hot(labels, 3) - 1
    # The hyperplanes that were found have margins, and theirs bound the corrections too.
    bounds = [mistake_bound(patterns, targets[:, unit], found[unit]) for unit in range(3)]
    history = model.history
    assert 3 < history.corrections <= sum(bounds)
    assert model.trainer.current_epoch == history.epochs < 3000
    assert (
        f"converged: no mistake in epoch {history.epochs}, after {history.corrections:,} correct"
        in capsys.readouterr().out
    )


def test_on_exclusive_or_the_weights_return_and_go_on_in_the_same_cycle():
    patterns, targets = torch.cat([XOR, torch.ones(4, 1)], dim=1), torch.tensor([[-1.0], [1], [1], [-1]])
    _, history = learn(patterns, targets, max_epochs=1000)
    length = history.epochs - history.repeats
    assert not history.converged
    assert history.epochs < 1000
    # By hand: weights after each epoch of the plain rule.
    states, weights = [(0, 0, 0)], [0, 0, 0]
    for _ in range(history.epochs + 3 * length):
        for pattern, (target,) in zip(patterns.int().tolist(), targets.int().tolist(), strict=True):
            if target * sum(w * x for w, x in zip(weights, pattern, strict=True)) <= 0:
                weights = [w + target * x for w, x in zip(weights, pattern, strict=True)]
        states.append(tuple(weights))
    assert len(set(states[: history.epochs])) == history.epochs  # the first return, not a later one
    assert states[history.epochs] == states[history.repeats]
    assert states[history.repeats :] == [
        states[history.repeats + n % length] for n in range(len(states) - history.repeats)
    ]


def test_on_exclusive_or_the_trainer_says_that_it_cycles(capsys):
    model = fitted(XOR.view(4, 2, 1, 1), XOR_LABELS, 12, num_classes=2, in_channels=2, input_size=1)
    assert model.history.epochs == model.trainer.current_epoch == 12
    assert model.history.repeats is not None
    sentence = f"cycles: its weights after epoch {model.history.returned} were again those at the start, which"
    assert sentence in (out := capsys.readouterr().out)
    assert f"{model.history.corrections} corrections in 12 epochs." in out


def test_a_return_to_a_later_state_is_named_by_its_epoch():
    history = LearningHistory()
    history.start(torch.zeros(2))
    for state in ([1.0, 0], [0, 2.0], [-0.0, 3.0], [1.0, 0], [5.0, 0]):
        history.end(2, torch.tensor(state))
    assert (history.returned, history.repeats, history.epochs) == (4, 1, 5)
    assert "its weights after epoch 4 were again those after epoch 1" in history.sentence
    # The same weights without a correction in between are no cycle.
    history.end(0, torch.tensor([5.0, 0]))
    assert history.converged


def test_too_few_epochs_are_called_so():
    patterns, targets, _ = separable(0.02)
    _, history = learn(patterns, targets[:, None], max_epochs=1)
    assert (history.epochs, history.converged, history.repeats) == (1, False, None)
    assert f"{history.corrections} corrections in the last of 1 epoch," in history.sentence


def test_part_of_the_patterns_proves_nothing(capsys):
    model = fitted(
        XOR.view(4, 2, 1, 1), XOR_LABELS, 9, 2, num_classes=2, in_channels=2, input_size=1, limit_train_batches=1
    )
    assert (model.trainer.current_epoch, model.history.epochs) == (9, 0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("scale", [0.5, 3.0, 1024.0])
def test_from_zero_the_scale_of_the_patterns_changes_no_decision(scale):
    patterns, targets, _ = separable(0.1)
    # Whole numbers, so that no rounding decides.
    patterns = (patterns * 8).round()
    weights, history = learn(patterns, targets[:, None], max_epochs=20)
    scaled, again = learn(scale * patterns, targets[:, None], max_epochs=20)
    assert torch.equal(scaled, scale * weights)
    assert (again.epochs, again.corrections) == (history.epochs, history.corrections)
    assert torch.equal((scale * patterns @ scaled.T).sign(), (patterns @ weights.T).sign())


def test_from_other_weights_the_scale_does_matter():
    patterns, targets = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0]])
    start = torch.tensor([[-2.0, 0.0]])
    counts = [learn(scale * patterns, targets, 99, start)[1].corrections for scale in (1, 3)]
    assert counts == [3, 1]


def test_what_becomes_of_the_rule_survives_a_checkpoint():
    model, again = (PerceptronModel(num_classes=2, in_channels=2, input_size=1) for _ in range(2))
    model.history.start(torch.zeros(3))
    model.history.end(5, torch.ones(3))
    model.corrections_of_epoch = torch.tensor(2)
    model.on_save_checkpoint(checkpoint := {})
    again.on_load_checkpoint(checkpoint)
    again.history.end(3, torch.zeros(3))
    assert (again.history.epochs, again.history.corrections, again.history.repeats) == (2, 8, 0)
    assert again.corrections_of_epoch == 2


def test_a_units_are_sums_over_their_own_points_and_a_threshold():
    layer = AUnits(points=30, units=40, excitatory=4, inhibitory=3, threshold=2, seed=5)
    points = (random(25, 30) > 0).double()
    for pattern, answers in zip(points.tolist(), layer(points).tolist(), strict=True):
        for origins, answer in zip(layer.origins.tolist(), answers, strict=True):
            assert answer == (sum(pattern[o] for o in origins[:4]) - sum(pattern[o] for o in origins[4:]) >= 2)
    assert 0 < layer(points).mean() < 1


def test_the_wiring_is_fixed_by_its_seed_without_a_point_twice_and_stored():
    make = [AUnits(400, 512, 3, 2, 1, seed) for seed in (0, 0, 1)]
    assert torch.equal(make[0].origins, make[1].origins)
    assert not torch.equal(make[0].origins, make[2].origins)
    assert all(len(set(origins)) == 5 for origins in make[2].origins.tolist())
    # 2,560 draws from 400 points: every point has its turn, at a probability of all but e^-1.7 in a case.
    counts = torch.bincount(make[0].origins.flatten(), minlength=400)
    assert counts.float().mean() == 6.4
    assert 0.7 < counts.float().var() / 6.4 < 1.4  # as of a Poisson distribution
    assert list(make[0].state_dict()) == ["origins"]


@pytest.mark.parametrize("size", [20, 32, 33, 7])
def test_the_retina_is_grey_areas_lighter_than_the_middle(size):
    images = random(3, 2, size, size)
    for image, cells in zip(images.mean(dim=1).tolist(), Retina(20)(images).view(3, 20, 20).tolist(), strict=True):
        areas = [[0.0] * 20 for _ in range(20)]
        for row in range(20):
            for column in range(20):
                rows = range(row * size // 20, -(-(row + 1) * size // 20))
                columns = range(column * size // 20, -(-(column + 1) * size // 20))
                covered = [image[r][c] for r in rows for c in columns]
                areas[row][column] = sum(covered) / len(covered)
        middle = (min(map(min, areas)) + max(map(max, areas))) / 2
        assert cells == [[float(area > middle) for area in line] for line in areas]


def test_the_retina_sees_neither_brightness_nor_contrast_and_nothing_on_plain_grey():
    images = random(5, 1, 20, 20)
    assert torch.equal(Retina(20)(images), Retina(20)(40 * images + 128))
    assert not Retina(20)(torch.full((1, 3, 20, 20), 0.7)).any()


def test_mark1_has_400_photocells_512_a_units_and_8_r_units_with_4096_values():
    network = zoo.get_model("perceptron", variant="mark1")
    assert network.input_shape == (1, 20, 20)
    assert [tuple(layer(torch.zeros(1, 400)).shape) for layer in (network.a_units, network[1:])] == [(1, 512), (1, 8)]
    assert network.s_points(torch.zeros(1, 1, 20, 20)).shape == (1, 400)
    assert {name: tuple(p.shape) for name, p in network.named_parameters()} == {"r_units.weight": (8, 512)}
    assert not network.r_units.weight.any()
    # Any image will do.
    assert network(random(2, 3, 224, 224).float()).shape == (2, 8)


def test_training_mark1_changes_the_values_between_a_and_r_units_only_and_learns_in_turn():
    images, labels = random(40, 1, 20, 20).float(), torch.arange(40) % 3
    model = fitted(
        images, labels, 3, 16, variant="mark1", num_classes=3, num_a_units=30, wiring_seed=4, excitatory=2,
        inhibitory=1, threshold=1,
    )  # fmt: skip
    fresh = AUnits(400, 30, 2, 1, 1, seed=4)
    assert torch.equal(model.network.a_units.origins, fresh.origins)
    patterns = fresh(Retina(20)(images)).int().tolist()
    weights, mistakes = [[0] * 30 for _ in range(3)], 0
    for _ in range(3):
        for pattern, label in zip(patterns, labels.tolist(), strict=True):
            for unit in range(3):
                target = 1 if unit == label else -1
                if target * sum(w * x for w, x in zip(weights[unit], pattern, strict=True)) <= 0:
                    weights[unit] = [w + target * x for w, x in zip(weights[unit], pattern, strict=True)]
                    mistakes += 1
    assert model.network.r_units.weight.int().tolist() == weights
    assert model.history.corrections == mistakes


def test_a_trained_mark1_comes_back_with_its_wiring_and_its_course(tmp_path):
    images, labels = random(20, 1, 20, 20).float(), torch.arange(20) % 3
    model = fitted(images, labels, 2, variant="mark1", num_classes=3, wiring_seed=6, threshold=2)
    model.trainer.save_checkpoint(tmp_path / "last.ckpt")
    network = zoo.load(tmp_path / "last.ckpt")
    assert (network.variant, network.options["wiring_seed"], network.options["threshold"]) == ("mark1", 6, 2)
    assert torch.equal(network.a_units.origins, model.network.a_units.origins)
    assert torch.equal(network(images), model.network(images))
    held = torch.load(tmp_path / "last.ckpt", weights_only=True)["zoo_course"]
    assert (held["passes"], held["corrections"]) == (2, model.history.corrections)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_a_units": 9}, "'paper' has no A-units, so no num_a_units: 'mark1' has"),
        ({"wiring_seed": 0}, "so no wiring_seed"),
        ({"variant": "mark1", "num_a_units": 0}, "at least one A-unit, not 0"),
        ({"variant": "mark1", "excitatory": 400}, "400 \\+ 2 origin points among 400"),
        ({"variant": "mark1", "inhibitory": -1}, "3 \\+ -1 origin points"),
        ({"variant": "mark1", "threshold": 4}, "threshold of 4 .* from -1 to 3"),
        ({"variant": "mark1", "threshold": -2}, "threshold of -2 .* from -1 to 3"),
        ({"variant": "mark2"}, "has no variant 'mark2'"),
    ],
)
def test_what_no_perceptron_can_be_is_refused_in_one_sentence(options, words):
    with pytest.raises(ValueError, match=words):
        zoo.get_model("perceptron", **options)


def test_mark1_learns_digits_to_the_error_of_its_config():
    from zoo.data import Digits
    from zoo.data.sampling import Draw
    from zoo.models.perceptron_model import targets_of

    data = Digits(transform="retina")
    data.setup()
    (images, labels), (test_images, test_labels) = (
        data.splits[name][Draw(0, torch.randperm(n, generator=torch.Generator().manual_seed(0)))]
        for name, n in (("train", 1437), ("test", 360))
    )
    network = zoo.get_model("perceptron", variant="mark1", num_classes=10)
    weights, history = learn(network[:-1](images), targets_of(labels, 10), max_epochs=60)
    network.r_units.weight.data.copy_(weights)
    assert history.converged
    # The config's three seeds have 16 to 22 mistakes in 360.
    assert int((network(test_images).argmax(dim=1) != test_labels).sum()) <= 32


def test_the_loss_that_is_logged_is_that_of_its_own_step(tmp_path):
    patterns, targets, _ = separable(0.1)
    images, labels = patterns.float()[:, :, None, None], (targets > 0).long()

    def losses(every: int) -> dict[str, str]:
        logger = MetricsFile(tmp_path / str(every))
        trainer = Trainer(
            max_epochs=1, accelerator="cpu", logger=logger, log_every_n_steps=every, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        torch.manual_seed(0)
        model = PerceptronModel(num_classes=2, in_channels=6, input_size=1)
        trainer.fit(model, DataLoader(TensorDataset(images, labels), batch_size=20))
        logger.flush()
        return {row["step"]: row["train/step_loss"] for row in logger.experiment.rows() if row["train/step_loss"]}

    each, every_third = losses(1), losses(3)
    assert list(every_third) == ["2", "5", "8"]
    assert every_third.items() <= each.items()
