"""A loss or weights that are not finite end a run with status 1: no Record, and no checkpoint of such weights."""

import math

import pytest
import torch
from resume_cases import Noise, small_model, train

from zoo.cli import main
from zoo.errors import Diverged
from zoo.training.divergence import FiniteLoss

RUN = ["fit", "--config", "lenet5_digits", "--run_dir", "run", "--trainer.enable_progress_bar", "false"]
RUN += ["--trainer.accelerator", "cpu", "--data.num_held_out", "0", "--model.variant", "modern"]


@pytest.mark.parametrize("logged", ["1", "1000"])
def test_a_loss_that_is_not_finite_ends_the_run(capsys, in_folder, logged):
    words = ["--model.optimizer.lr", "1e20", "--trainer.max_epochs", "2", "--trainer.log_every_n_steps", logged]
    assert main([*RUN, *words]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    # That of the second of 2 x 90 steps along half a cosine, whenever somebody looked.
    rate = 1e20 * 0.5 * (1 + math.cos(math.pi / 180))
    assert f"is nan in step 2, at a learning rate of {rate:g}; the last finite loss was 2.3" in line
    assert "in step 1; there is no checkpoint" in line
    assert not (in_folder / "run" / "record.json").exists()
    assert not (in_folder / "run" / "checkpoints").exists()


def test_the_last_good_checkpoint_is_named_and_stays(capsys, in_folder):
    assert main([*RUN, "--trainer.max_steps", "3", "--test", "false"]) == 0
    last = in_folder / "run" / "checkpoints" / "last.ckpt"
    words = ["fit", "--resume", "run", "--model.optimizer.lr", "1e20", "--trainer.max_steps", "20"]
    assert main([*words, "--save_every_n_steps", "1", "--trainer.limit_test_batches", "1"]) == 1
    assert f"the last good checkpoint is {last.relative_to(in_folder)}" in capsys.readouterr().err
    state = torch.load(last, weights_only=True)["state_dict"]
    assert all(tensor.isfinite().all() for tensor in state.values())


def test_weights_that_the_last_step_ruined_are_not_tested(capsys, in_folder):
    # The only loss is that of the first weights, and finite.
    words = ["--model.optimizer.lr", "3e38", "--model.optimizer.weight_decay", "1e30", "--trainer.max_steps", "1"]
    assert main([*RUN, *words]) == 1
    assert "weights are not finite after step 1" in capsys.readouterr().err
    assert not (in_folder / "run" / "record.json").exists()
    assert not list((in_folder / "run").rglob("*.ckpt"))


def test_a_test_whose_loss_is_not_finite_gives_no_record(capsys, in_folder):
    assert main([*RUN, "--trainer.max_steps", "1", "--test", "false"]) == 0
    last = in_folder / "run" / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(last, weights_only=True)
    # Each weight is finite, and no sum of them is.
    checkpoint["state_dict"]["network.output.weight"].fill_(3e38)
    torch.save(checkpoint, last)
    assert main(["test", "--ckpt_path", "run", "--run_dir", "tested"]) == 1
    assert "loss on the test set is nan" in capsys.readouterr().err
    assert not (in_folder / "tested" / "record.json").exists()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_step_is_found_among_those_since_the_last_look(tmp_path, monkeypatch, value):
    model, steps = small_model(), []
    losses = model.losses

    def with_one_such(logits, labels):
        steps.append(None)
        # Put on top, a number has no slope: the weights stay finite, and so do all other losses.
        return losses(logits, labels) + (value if len(steps) == 3 else 0)

    monkeypatch.setattr(model, "losses", with_one_such)
    with pytest.raises(Diverged, match=rf"loss is {value} in step 3, .* in step 2; "):
        train(tmp_path, Noise(0), model, FiniteLoss(tmp_path / "none.ckpt"), log_every_n_steps=6)


def test_what_has_no_loss_is_left_alone(in_folder):
    words = ["--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu"]
    assert main(["fit", "--config", "mark1_digits", "--run_dir", "run", "--trainer.max_epochs", "1", *words]) == 0
