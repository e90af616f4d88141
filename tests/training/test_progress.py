"""The progress line: what it tells of a run, that it is true, and that it fits."""

import io
import re
import time

import pytest
from lightning.pytorch import Callback, Trainer
from resume_cases import Noise, small_model

from zoo.cli import main
from zoo.evaluation.loader_report import LoaderReport
from zoo.training.checkpoint_files import WholeFile
from zoo.training.checkpoints import LastCheckpoint
from zoo.training.progress import WIDTH, PlainBar, RichBar, _rounded, figures

WATCHED = ("img/s", "wait", "GB", "saved")


def trained(folder, *callbacks, steps=None, **options):
    """Trains in ``folder`` with steps of 50 milliseconds and the callbacks that every run has."""

    class Slow(Callback):
        def on_train_batch_start(self, *ignored):
            time.sleep(0.05)

    last = folder / "last.ckpt"
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", logger=False, num_sanity_val_steps=0, enable_model_summary=False,
        callbacks=[Slow(), LoaderReport(), LastCheckpoint(last, steps, None, "go on"), *callbacks], **options,
    )  # fmt: skip
    trainer.strategy.checkpoint_io = WholeFile()
    trainer.fit(small_model(), Noise(), ckpt_path=last if last.exists() else None, weights_only=True)
    return trainer


class Noted(Callback):
    """What the line would say after each step, by the step's number."""

    def __init__(self):
        self.said = {}

    def on_train_batch_end(self, trainer, *ignored):
        self.said[trainer.global_step] = figures(trainer, trainer.progress_bar_metrics)


@pytest.fixture(scope="module")
def noted(tmp_path_factory):
    """Two epochs of five steps, saved after the third, with validations."""
    noted = Noted()
    trained(tmp_path_factory.mktemp("run"), noted, steps=3, enable_progress_bar=False)
    return noted


def test_the_line_has_the_pace_the_memory_and_the_age_of_the_checkpoint(noted):
    for said in noted.said.values():
        assert tuple(name for name in said if name in WATCHED) == WATCHED
        # Steps of nine images and at least 50 milliseconds, which is no waiting for images.
        assert 0 < float(said["img/s"]) < 9 / 0.05
        assert 0 <= int(said["wait"].rstrip("%")) < 100
        assert 0.05 < float(said["GB"]) < 100


def test_the_age_is_that_of_the_last_checkpoint(noted):
    ages = {step: said["saved"] for step, said in noted.said.items()}
    # Saved as the fourth step begins.
    assert [ages[step] for step in (1, 2, 3)] == ["never"] * 3
    assert all(re.fullmatch(r"\d+s", age) for step, age in ages.items() if step > 3)


def test_the_age_grows(tmp_path):
    last = LastCheckpoint(tmp_path / "last.ckpt", None, None, "go on")
    assert last.age is None
    last._own, last._saved_at = True, time.monotonic() - 300
    assert 300 <= last.age < 360


def test_a_run_that_goes_on_counts_from_what_it_goes_on_from(tmp_path):
    trained(tmp_path, enable_progress_bar=False, max_steps=3)
    again = Noted()
    trained(tmp_path, again, enable_progress_bar=False)
    assert re.fullmatch(r"\d+s", again.said[4]["saved"])


def test_the_loss_and_the_error_come_first_under_short_names(noted):
    assert tuple(noted.said[5]) == WATCHED, "nothing has been measured before the end of an epoch"
    assert tuple(noted.said[6]) == ("loss", "val", *WATCHED)
    assert re.fullmatch(r"[\d.]+%", noted.said[6]["val"])
    assert float(noted.said[6]["loss"]) > 0


def test_figures_of_a_model_of_ones_own_are_shown_after_them():
    class Measuring:
        state = type("State", (), {"fn": "validate"})

    metrics = {
        "spikes": 3.14159,
        "train/loss": 2.0,
        "val/top1_error": 8.125,
        "val/loss": 1.0,
        "v_num": "1",
        "name": "x",
    }
    shown = {"loss": "2", "val": "8.12%", "spikes": "3.14", "name": "x"}
    assert list(figures(Measuring, metrics).items()) == list(shown.items())


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.4, "59s"), (61, "1m"), (5000, "83m"), (7300, "2h"), (400_000, "111h")]
)
def test_ages_are_given_in_their_largest_unit(seconds, text):
    assert _rounded(seconds) == text


# The longest that an epoch of ImageNet on eight GPUs is likely to show.
LONGEST = {"loss": "6.91", "val": "58.1%", "img/s": "12345", "wait": "100%", "GB": "123.4", "saved": "59m"}


@pytest.mark.parametrize("batches", [10_009, 5_005])
def test_the_longest_plain_line_fits_and_no_figure_is_cut(batches):
    bar = PlainBar().init_train_tqdm()
    bar.disable, bar.total, bar.n = False, 10_009, batches
    bar.start_t = bar._time() - 2 * 3600
    bar.set_description("Epoch 89", refresh=False)
    bar.set_postfix(LONGEST, refresh=False)
    line = str(bar)
    bar.close()
    assert len(line) <= WIDTH == 100
    assert line.startswith("Epoch 89: ")
    # What remains, by the pace so far.
    assert f" {batches}/10009 [{'00:00' if batches == 10_009 else '1:59:58'}, loss=6.91, " in line
    for name, text in LONGEST.items():
        assert f"{name}={text}" in line


def test_plain_lines_of_a_run_fit(in_folder, capsys):
    words = ["fit", "--config", "lenet5_digits", "--trainer.max_epochs", "2", "--run_dir", "run", "--test", "false"]
    assert main([*words, "--trainer.accelerator", "cpu"]) == 0
    lines = [line for line in re.split(r"[\r\n]+", capsys.readouterr().out) if line.startswith("Epoch")]
    assert lines
    assert all(len(line.rstrip()) <= WIDTH for line in lines)
    # Nothing is held out of so few.
    for name in (*WATCHED, "train", "loss"):
        assert f"{name}=" in lines[-1]


def test_lines_on_a_terminal_fit(tmp_path):
    drawn = io.StringIO()
    bar = RichBar(console_kwargs={"file": drawn, "force_terminal": True, "width": WIDTH, "color_system": None})
    trained(tmp_path, bar)
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", drawn.getvalue()))
    shown = [line for line in lines if line.startswith("Epoch 1/1")]
    assert shown
    assert all(len(line.rstrip()) <= WIDTH for line in lines)
    for name in (*WATCHED, "val", "loss"):
        assert f"{name}: " in shown[-1], "on one line"
