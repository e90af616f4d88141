"""The loader's report against a loader and a network whose times are known."""

import csv
import time

import pytest
from lightning.pytorch import Callback, Trainer
from resume_cases import Noise, outcome, small_model, train

from zoo.data.memory import InMemory
from zoo.evaluation import loader_report
from zoo.evaluation.loader_report import LoaderReport


class Slow(Callback):
    """A network that takes its time, and a validation that counts in neither number."""

    def __init__(self, step: float) -> None:
        self.step = step

    def on_train_batch_start(self, *ignored) -> None:
        time.sleep(self.step)

    def on_validation_batch_start(self, *ignored) -> None:
        time.sleep(0.3)


def report(folder, monkeypatch, *, batch: float, step: float):
    """Trains with batches and steps of known seconds; returns the last epoch's numbers and the advice."""
    made = InMemory.__getitem__

    def slowly(self, draw):
        time.sleep(batch)
        return made(self, draw)

    monkeypatch.setattr(InMemory, "__getitem__", slowly)
    reporter = LoaderReport()
    train(folder, Noise(), small_model(), Slow(step), reporter, max_epochs=1)
    with (folder / "metrics.csv").open() as file:
        (row,) = [row for row in csv.DictReader(file) if row["train/waiting"]]
    return float(row["train/images_per_second"]), float(row["train/waiting"]), reporter.advice


def test_waiting_is_the_share_of_time_in_which_batches_are_made(tmp_path, monkeypatch):
    rate, waiting, advice = report(tmp_path, monkeypatch, batch=0.06, step=0.02)
    # 40 images in 5 steps, on a machine that may be slower than asked, never quicker.
    assert 40 / 2.5 < rate < 40 / (5 * 0.08)
    assert 0.3 / 2.5 < waiting < 0.76
    assert not advice, "an epoch this short is nobody's trouble"


def test_a_network_that_does_not_wait_is_said_to_wait_little(tmp_path, monkeypatch):
    _, waiting, _ = report(tmp_path, monkeypatch, batch=0.0, step=0.06)
    assert 0 < waiting < 0.2


def test_the_pace_in_the_course_of_an_epoch_is_what_its_end_reports(tmp_path):
    reporter, paces = LoaderReport(), []

    class Noted(Callback):
        def on_train_batch_end(self, trainer, *ignored):
            paces.append(reporter.pace(trainer))

        def on_validation_batch_start(self, trainer, *ignored):
            paces.append(reporter.pace(trainer))
            time.sleep(0.5)
            # Validation counts in neither number, whenever one looks.
            assert reporter.pace(trainer) == paces[-1]

    assert reporter.pace(Trainer(logger=False, enable_progress_bar=False, enable_checkpointing=False)) is None
    train(tmp_path / "run", Noise(), small_model(), Slow(0.05), reporter, Noted(), max_epochs=1)
    with (tmp_path / "run" / "metrics.csv").open() as file:
        (row,) = [row for row in csv.DictReader(file) if row["train/waiting"]]
    rate, share = paces[-1]
    # It ends with the validation, after which nothing is trained.
    assert rate == pytest.approx(float(row["train/images_per_second"]), rel=0.2)
    assert share == pytest.approx(float(row["train/waiting"]), abs=0.1)
    assert all(0 < rate < 9 / 0.05 for rate, _ in paces)


@pytest.mark.parametrize(
    ("workers", "cores", "says"),
    [
        (0, 8, "try --data.num_workers 8 (now 0)"),
        (8, 8, "zoo data prepare"),
        (8, 8, "pip install simplejpeg"),
    ],
)
def test_the_advice_fits_the_machine(tmp_path, monkeypatch, capsys, workers, cores, says):
    monkeypatch.setattr(loader_report, "LONG_ENOUGH", 0.0)
    monkeypatch.setattr(loader_report.os, "cpu_count", lambda: cores)
    reporter = LoaderReport()

    class Folder:
        num_workers = workers

    reporter._advise(0.41, Folder())
    assert says in reporter.advice
    assert "in 41% of the epoch" in capsys.readouterr().out


def test_in_memory_the_advice_is_another_and_comes_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loader_report, "LONG_ENOUGH", 0.0)
    monkeypatch.setattr(loader_report, "TOO_LONG", 0.0)
    train(tmp_path, Noise(), small_model(), LoaderReport())
    (told,) = [line for line in capsys.readouterr().out.splitlines() if "waited" in line]
    assert "workers" not in told


def test_the_report_changes_no_result(tmp_path):
    with_report, without = tmp_path / "with", tmp_path / "without"
    reported = outcome(train(with_report, Noise(), small_model(), LoaderReport()), with_report)
    assert reported == outcome(train(without, Noise(), small_model()), without)
