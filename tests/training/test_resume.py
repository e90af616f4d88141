"""A run that was stopped and went on is the run that was never stopped: weights, metrics and counts, bit for bit."""

import os
import signal

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from resume_cases import Noise, StopAfter, outcome, small_model, stopped, train

STEPS = 5  # an epoch of 40 images in steps of 9


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Outcomes of runs without an interruption, made once each."""
    made = {}

    def outcome_of(held_out=12, **options):
        key = (held_out, *sorted(options.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp("whole")
            made[key] = outcome(train(folder, Noise(held_out), small_model(), **options), folder)
        return made[key]

    return outcome_of


def test_the_uninterrupted_run_learns_and_logs(whole):
    result = whole()
    assert (result["train_steps"], result["train_epochs"], result["train_images"]) == (15, 3, 120)
    epochs = [row for row in result["rows"] if row["train/top1_error"]]
    assert len(epochs) == 3
    assert len({row["train/loss"] for row in epochs}) == 3
    assert len([row for row in result["rows"] if row["val/loss"]]) == 3
    # Every second of 15 steps is logged.
    assert [row["step"] for row in result["rows"] if row["train/step_loss"]] == [str(n) for n in range(1, 15, 2)]


@pytest.mark.parametrize("step", range(1, 3 * STEPS))
def test_stopped_after_any_step(tmp_path, whole, step):
    stopped(tmp_path, Noise(), small_model(), StopAfter(step))
    assert outcome(train(tmp_path, Noise(), small_model()), tmp_path) == whole()


@pytest.mark.parametrize("step", [3, 5, 7, 10])
@pytest.mark.parametrize("options", [{"max_epochs": 9, "max_steps": 12}, {"val_check_interval": 0.4}], ids=str)
def test_stopped_with_other_ends_and_other_validations(tmp_path, whole, step, options):
    stopped(tmp_path, Noise(), small_model(), StopAfter(step), **options)
    assert outcome(train(tmp_path, Noise(), small_model(), **options), tmp_path) == whole(**options)


@pytest.mark.parametrize("step", [4, 5, 6])  # six steps make an epoch
@pytest.mark.parametrize("options", [{}, {"max_epochs": 9, "max_steps": 12}], ids=str)
def test_stopped_where_nothing_is_held_out(tmp_path, whole, step, options):
    stopped(tmp_path, Noise(0), small_model(), StopAfter(step), **options)
    assert outcome(train(tmp_path, Noise(0), small_model(), **options), tmp_path) == whole(0, **options)


@pytest.mark.parametrize(
    ("step", "options"),
    [(5, {}), (15, {}), (2, {"val_check_interval": 0.4}), (14, {"val_check_interval": 0.4})],
    ids=str,
)
def test_stopped_in_a_validation(tmp_path, whole, step, options):
    stopped(tmp_path, Noise(), small_model(), StopAfter(step, validating=True), **options)
    assert outcome(train(tmp_path, Noise(), small_model(), **options), tmp_path) == whole(**options)


def test_killed_before_the_first_checkpoint(tmp_path, whole):
    class Kill(StopAfter):
        def on_train_batch_end(self, trainer, *ignored):
            if trainer.global_step == self.step:
                trainer.loggers[0].save()
                raise OSError("killed")

    with pytest.raises(OSError, match="killed"):
        train(tmp_path, Noise(), small_model(), Kill(4))
    assert (tmp_path / "metrics.csv").stat().st_size
    assert not (tmp_path / "checkpoints").exists()
    assert outcome(train(tmp_path, Noise(), small_model()), tmp_path) == whole()
    header = (tmp_path / "metrics.csv").read_text().splitlines()[0].split(",")
    assert header == sorted(header)


def test_stopped_three_times(tmp_path, whole):
    for step in (2, 5, 11):
        stopped(tmp_path, Noise(), small_model(), StopAfter(step))
    assert outcome(train(tmp_path, Noise(), small_model()), tmp_path) == whole()


@pytest.mark.parametrize("step", [2, 4, 8, 9])
def test_gathered_gradients_are_not_lost(tmp_path, whole, step):
    options = {"accumulate_grad_batches": 2}
    stopped(tmp_path, Noise(), small_model(), StopAfter(step), **options)
    assert outcome(train(tmp_path, Noise(), small_model(), **options), tmp_path) == whole(**options)


class StopBetweenSteps(Callback):
    """Sends this process a signal when the first of two batches has given its gradients and no step was made."""

    def __init__(self, epoch, batch):
        self.place = epoch, batch

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if (trainer.current_epoch, batch_idx) == self.place:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(("epoch", "batch"), [(0, 2), (1, 0)])
def test_a_signal_amid_gathered_gradients_waits_for_their_step(tmp_path, whole, epoch, batch):
    options = {"accumulate_grad_batches": 2}
    stopped(tmp_path, Noise(), small_model(), StopBetweenSteps(epoch, batch), **options)
    assert outcome(train(tmp_path, Noise(), small_model(), **options), tmp_path) == whole(**options)


@pytest.mark.filterwarnings("ignore:.*exists and is not empty")
@pytest.mark.parametrize("held_out", [12, 0])
@pytest.mark.parametrize("every", [3, 5])
def test_from_a_checkpoint_that_lightning_wrote(tmp_path, whole, held_out, every):
    """Its ModelCheckpoint also saves at the end of an epoch's last step: there Lightning drops the epoch's end."""
    own = ModelCheckpoint(tmp_path / "own", "{step}", every_n_train_steps=every, save_top_k=-1)
    reference = whole(held_out)
    train(tmp_path, Noise(held_out), small_model(), own)
    (tmp_path / "checkpoints" / "last.ckpt").write_bytes((tmp_path / "own" / f"step={every}.ckpt").read_bytes())
    resumed = outcome(train(tmp_path, Noise(held_out), small_model(), own), tmp_path)
    # The file takes back what was logged later; what the step itself logged is not yet in it.
    assert resumed["weights"] == reference["weights"]
    assert [r for r in resumed["rows"] if r["train/loss"]] == [r for r in reference["rows"] if r["train/loss"]]
    assert resumed["train_steps"] == reference["train_steps"]


def test_saved_every_few_steps_and_at_the_end(tmp_path):
    seen = []

    class Watch(StopAfter):
        def on_train_batch_end(self, trainer, *ignored):
            if (tmp_path / "checkpoints" / "last.ckpt").exists():
                seen.append(torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"])

    train(tmp_path, Noise(), small_model(), Watch(0), every=4)
    # After step 5 an epoch ends, but within a second of the last checkpoint.
    assert seen == [4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12]
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 15


def test_a_new_rate_wins_over_the_checkpoint_and_the_schedule_goes_on(tmp_path):
    stopped(tmp_path, Noise(), small_model(lr=0.05), StopAfter(6))
    rates = []
    for folder in (tmp_path, tmp_path / "whole"):
        trainer = train(folder, Noise(), small_model(lr=0.2))
        rates.append([row["lr"] for row in outcome(trainer, folder)["rows"] if row["lr"]][-4:])
    assert [float(rate) for rate in rates[0]] == pytest.approx([float(rate) for rate in rates[1]], rel=1e-12)


def test_another_batch_size_is_refused_in_the_middle_of_an_epoch(tmp_path):
    stopped(tmp_path, Noise(), small_model(), StopAfter(7))
    with pytest.raises(ValueError, match="in the middle of an epoch of 40 images in batches of 9"):
        train(tmp_path, Noise(batch_size=8), small_model())
