"""``zoo reproduce``: what differs behind two Records, and whether the number comes back."""

import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace

import preloaded
import pytest
import torch
from conftest import ROOT
from results_cases import make_record

from zoo.cli import main
from zoo.commands import reproduce
from zoo.data import MNIST
from zoo.options import declared
from zoo.results.provenance import git_state
from zoo.results.record import Record
from zoo.results.reproduction import compare, of_code, of_config, of_environment
from zoo.training.lent import check_lent
from zoo.weights.cards import shipped

SHORT = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "4", "--trainer.accelerator", "cpu"]


def named(differences):
    return {one.name: (one.then, one.now) for one in differences}


# What a run made again says ------------------------------------------------------------------------------------------


def test_the_same_weights_and_counts_are_identical():
    outcome = compare(make_record(), make_record())
    assert (outcome.level, outcome.reproduced) == ("bit-identical weights", True)
    assert "0" * 64 in outcome.sentence


def test_the_same_counts_with_other_weights_say_so():
    outcome = compare(make_record(), make_record(sha="f"))
    assert (outcome.level, outcome.reproduced) == ("the same counts", True)
    assert compare(make_record(), make_record(sha="f", wrong5=8)).level == "within the interval"


@pytest.mark.parametrize(("share", "level"), [(0.99, "within the interval"), (1.01, "not reproduced")])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_interval_is_two_binomials_wide(share, level, sign):
    """The edge, in images, of 1.96 sigma of a difference between two counts of 10,000, solved by hand for 2,000."""
    n, before = 10_000, 2_000
    edge = 0
    while True:
        p, q = (before + 1) / (n + 2), (before + sign * edge + 1) / (n + 2)
        if edge > 1.959963984540054 * math.sqrt(n * (p * (1 - p) + q * (1 - q))):
            break
        edge += 1
    step = math.floor(edge * share) if share < 1 else math.ceil(edge * share)
    outcome = compare(make_record(wrong=before), make_record(wrong=before + sign * step, sha="f"))
    assert outcome.level == level
    assert outcome.reproduced == (share < 1)
    assert "binomial" in outcome.sentence


def test_the_same_weights_measured_otherwise_are_no_identity():
    outcome = compare(make_record(wrong=95), make_record(wrong=96))
    assert outcome.level == "within the interval"
    assert "the weights are the same" in outcome.sentence


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"n": 9_000}, "n is 9000, but was 10000"),
        ({"protocol": "ten crops"}, "protocol is ten crops, but was single view"),
        ({"variant": "modern"}, "variant is modern, but was paper"),
    ],
)
def test_another_measurement_is_not_a_reproduction(change, says):
    outcome = compare(make_record(), make_record(**change))
    assert not outcome.reproduced
    assert outcome.sentence == says


# What differs --------------------------------------------------------------------------------------------------------


def test_the_environment_is_compared_name_by_name():
    then = make_record(
        environment={
            "python": "3.11.7",
            "platform": "Linux",
            "device": "cpu",
            "packages": {"torch": "2.15.0", "a": "1"},
        }
    )
    today = {
        "python": "3.12.1", "platform": "Linux", "device": "NVIDIA H100", "threads": 4,
        "packages": {"torch": "2.16.0", "a": "1", "b": None},
    }  # fmt: skip
    assert named(of_environment(then, today)) == {
        "python": ("3.11.7", "3.12.1"),
        "device": ("cpu", "NVIDIA H100"),
        "threads": ("not recorded", "4"),
        "torch": ("2.15.0", "2.16.0"),
    }


def test_code_differs_by_commit_and_by_uncommitted_changes():
    then, clean = make_record(), {"commit": "0" * 40, "dirty": False}
    assert of_code(then, clean) == []
    assert named(of_code(then, clean | {"dirty": True}))["commit"][1].endswith("with uncommitted changes")
    assert named(of_code(then, None)) == {"commit": ("0" * 40, "an installed package")}
    dirty = replace(then, git=clean | {"dirty": True})
    assert of_code(dirty, clean | {"dirty": True}), "uncommitted changes are never known to be the same"


def test_options_that_changed_came_or_went_are_named_and_places_are_not():
    def config(trainer, **options):
        return {"data": {"class_path": f"{MNIST.__module__}.MNIST", "init_args": options}, "trainer": trainer}

    then = config({"devices": "auto", "max_epochs": 3}, root="/a", x=1)
    now = config({"devices": 1, "max_epochs": 4}, root="/b", x=1, new=None)
    assert named(of_config(then, now, declared(now))) == {
        "data.init_args.new": ("absent", "None"),
        "trainer.max_epochs": ("3", "4"),
    }


# Whole runs ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a short run on digits, made by another process."""
    folder = tmp_path_factory.mktemp("trained")
    words = ["fit", "--config", "lenet5_digits", *SHORT, "--trainer.enable_progress_bar", "false", "--run_dir", "run"]
    preloaded.run("-m", "zoo", *words, cwd=folder)
    return folder


def changed(trained, folder, change):
    """The run's Record, changed, as a file."""
    content = json.loads((trained / "run" / "record.json").read_text())
    change(content)
    (folder / "odd.json").write_text(json.dumps(content))
    return "odd.json"


def test_a_run_comes_back_bit_for_bit_and_the_process_says_so(trained, capfd, monkeypatch):
    monkeypatch.chdir(trained)
    monkeypatch.setattr(sys, "executable", preloaded.python())
    assert main(["reproduce", "run", "--run_dir", "again"]) == 0
    out = capfd.readouterr().out
    then, now = (Record.read(trained / name / "record.json") for name in ("run", "again"))
    assert then.weights == now.weights
    assert then.environment["threads"] == now.environment["threads"]
    assert f"Reproduced, bit-identical weights: sha256 {then.weights['sha256']}" in out


@pytest.fixture
def ended(trained, monkeypatch):
    """Puts the end of the trained run in the place of running again; holds what the process was started with."""
    seen, real = {}, subprocess.run

    def run(words, **options):
        if words[:3] != [sys.executable, "-m", "zoo"]:
            return real(words, **options)
        seen.update(options)
        shutil.copytree(trained / "run", words[words.index("--run_dir") + 1])
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(reproduce.subprocess, "run", run)
    return seen


def test_a_number_that_does_not_come_back_is_status_1(trained, in_folder, ended, capsys):
    def worse(content):
        content["weights"]["sha256"] = "f" * 64
        for name in ("per_class", "confusion", "near_ties", "calibration"):
            del content["metrics"][name]
        content["metrics"] |= {"top1_wrong": 0, "top1_error": 0.0, "top5_wrong": 0, "top5_error": 0.0}

    record = changed(trained, in_folder, worse)
    assert main(["reproduce", record, "--run_dir", "again"]) == 1
    assert "Not reproduced: top-1 error" in capsys.readouterr().out


def test_a_dry_run_names_differences_and_leaves_nothing(trained, in_folder, capsys):
    def older(content):
        content["environment"]["packages"]["torch"] = "1.0"
        content["environment"]["threads"] = 7
        content["git"] = {"commit": "1" * 40, "dirty": False}
        del content["config"]["model"]["init_args"]["num_curvature"]

    record = changed(trained, in_folder, older)
    assert main(["reproduce", record, "--dry_run"]) == 0
    out = capsys.readouterr().out
    for part in (
        f"torch: 1.0 then, {torch.__version__.split('+')[0]} now",
        f"commit: {'1' * 40} then",
        "model.init_args.num_curvature: absent then, 500 now",
        "OMP_NUM_THREADS=7 zoo fit",
    ):
        assert part in out
    if git_state():
        assert f"worktree add {ROOT.parent / 'zoo-11111111'} {'1' * 40}" in out
    assert [path.name for path in in_folder.iterdir()] == ["odd.json"]


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda c: c["dataset"].update(fingerprint=f"sha256:{'0' * 64}"), ("fingerprint", "--other_data", "0" * 64)),
        (lambda c: c["timing"].update(train_images=0), ("another run had trained", "zoo test")),
        (lambda c: c["config"]["model"]["init_args"].update(gone=1), ("gone", "does not understand", "--code")),
        (lambda c: c.pop("n"), ("the field n is missing",)),
    ],
)
def test_what_cannot_be_run_again_is_one_sentence(trained, in_folder, capsys, change, parts):
    record = changed(trained, in_folder, change)
    assert main(["reproduce", record]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert all(part in line for part in (*parts, "odd.json"))
    assert [path.name for path in in_folder.iterdir()] == ["odd.json"]


def test_other_data_run_where_it_is_asked_for(trained, in_folder, capsys):
    record = changed(trained, in_folder, lambda c: c["dataset"].update(fingerprint=f"sha256:{'0' * 64}"))
    assert main(["reproduce", record, "--dry_run", "--other_data"]) == 0
    assert f"data: sha256:{'0' * 64} then" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["none.json"], ["none.json"]),
        ([], ["RECORD", "--help"]),
        (["run", "--code", "nowhere"], ["nowhere", "src/zoo"]),
        (["run", "--data.root", "data"], ["run/record.json", "no option root"]),
    ],
)
def test_bad_words_are_one_sentence(trained, monkeypatch, capsys, words, parts):
    monkeypatch.chdir(trained)
    assert main(["reproduce", *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert all(part in line for part in parts)


def test_another_checkout_is_what_runs(trained, in_folder, capfd):
    """A checkout whose command writes down what it was asked, in place of training."""
    package = in_folder / "other" / "src" / "zoo"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import os, pathlib, shutil, sys\n"
        "folder = pathlib.Path(sys.argv[sys.argv.index('--run_dir') + 1]); folder.mkdir()\n"
        f"shutil.copy({str(trained / 'run' / 'record.json')!r}, folder)\n"
        "print('threads', os.environ['OMP_NUM_THREADS'], *sys.argv[1:])\n"
    )
    record = changed(trained, in_folder, lambda c: c["config"]["data"]["init_args"].update(root="here"))
    assert main(["reproduce", record, "--code", "other", "--run_dir", "new", "--data.root", "there"]) == 0
    out = capfd.readouterr().out
    assert "threads 1 fit --config" in out
    assert "--data.root there" in out
    assert "bit-identical" in out


def test_a_run_that_fails_leaves_the_judging_out(trained, in_folder, capfd):
    (in_folder / "other" / "src" / "zoo").mkdir(parents=True)
    (in_folder / "other" / "src" / "zoo" / "__init__.py").touch()
    (in_folder / "other" / "src" / "zoo" / "__main__.py").write_text("import sys; sys.exit(3)")
    assert main(["reproduce", str(trained / "run"), "--code", "other"]) == 2
    assert "ended with status 3" in capfd.readouterr().err


def test_the_devices_of_the_record_are_asked_for_as_far_as_they_are_here(monkeypatch):
    def words(device, processes, gpus):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        record = make_record()
        return reproduce._machine(
            replace(record, environment=record.environment | {"device": device, "processes": processes})
        )

    assert words("cpu", 2, gpus=4) == ["--trainer.accelerator", "cpu", "--trainer.devices", "2"]
    assert words("NVIDIA H100", 8, gpus=4) == ["--trainer.accelerator", "gpu", "--trainer.devices", "4"]
    assert words("NVIDIA H100", 1, gpus=0) == ["--trainer.accelerator", "cpu", "--trainer.devices", "1"]


def test_the_run_is_free_of_what_this_process_was_told(trained, in_folder, ended, monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    assert reproduce.reproduce(str(trained / "run")) == 0
    assert not {"PL_GLOBAL_SEED", "ZOO_RUN_DIR", "LOCAL_RANK"} & set(ended["env"])
    assert ended["env"]["OMP_NUM_THREADS"] == "1"
    # What lies in the working folder is not imported.
    assert ended["env"]["PYTHONSAFEPATH"] == "1"


# Shipped weights -----------------------------------------------------------------------------------------------------


def test_the_name_of_weights_stands_for_the_record_on_their_card(in_folder, capsys):
    assert main(["reproduce", "lenet5/digits", "--dry_run"]) == 0
    by_name = capsys.readouterr().out
    committed = ROOT / "benchmarks" / "results" / "lenet5_digits-seed0.json"
    then = Record.read(committed)
    assert (
        f"lenet5/digits: lenet5 (paper) on digits, seed {then.seed}, of {then.created[:10]}: 1.67 % (6 of 360)"
        in by_name
    )
    assert main(["reproduce", str(committed), "--dry_run"]) == 0
    by_file = capsys.readouterr().out.replace(str(committed), "lenet5/digits")

    def run_of(text):
        return [word for word in text.splitlines()[-1].split() if not word.startswith("runs/")]

    assert run_of(by_name) == run_of(by_file)
    assert "runs/lenet5_digits/" in by_name.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lenet5/mnst", "did you mean lenet5/mnist"),
        ("torchvision/alexnet", "was trained by torchvision"),
        ("nowhere.json", "Cannot read the record nowhere.json"),
    ],
)
def test_names_of_no_weights_of_ours_are_one_sentence(name, says, in_folder, capsys):
    assert main(["reproduce", name]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert says in line


def test_every_shipped_card_has_a_run_to_make_again():
    for name, card in shipped().items():
        then = Record.of(json.loads(card.read_text())["record"], name)
        assert then.timing["train_images"] > 0
        check_lent(then.config, card)
