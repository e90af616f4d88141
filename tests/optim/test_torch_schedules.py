"""torch's optimizers and schedules by dotted path, against loops as torch documents them; resumed to the bit."""

import csv
import json
import math
from functools import partial

import pytest
import torch
import yaml
from conftest import slow_where
from lightning.pytorch import Callback
from resume_cases import Noise, Small, StopAfter, outcome, stopped, train
from torch.optim import lr_scheduler

from zoo.cli import main
from zoo.errors import InputError
from zoo.models.classifier import Classifier
from zoo.optim import Cosine, ReduceLROnPlateau

STEPS, EPOCHS = 5, 4  # 40 images of Noise in batches of 9
TORCH, LIGHTNINGS = "torch.optim.lr_scheduler", "lightning.pytorch.cli.ReduceLROnPlateau"
QUIET = ["--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu"]
SGD = partial(torch.optim.SGD, lr=0.05, momentum=0.9)
# Each schedule, and whether torch's own documentation steps it after a batch.
SCHEDULES = {
    "StepLR": (partial(lr_scheduler.StepLR, step_size=2, gamma=0.5), False),
    "MultiStepLR": (partial(lr_scheduler.MultiStepLR, milestones=[1, 3]), False),
    "ExponentialLR": (partial(lr_scheduler.ExponentialLR, gamma=0.7), False),
    "LinearLR": (partial(lr_scheduler.LinearLR, total_iters=3), False),
    "PolynomialLR": (partial(lr_scheduler.PolynomialLR, total_iters=4), False),
    "CosineAnnealingLR": (partial(lr_scheduler.CosineAnnealingLR, T_max=4), False),
    "CosineAnnealingWarmRestarts": (partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=2), False),
    "OneCycleLR": (partial(lr_scheduler.OneCycleLR, max_lr=0.2, total_steps=STEPS * EPOCHS), True),
    "CyclicLR": (partial(lr_scheduler.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=7), True),
    "SequentialLR": (
        lambda optimizer: lr_scheduler.SequentialLR(
            optimizer,
            [lr_scheduler.ConstantLR(optimizer, 0.1, 1), lr_scheduler.ExponentialLR(optimizer, 0.9)],
            milestones=[1],
        ),
        False,
    ),
}


class TwiceForBiases(Classifier):
    bias_rate = 2.0


def model(schedule, optimizer=SGD, kind=Classifier):
    torch.manual_seed(0)
    return kind(Small(), optimizer, schedule)


class Rates(Callback):
    """The rates and momenta of all groups at each step."""

    def __init__(self):
        self.rates, self.momenta = [], []

    def on_train_batch_start(self, trainer, *ignored):
        groups = trainer.optimizers[0].param_groups
        self.rates.append([group["lr"] for group in groups])
        self.momenta.append([group.get("momentum", group.get("betas")) for group in groups])


def rates_of(folder, schedule, **options):
    seen = Rates()
    train(folder, Noise(), model(schedule, **options), seen, max_epochs=EPOCHS)
    return seen


def in_a_plain_loop(schedule, by_step, rates=(0.05,)):
    """Rates and momenta, as torch's documentation writes the loop."""
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in rates]
    groups = [{"params": [weight], "lr": rate} for weight, rate in zip(weights, rates, strict=True)]
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    scheduler = schedule(optimizer)
    found, momenta = [], []
    for _ in range(EPOCHS):
        for _ in range(STEPS):
            found.append([group["lr"] for group in optimizer.param_groups])
            momenta.append([group["momentum"] for group in optimizer.param_groups])
            optimizer.step()
            if by_step:
                scheduler.step()
        if not by_step:
            scheduler.step()
    return found, momenta


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_step_has_the_rate_of_a_plain_loop(name, tmp_path):
    schedule, by_step = SCHEDULES[name]
    seen = rates_of(tmp_path, schedule)
    rates, momenta = in_a_plain_loop(schedule, by_step)
    assert len(seen.rates) == STEPS * EPOCHS
    assert [group[0] for group in seen.rates] == pytest.approx([group[0] for group in rates])
    assert [group[0] for group in seen.momenta] == pytest.approx([group[0] for group in momenta])
    # The schedule does something, or nothing has been shown.
    assert len({group[0] for group in seen.rates}) > 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_groups_keep_the_factor_between_their_rates(name, tmp_path):
    schedule, by_step = SCHEDULES[name]
    if name in ("OneCycleLR", "CyclicLR"):
        # Their rates are the schedule's own, and not those of the optimizer.
        doubled = {key: [value, 2 * value] for key, value in schedule.keywords.items() if key.endswith("_lr")}
        expected, _ = in_a_plain_loop(partial(schedule, **doubled), by_step, (0.05, 0.1))
    else:
        expected, _ = in_a_plain_loop(schedule, by_step, (0.05, 0.1))
    seen = rates_of(tmp_path, schedule, kind=TwiceForBiases)
    for found, wanted in zip(seen.rates, expected, strict=True):
        assert found == pytest.approx(wanted)


def test_one_cycle_is_as_long_as_the_run_unless_told(tmp_path):
    seen = rates_of(tmp_path, partial(lr_scheduler.OneCycleLR, max_lr=0.2))
    expected, _ = in_a_plain_loop(SCHEDULES["OneCycleLR"][0], True)
    assert [group[0] for group in seen.rates] == pytest.approx([group[0] for group in expected])


def test_a_run_that_max_steps_alone_ends_is_as_long_as_these(tmp_path):
    steps = STEPS * 2 + 1
    seen = Rates()
    train(tmp_path, Noise(), model(Cosine()), seen, max_epochs=-1, max_steps=steps)
    expected = [0.05 * (1 + math.cos(math.pi * step / steps)) / 2 for step in range(steps)]
    assert [group[0] for group in seen.rates] == pytest.approx(expected)


class Losses(Callback):
    """Replaces what the schedule watches by numbers that are known."""

    def __init__(self, values):
        self.values = values

    def on_validation_epoch_end(self, trainer, pl_module):
        pl_module.log("val/known", torch.tensor(self.values[trainer.current_epoch], dtype=torch.float64))


def test_a_plateau_of_the_metric_that_is_watched_reduces_the_rate(tmp_path):
    losses = [1.0, 0.5, 0.6, 0.7, 0.4, 0.9, 0.9, 0.9]
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.05)
    plain, expected = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5), []
    for loss in losses:
        expected += [optimizer.param_groups[0]["lr"]] * STEPS
        plain.step(loss)
    seen = Rates()
    schedule = partial(ReduceLROnPlateau, monitor="val/known", patience=1, factor=0.5)
    train(tmp_path, Noise(), model(schedule, kind=TwiceForBiases), seen, Losses(losses), max_epochs=len(losses))
    assert [group[0] for group in seen.rates] == pytest.approx(expected)
    assert [group[1] for group in seen.rates] == pytest.approx([2 * rate for rate in expected])
    assert len(set(expected)) == 3


@pytest.mark.parametrize("monitor", ["val/loss", "val/top1_error", "train/loss"])
def test_what_is_watched_is_what_metrics_csv_has(tmp_path, monitor):
    train(tmp_path, Noise(), model(partial(ReduceLROnPlateau, monitor=monitor, patience=100)), max_epochs=EPOCHS)
    with (tmp_path / "metrics.csv").open() as file:
        logged = [float(row[monitor]) for row in csv.DictReader(file) if row[monitor]]
    saved = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert len(logged) == EPOCHS
    assert saved["lr_schedulers"][0]["best"] == pytest.approx(min(logged))


def test_a_metric_that_is_not_logged_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"watches val/loss, .*it logs train/loss, .*data\.num_held_out"):
        train(tmp_path, Noise(num_held_out=0), model(lr_scheduler.ReduceLROnPlateau))


PLATEAU = partial(ReduceLROnPlateau, monitor="train/loss", mode="max", patience=0, factor=0.5, threshold=0.5)
# Of those that are a function of the epoch alone one stands for all.
KINDS = ("StepLR", "ExponentialLR", "CosineAnnealingWarmRestarts", "OneCycleLR", "CyclicLR", "SequentialLR")
RESUMED = {name: SCHEDULES[name][0] for name in KINDS} | {
    # It calls every epoch without a great rise of the loss a plateau, so that each has a rate of its own.
    "train/loss": PLATEAU,
    "val/loss": partial(PLATEAU, monitor="val/loss"),
}


@pytest.mark.parametrize(
    "name", slow_where(lambda name: name not in ("OneCycleLR", "SequentialLR", "train/loss", "val/loss"), RESUMED)
)
def test_a_run_that_is_stopped_has_the_bits_of_one_that_is_not(name, tmp_path):
    def made():
        return model(RESUMED[name], kind=TwiceForBiases)

    options = {"max_epochs": EPOCHS}
    whole = outcome(train(tmp_path / "whole", Noise(), made(), **options), tmp_path / "whole")
    # In an epoch, at its last step, in the validation after it, and all of them one after another.
    stops = [StopAfter(2), StopAfter(5), StopAfter(10, validating=True), StopAfter(13)]
    for stop in stops:
        stopped(tmp_path / "parts", Noise(), made(), stop, **options)
    resumed = outcome(train(tmp_path / "parts", Noise(), made(), **options), tmp_path / "parts")
    assert resumed == whole
    if "loss" in name:
        assert len({row["lr"] for row in whole["rows"] if row["lr"]}) > 2


OPTIMIZERS = [name for name, kind in vars(torch.optim).items() if isinstance(kind, type) and name != "Optimizer"]
# Muon is for matrices alone, SparseAdam for sparse gradients: each is refused in a sentence.
REFUSED = [name for name in OPTIMIZERS if name in ("Muon", "SparseAdam")]


@pytest.mark.parametrize("name", REFUSED)
def test_an_optimizer_that_cannot_train_these_weights_is_refused(name, tmp_path):
    with pytest.raises(InputError, match=r"model\.optimizer|torch\.optim\.Adam"):
        train(tmp_path, Noise(), model(None, getattr(torch.optim, name)))


# Two that keep more than a number and a moment for each weight, and one that keeps these, stand for all of them.
@pytest.mark.parametrize(
    "name",
    slow_where(
        lambda name: name not in ("Adam", "Adafactor", "LBFGS"), [name for name in OPTIMIZERS if name not in REFUSED]
    ),
)
def test_every_optimizer_of_torch_resumes_to_the_bit(name, tmp_path):
    def made():
        kind = Classifier if name == "LBFGS" else TwiceForBiases
        return model(SCHEDULES["CosineAnnealingLR"][0], partial(getattr(torch.optim, name), lr=0.01), kind)

    whole = outcome(train(tmp_path / "whole", Noise(), made(), max_epochs=2), tmp_path / "whole")
    stopped(tmp_path / "parts", Noise(), made(), StopAfter(3), max_epochs=2)
    assert outcome(train(tmp_path / "parts", Noise(), made(), max_epochs=2), tmp_path / "parts") == whole


class Counted(Callback):
    def on_train_epoch_end(self, trainer, pl_module):
        pl_module.train_counts.settle()
        self.num_images = int(pl_module.train_counts.num_images)


def test_an_optimizer_that_looks_again_counts_each_image_once(tmp_path):
    counted, passes = Counted(), []
    made = model(None, partial(torch.optim.LBFGS, lr=0.01, max_iter=5))
    made.network.register_forward_hook(lambda network, inputs, output: passes.append(network.training))
    train(tmp_path / "one", Noise(), made, counted, max_epochs=1)
    assert counted.num_images == 40
    assert sum(passes) > 2 * STEPS
    with pytest.raises(InputError, match=r"parameter groups.*model\.optimizer"):
        train(tmp_path / "two", Noise(), model(None, torch.optim.LBFGS, TwiceForBiases))


def saved_state(folder):
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["lr_schedulers"][0]


def test_what_is_typed_wins_over_what_the_schedule_remembers(tmp_path):
    stopped(tmp_path, Noise(), model(partial(lr_scheduler.StepLR, step_size=1, gamma=0.5)), StopAfter(7), max_epochs=4)
    seen = Rates()
    changed = model(partial(lr_scheduler.StepLR, step_size=1, gamma=0.1), partial(SGD, lr=0.5))
    train(tmp_path, Noise(), changed, seen, max_epochs=4)
    # One drop by the old factor is behind it, on the new rate; those to come are by the new one.
    rates = [group[0] for group in seen.rates]
    assert rates[0] == pytest.approx(0.25)
    assert rates[-1] == pytest.approx(0.25 * 0.1**2)
    assert saved_state(tmp_path)["gamma"] == 0.1


def test_a_reduced_rate_is_not_taken_for_a_typed_one(tmp_path):
    schedule = partial(PLATEAU, patience=0)
    stopped(tmp_path, Noise(), model(schedule), StopAfter(12), max_epochs=6)
    seen = Rates()
    train(tmp_path, Noise(), model(partial(schedule, patience=50)), seen, max_epochs=6)
    rates = {group[0] for group in seen.rates}
    assert len(rates) == 1
    assert rates.pop() < 0.05
    assert saved_state(tmp_path)["patience"] == 50


@pytest.mark.parametrize(
    ("words", "class_path", "rates"),
    [
        pytest.param(
            [f"{TORCH}.StepLR", "step_size=1", "gamma=0.5"], f"{TORCH}.StepLR", (1, 0.5), marks=pytest.mark.slow
        ),
        (["StepLR", "step_size=1", "gamma=0.5"], f"{TORCH}.StepLR", (1, 0.5)),
        pytest.param(
            [f"{TORCH}.CosineAnnealingLR", "T_max=2"], f"{TORCH}.CosineAnnealingLR", (1, 0.5), marks=pytest.mark.slow
        ),
        pytest.param(
            [f"{TORCH}.OneCycleLR", "max_lr=0.05"], f"{TORCH}.OneCycleLR", None, marks=pytest.mark.slow
        ),
        (
            [f"{TORCH}.ReduceLROnPlateau", "monitor=train/loss", "mode=max", "patience=0"],
            "zoo.optim.ReduceLROnPlateau", None,
        ),
        pytest.param([LIGHTNINGS, "monitor=val/loss"], LIGHTNINGS, None, marks=pytest.mark.slow),
        pytest.param(["zoo.optim.Cosine"], "zoo.optim.Cosine", None, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_the_command_takes_any_schedule_by_its_path(words, class_path, rates, in_folder):
    name, *options = words
    typed = [
        "--model.schedule",
        name,
        *(word for option in options for word in f"--model.schedule.{option}".split("=")),
    ]
    rest = ["--trainer.max_epochs", "2", "--data.num_held_out", "100", "--data.batch_size", "256", *QUIET]
    config = ["--config", "linear_mnist", "--data", "Digits", "--model.in_channels", "1", "--model.input_size", "8"]
    config += ["--data.transform", "raw", "--model.optimizer", "torch.optim.RMSprop", "--model.optimizer.lr", "1e-4"]
    assert main(["fit", *config, "--run_dir", "run", *typed, *rest]) == 0
    record = json.loads((in_folder / "run" / "record.json").read_text())
    assert record["config"]["model"]["init_args"]["schedule"]["class_path"] == class_path
    assert record["config"]["model"]["init_args"]["optimizer"]["class_path"] == "torch.optim.RMSprop"
    with (in_folder / "run" / "metrics.csv").open() as file:
        epochs = [float(row["lr"]) for row in csv.DictReader(file) if row["train/loss"]]
    if rates:
        # Logged at the end of an epoch: what the schedule has come to.
        assert epochs[0] == pytest.approx(1e-4 * rates[1])
    # The saved config is the same experiment, and one that came with results may name these classes.
    assert main(["fit", "--config", "run/config.yaml", "--run_dir", "again", *QUIET]) == 0
    again = json.loads((in_folder / "again" / "record.json").read_text())
    assert again["weights"] == record["weights"]
    assert main(["test", "--ckpt_path", "run", "--run_dir", "tested", *QUIET]) == 0


def test_a_config_takes_them_too_and_a_resumed_run_is_the_same(in_folder):
    schedule = {
        "class_path": f"{TORCH}.ReduceLROnPlateau",
        "init_args": {"monitor": "train/loss", "mode": "max", "patience": 0, "factor": 0.5},
    }
    options = {"in_channels": 1, "input_size": 8, "schedule": schedule}
    options["optimizer"] = {"class_path": "torch.optim.NAdam", "init_args": {"lr": 0.001}}
    config = {
        "data": {"class_path": "zoo.data.Digits", "init_args": {"transform": "raw", "batch_size": 256}},
        "model": {"class_path": "zoo.models.LinearModel", "init_args": options},
        "trainer": {"max_epochs": 3},
    }
    (in_folder / "a.yaml").write_text(yaml.safe_dump(config))
    assert main(["fit", "--config", "a.yaml", "--run_dir", "whole", *QUIET]) == 0
    shorter = ["--trainer.max_epochs", "2", "--test", "false"]
    assert main(["fit", "--config", "a.yaml", "--run_dir", "part", *shorter, *QUIET]) == 0
    assert main(["fit", "--resume", "part", "--trainer.max_epochs", "3", "--test", "true", *QUIET]) == 0
    whole, part = (json.loads((in_folder / run / "record.json").read_text()) for run in ("whole", "part"))
    assert part["weights"] == whole["weights"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([f"{TORCH}.StepLR"], "model.schedule"),
        ([f"{TORCH}.StepLR", "--model.schedule.step_size", "1", "--model.schedule.gama", "2"], "gama"),
        ([f"{TORCH}.NoSuch"], "model.schedule"),
        (["torch.nn.ReLU"], "model.schedule"),
        (["ReduceLROnPlateau"], "several classes are called so: write zoo.optim.ReduceLROnPlateau"),
        ([f"{TORCH}.CyclicLR", "--model.schedule.base_lr=1", "--model.schedule.max_lr=2"], "momentum"),
    ],
)  # fmt: skip
def test_a_schedule_that_cannot_be_is_one_sentence(words, said, in_folder, capsys):
    rest = [
        "--model.optimizer",
        "torch.optim.Adadelta",
        "--data.batch_size",
        "256",
        "--trainer.max_epochs",
        "1",
        *QUIET,
    ]
    assert main(["fit", "--config", "lenet5_digits", "--run_dir", "run", "--model.schedule", *words, *rest]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (in_folder / "run").exists()
