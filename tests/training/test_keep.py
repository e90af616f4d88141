"""``--keep``: the last checkpoints and the best one stay, and a run goes on from the last good one."""

import math

import pytest
import torch
from lightning.pytorch import Callback
from resume_cases import Noise, StopAfter, outcome, small_model, stopped, train

from zoo.cli import main
from zoo.errors import InputError
from zoo.training.checkpoint_files import newest_whole
from zoo.training.checkpoints import LastCheckpoint

QUIET = ["--trainer.enable_progress_bar", "false"]


def held(folder):
    """Each checkpoint's step, by its name; all of them are whole."""
    return {
        path.name: torch.load(path, weights_only=True)["global_step"] for path in (folder / "checkpoints").iterdir()
    }


def steps(folder):
    return {name: step for name, step in held(folder).items() if name != "best.ckpt"}


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


class Errors(Callback):
    """Notes the error of each validation and the weights that it was taken of."""

    def __init__(self):
        self.seen = []

    def on_validation_end(self, trainer, pl_module):
        weights = {key: value.clone() for key, value in pl_module.state_dict().items()}
        self.seen.append((float(trainer.callback_metrics["val/top1_error"]), trainer.global_step, weights))


@pytest.mark.parametrize(
    ("keep", "kept"),
    [(None, {}), (1, {}), (2, {"step-12.ckpt": 12}), (4, {"step-4.ckpt": 4, "step-8.ckpt": 8, "step-12.ckpt": 12})],
)
def test_the_last_ones_stay(tmp_path, keep, kept):
    train(tmp_path, Noise(), small_model(), every=4, keep=keep)
    assert steps(tmp_path) == kept | {"last.ckpt": 15}
    assert (tmp_path / "checkpoints" / "best.ckpt").exists() == (keep is not None)


def test_the_best_on_the_held_out_slice_stays_whatever_comes_later(tmp_path):
    errors = Errors()
    train(tmp_path, Noise(), small_model(lr=0.3), errors, max_epochs=6, keep=1)
    fewest, step, weights = min(errors.seen, key=lambda seen: seen[:2])
    assert len({error for error, *_ in errors.seen}) > 1, "the test would show nothing"
    best = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)
    assert (best["zoo_fewest_errors"], best["global_step"]) == (fewest, step)
    for key, value in weights.items():
        assert torch.equal(best["state_dict"][key], value)


def test_without_a_held_out_slice_there_is_no_best(tmp_path):
    train(tmp_path, Noise(0), small_model(), every=4, keep=2)
    assert held(tmp_path) == {"step-16.ckpt": 16, "last.ckpt": 18}
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["zoo_fewest_errors"] == math.inf


@pytest.mark.parametrize("step", [3, 5, 6, 11])
def test_a_run_in_two_parts_keeps_what_one_in_one_part_keeps(tmp_path, step):
    whole = outcome(train(tmp_path / "whole", Noise(), small_model(), keep=3, every=2), tmp_path / "whole")
    stopped(tmp_path / "run", Noise(), small_model(), StopAfter(step), keep=3, every=2)
    assert outcome(train(tmp_path / "run", Noise(), small_model(), keep=3, every=2), tmp_path / "run") == whole
    one, other = (
        torch.load(tmp_path / name / "checkpoints" / "best.ckpt", weights_only=True) for name in ("run", "whole")
    )
    assert one["global_step"] == other["global_step"]
    assert all(torch.equal(value, other["state_dict"][key]) for key, value in one["state_dict"].items())
    assert len(steps(tmp_path / "run")) == 3


def test_from_the_best_a_run_goes_on_to_the_same_end(tmp_path):
    options = {"max_epochs": 6}
    whole = outcome(train(tmp_path / "whole", Noise(), small_model(lr=0.3), keep=1, **options), tmp_path / "whole")
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    best = tmp_path / "whole" / "checkpoints" / "best.ckpt"
    assert torch.load(best, weights_only=True)["global_step"] < 30, "the test would show nothing"
    (tmp_path / "run" / "checkpoints" / "last.ckpt").write_bytes(best.read_bytes())
    resumed = outcome(train(tmp_path / "run", Noise(), small_model(lr=0.3), **options), tmp_path / "run")
    assert (resumed["weights"], resumed["metrics"]) == (whole["weights"], whole["metrics"])
    assert resumed["train_images"] == whole["train_images"]


def test_the_newest_whole_one_is_found_and_a_sentence_says_so(tmp_path, capsys):
    last = tmp_path / "checkpoints" / "last.ckpt"
    assert newest_whole(last) is None
    train(tmp_path, Noise(), small_model(), every=4, keep=4)
    assert newest_whole(last) == last
    assert capsys.readouterr().out == ""
    damage(last)
    damage(last.with_name("step-12.ckpt"))
    assert newest_whole(last) == last.with_name("step-8.ckpt")
    (line,) = capsys.readouterr().out.splitlines()
    assert line == f"{last} is damaged: going on from {last.with_name('step-8.ckpt')}, the last good checkpoint"
    last.write_bytes(last.read_bytes()[:200])
    assert newest_whole(last) == last.with_name("step-8.ckpt")
    last.unlink()
    assert newest_whole(last) == last.with_name("step-8.ckpt")
    for path in last.parent.glob("step-*.ckpt"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match=r"step-12\.ckpt is not a checkpoint"):
        newest_whole(last)


def test_a_run_whose_newest_checkpoint_is_damaged_ends_with_the_same_bits(in_folder, capsys):
    words = ["--config", "lenet5_digits", "--trainer.max_epochs", "1", "--trainer.limit_train_batches", "12", *QUIET]
    words += ["--keep", "3", "--save_every_n_steps", "4"]
    assert main(["fit", *words, "--run_dir", "whole"]) == 0
    assert main(["fit", *words, "--run_dir", "run"]) == 0
    assert steps(in_folder / "run") == {"step-4.ckpt": 4, "step-8.ckpt": 8, "last.ckpt": 12}
    # As if the disk had spoilt the newest two before the test.
    (in_folder / "run" / "record.json").unlink()
    for name in ("last.ckpt", "step-8.ckpt"):
        damage(in_folder / "run" / "checkpoints" / name)
    capsys.readouterr()
    assert main(["fit", "--resume", "run", *QUIET]) == 0
    said = "run/checkpoints/last.ckpt is damaged: going on from run/checkpoints/step-4.ckpt, the last good checkpoint"
    assert said in capsys.readouterr().out
    assert steps(in_folder / "run") == {"step-4.ckpt": 4, "step-8.ckpt": 8, "last.ckpt": 12}
    one, other = (
        torch.load(in_folder / name / "checkpoints" / "last.ckpt", weights_only=True) for name in ("run", "whole")
    )
    assert all(torch.equal(value, other["state_dict"][key]) for key, value in one["state_dict"].items())


def test_fewer_than_one_is_refused(tmp_path):
    with pytest.raises(InputError, match="--keep is how many"):
        LastCheckpoint(tmp_path / "last.ckpt", None, None, "go on", 0)
