"""``zoo compare``: the same runs give the same table, wherever they were kept."""

import csv
import io
import json
import shutil
import threading
import time
from dataclasses import replace

import preloaded
import pytest
import wandb_file
from conftest import ROOT
from in_browser import SCREENS, quiet_page, violations
from results_cases import make_record
from resume_cases import HANGING, TIMES
from scipy import stats
from wandb_server import Server

from zoo.cli import main
from zoo.comparison.document import document
from zoo.comparison.sources import runs_of
from zoo.comparison.tables import tables_of
from zoo.report.formats import FORMS
from zoo.report.terminal import render
from zoo.results.record import Record
from zoo.weights.cards import list_weights

QUIET = ["--config", "overlays/wandb", "--trainer.enable_progress_bar", "false", "--trainer.max_epochs", "1"]
WORDS = {
    "lenet5": ["--config", "lenet5_digits", *QUIET, "--wandb.tags", "[small, digits]", "--wandb.job_type", "test"],
    "mlp": [
        "--config", "mlp_cifar10", "--data", "Digits", "--model.in_channels", "1", "--data.num_held_out", "100", *QUIET,
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Their run folders with their offline W&B runs, as ``zoo fit`` leaves them."""
    folder = tmp_path_factory.mktemp("runs")
    for name, words in WORDS.items():
        assert main(["fit", *words, "--run_dir", str(folder / name)]) == 0
        wandb_file.read(folder / name)  # waits for its end
    return folder


def told(words, form):
    return document(runs_of([str(word) for word in words]), form)


@pytest.mark.parametrize("form", [*FORMS, "terminal"])
def test_wandbs_folders_and_the_run_folders_give_the_same_to_the_last_digit(trained, form):
    folders = [trained / "lenet5", trained / "mlp"]
    kept = [next((trained / "lenet5" / "wandb").glob("offline-run-*")), trained / "mlp" / "wandb"]
    assert told(folders, form) == told(kept, form)


def test_without_what_wandb_kept_a_run_folder_says_the_same_but_for_the_predictions(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "bare", ignore=shutil.ignore_patterns("wandb"))
    with_them = json.loads(told([trained / "lenet5", trained / "mlp"], "json"))
    without = json.loads(told([tmp_path / "bare" / "lenet5", tmp_path / "bare" / "mlp"], "json"))
    assert with_them["pairs"]
    assert without["pairs"] == []
    assert without["curves"] == with_them["curves"]
    assert [row["top1_error"] for row in without["runs"]] == [row["top1_error"] for row in with_them["runs"]]


def test_the_numbers_are_those_of_records_metrics_and_predictions(trained):
    found = json.loads(told([trained / "lenet5", trained / "mlp"], "json"))
    records = [Record.read(trained / name / "record.json") for name in ("lenet5", "mlp")]
    for row, record in zip(found["runs"], records, strict=True):
        for name in ("top1_error", "top5_error", "loss"):
            assert row[name] == record.metrics[name]
        assert row["train_seconds"] == record.timing["train_seconds"]
        assert row["train_macs"] == record.compute["train_macs"]
    with (trained / "mlp" / "metrics.csv").open() as file:
        logged = [row for row in csv.DictReader(file) if row["val/loss"]]
    curve = found["curves"]["B"]["val/loss"]
    assert curve["step"] == [int(row["step"]) for row in logged]
    assert curve["value"] == [float(row["val/loss"]) for row in logged]
    (pair,) = found["pairs"]
    assert pair["only_second"] + pair["neither"] == records[0].metrics["top1_wrong"]
    assert pair["only_first"] + pair["neither"] == records[1].metrics["top1_wrong"]
    expected = stats.binomtest(pair["only_first"], pair["only_first"] + pair["only_second"]).pvalue
    assert pair["p"] == pytest.approx(expected, rel=1e-9)
    errors = [record.metrics["top1_error"] for record in records]
    assert found["runs"][1]["difference"] == pytest.approx(errors[1] - errors[0])
    assert found["config"]["model"] == ["zoo.models.LeNet5Model", "zoo.models.MLPModel"]
    assert not any(len(set(map(str, values))) == 1 for values in found["config"].values())


def test_the_predictions_of_zoo_predict_pair_runs_as_those_in_wandb_do(trained, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(trained, bare, ignore=shutil.ignore_patterns("wandb"))
    for name, ending in (("lenet5", "csv"), ("mlp", "npz")):
        file = bare / name / f"predictions.{ending}"
        words = ["--ckpt_path", str(bare / name), "--predictions", str(file), "--trainer.enable_progress_bar", "false"]
        assert main(["predict", *words, "--wandb", "null", "--run_dir", str(tmp_path / f"predicting-{name}")]) == 0
    expected = json.loads(told([trained / "lenet5", trained / "mlp"], "json"))["pairs"]
    assert json.loads(told([bare / "lenet5", bare / "mlp"], "json"))["pairs"] == expected
    alone = json.loads(told([bare / "lenet5" / "predictions.csv", bare / "mlp" / "predictions.npz"], "json"))
    assert alone["pairs"] == expected
    assert alone["runs"][0]["top1_error"] == Record.read(bare / "lenet5" / "record.json").metrics["top1_error"]


def test_predictions_of_other_weights_are_refused(trained, tmp_path, capsys):
    shutil.copytree(trained / "mlp", tmp_path / "mlp", ignore=shutil.ignore_patterns("wandb"))
    rows = "".join(f"{index},0,{'0' if index else '1'},0.9\n" for index in range(360))
    (tmp_path / "mlp" / "predictions.csv").write_text(f"index,label,class1,probability1\n{rows}")
    assert main(["compare", str(tmp_path / "mlp"), str(trained / "lenet5")]) == 2
    assert "have 1 of 360 images wrong and its Record" in capsys.readouterr().err


@pytest.mark.slow  # test_signals.py sees that rows after a checkpoint go, and that W&B's run is gone on with
def test_a_run_that_was_killed_and_went_on_has_each_step_once_in_order(tmp_path, zoo_process, monkeypatch):
    """Killed without warning after a checkpoint within an epoch, with rows logged and lost after it."""
    # W&B in these processes is not to be that of this one.
    monkeypatch.delenv("WANDB_SERVICE", raising=False)
    short = ["--trainer.max_epochs", "2", "--trainer.log_every_n_steps", "3", "--test", "false"]
    words = ["fit", *WORDS["lenet5"], *short]
    zoo_process(*words, "--run_dir", "whole")
    saving = ["--run_dir", "killed", "--save_every_n_steps", "70"]
    killed = preloaded.start("-c", HANGING, "80", *words, *saving, cwd=tmp_path)
    while not (tmp_path / "hangs").exists():
        assert killed.poll() is None, killed.told()
        time.sleep(0.005)
    killed.kill()
    killed.wait()
    time.sleep(0.5)  # W&B's own process, which writes the file, sees that the run is gone
    zoo_process("fit", "--resume", "killed", *QUIET[2:4])
    parts = list((tmp_path / "killed" / "wandb").glob("offline-run-*"))
    assert len(parts) == 2
    for part in parts:
        _, history = wandb_file.read(part, seconds=2)
        steps = [row["trainer/global_step"] for row in history]
        assert steps == sorted(set(steps))
        assert [row["_step"] for row in history] == steps
    (once,), (resumed,) = (runs_of([str(tmp_path / name / "wandb")]) for name in ("whole", "killed"))
    assert {n: c for n, c in resumed.curves.items() if n not in TIMES} == {
        n: c for n, c in once.curves.items() if n not in TIMES
    }
    assert len(once.curves["train/step_loss"]) == 60
    assert resumed.curves == runs_of([str(tmp_path / "killed")])[0].curves


def test_records_and_weights_names_stand_beside_each_other():
    names = [name for name in list_weights() if name in ("lenet5/cifar10", "linear/cifar10")]
    record = ROOT / "benchmarks" / "results" / "lenet5_cifar10-seed0.json"
    found = json.loads(told([record, *names], "json"))["runs"]
    assert [row["run"] for row in found] == ["lenet5_cifar10-seed0", *names]
    assert [row["network"] for row in found] == ["lenet5", "lenet5", "linear"]
    assert all(row["difference"] is not None for row in found[1:])


def test_a_folder_stands_for_the_runs_in_it(trained):
    assert told([trained], "csv") == told([trained / "lenet5", trained / "mlp"], "csv")


def made(folder, *records):
    """Their paths."""
    for number, record in enumerate(records):
        record.write(folder / f"{number}.json")
    return [folder / f"{number}.json" for number in range(len(records))]


def test_of_other_images_there_is_no_difference(tmp_path):
    files = made(tmp_path, make_record(), make_record(dataset="cifar10", wrong=3000), make_record(wrong=190, seed=1))
    first, other, same = json.loads(told(files, "json"))["runs"]
    assert (first["difference"], other["difference"]) == (None, None)
    assert same["difference"] == pytest.approx(0.95)
    assert same["difference_low"] < 0.95 < same["difference_high"]
    assert "not on the same images" in told(files, "md")


def test_more_runs_than_have_a_column_share_the_lines_of_their_options(tmp_path):
    records = [make_record(seed=seed, wrong=90 + seed) for seed in range(6)]
    wide = replace(records[5], config={**records[5].config, "model": {"init_args": {"variant": "modern"}}})
    text = told(made(tmp_path, *records[:5], wide), "md")
    assert "| model.variant | paper | A to E |" in text
    assert "|  | modern | F |" in text


def test_commits_and_fingerprints_are_short_where_they_are_read_and_whole_where_they_are_kept(tmp_path):
    one, other = make_record(), make_record(seed=1)
    other = replace(other, git={"commit": "ab" * 20, "dirty": True})
    other.dataset["fingerprint"] = "sha256:" + "cd" * 32
    files = made(tmp_path, one, other)
    text = told(files, "md")
    assert "| commit | 000000000000 | abababababab, edited |" in text
    assert f"| {one.dataset['fingerprint'][:19]} | sha256:cdcdcdcdcdcd |" in text
    for form in ("csv", "json"):
        assert "ab" * 20 in told(files, form)
        assert "cd" * 32 in told(files, form)


def test_csv_has_a_line_a_run_with_the_options_that_differ(trained):
    rows = list(csv.DictReader(io.StringIO(told([trained / "lenet5", trained / "mlp"], "csv"))))
    assert [row["run"].split("/")[-1] for row in rows] == ["lenet5", "mlp"]
    assert [row["data.batch_size"] for row in rows] == ["16", "128"]


@pytest.mark.parametrize("width", [60, 100, 200])
def test_it_fits_the_terminal(trained, width):
    text = render(tables_of(runs_of([str(trained / "lenet5"), str(trained / "mlp")])), width)
    assert max(map(len, text.splitlines())) <= width
    for number in ("95 % interval", "minus A", " p\n", "train/loss"):
        assert number in text


def test_the_page_draws_each_curve_and_asks_for_nothing(trained):
    page = told([trained / "lenet5", trained / "mlp"], "html")
    assert page.count("<polyline") == 6  # both logged loss and error of train, one those of val
    assert "http" not in page
    assert "prefers-color-scheme" in page or "color-scheme:light dark" in page


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_an_accessibility_checker_finds_nothing_serious_on_the_page(tmp_path, browser, axe, width, scheme):
    words = ["lenet5/cifar10", "linear/cifar10", "vgg16-bn/cifar10", "--format", "html", "--output"]
    assert main(["compare", *words, str(tmp_path / "page.html")]) == 0
    where = (tmp_path / "page.html").as_uri()
    with quiet_page(browser, where, width=width, scheme=scheme) as page:
        page.goto(where)
        assert violations(page, axe, ("moderate", "serious", "critical")) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere", "nothing"], "There is no run 'nowhere'"),
        (["lenet5/cifar11", "linear/cifar10"], "There are no weights 'lenet5/cifar11'"),
        (["torchvision/alexnet", "linear/cifar10"], "torchvision/alexnet has no Record"),
        (["linear/cifar10"], "There is only linear/cifar10 to compare"),
        (["."], ". holds no run"),
        (["words.txt", "linear/cifar10"], "words.txt is no run"),
        (["words.csv", "linear/cifar10"], "words.csv does not hold predictions"),
        (["words.npz", "linear/cifar10"], "words.npz does not hold predictions"),
        (["words.json", "linear/cifar10"], "words.json is not a record"),
        (["broken", "linear/cifar10"], "run-x.wandb is no file of W&B's"),
        (["cut", "linear/cifar10"], "metrics.csv does not hold the metrics"),
        (["linear/cifar10", "lenet5/cifar10", "--format", "xml"], "invalid choice"),
        (["linear/cifar10", "lenet5/cifar10", "--output", "words.csv", "--format", "md"], "ends in .csv, not md"),
        (["linear/cifar10", "lenet5/cifar10", "--output", "mine.png"], "mine.png ends in .png, and this is text"),
        (["linear/cifar10", "lenet5/cifar10", "--output", "no/where.md"], "There is no folder no to write where.md to"),
    ],
)
def test_bad_words_are_one_sentence(in_folder, capsys, words, message):
    for name in ("words.txt", "words.csv", "words.npz", "words.json"):
        (in_folder / name).write_text("hello")
    for name, file, text in (("broken", "run-x.wandb", "hello, this is none"), ("cut", "metrics.csv", "step,a\n1,x\n")):
        (in_folder / name).mkdir()
        (in_folder / name / file).write_text(text)
    words = words if words != ["."] else [str(in_folder / "empty")]
    (in_folder / "empty").mkdir()
    assert main(["compare", *words]) == 2
    error = capsys.readouterr().err
    assert message.lstrip(". ") in error
    assert error.count("\n") == 1


@pytest.fixture
def wandb_server(trained, monkeypatch):
    """Holds both runs as team/zoo."""
    with Server({"aaa": trained / "lenet5", "bbb": trained / "mlp"}) as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
        monkeypatch.setenv("no_proxy", "*")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_project_and_its_runs_give_the_same_as_the_run_folders_to_the_last_digit(wandb_server, trained):
    expected = told([trained / "lenet5", trained / "mlp"], "json")
    assert json.loads(expected)["pairs"]
    assert told(["wandb:team/zoo/aaa", "wandb:team/zoo/bbb"], "json") == expected
    assert told(["wandb:team/zoo"], "json") == expected
    assert told(["wandb:team/zoo/aaa", trained / "mlp"], "json") == expected


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("wandb:team/zoo/ccc", "wandb:team/zoo/ccc cannot be read"),
        ("wandb:team", "wandb:team names no runs"),
        ("wandb:a/b/c/d", "wandb:a/b/c/d names no runs"),
        ("wandb:", "wandb: names no runs"),
    ],
)
def test_what_is_not_there_is_one_sentence(wandb_server, capsys, word, message):
    assert main(["compare", word, "linear/cifar10"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("zoo: ") == 1
