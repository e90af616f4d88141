"""``zoo sweep``: a kill costs nothing, failing runs are told, the rank is that of the held-out errors."""

import csv
import json
import re
import shlex
import signal
import statistics
import time

import preloaded
import pytest
from conftest import ROOT

from zoo import runs
from zoo.cli import main
from zoo.files import alone
from zoo.sweeps.folder import Outcome, begin, open_sweep
from zoo.sweeps.grid import read_grid
from zoo.sweeps.ranking import as_table, closing_words, ranked
from zoo.sweeps.running import surroundings

CONFIG = """
data: {class_path: zoo.data.Digits, init_args: {num_held_out: 200, transform: retina, batch_size: 256}}
model:
  class_path: zoo.models.LinearModel
  init_args:
    input_size: 20
    in_channels: 1
    optimizer: {class_path: torch.optim.SGD, init_args: {lr: 0.1}}
trainer: {max_epochs: 30, enable_progress_bar: false, accelerator: cpu}
"""
GRID = ["--model.optimizer.lr", "0.001,0.1,1e38", "--seed_everything", "0..1"]


def started(folder, *words):
    return preloaded.start("-m", "zoo", "sweep", *words, cwd=folder)


def wait_until(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def errors_in(run_dir):
    with (run_dir / "metrics.csv").open() as file:
        return [float(row["val/top1_error"]) for row in csv.DictReader(file) if row["val/top1_error"]]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep that was killed in the middle of its first runs, stopped once more, and then went on to its end."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "digits.yaml").write_text(CONFIG)
    sweep = started(folder, "--config", "digits.yaml", *GRID, "--jobs", "2", "--run_dir", "sweep")
    first = folder / "sweep" / "001-lr=0.001,seed_everything=0"
    wait_until((first / runs.CHECKPOINT).exists)
    sweep.kill()
    sweep.communicate()
    # Its runs end with it.
    wait_until(lambda: not runs.in_progress(first))
    after_kill = len(errors_in(first))
    # The config may change meanwhile: the runs of a sweep are all made of the same one.
    (folder / "digits.yaml").write_text("data: {}")
    resumed = started(folder, "--resume", "sweep", "--jobs", "2")
    wait_until((folder / "sweep" / "outcomes.json").exists)
    resumed.send_signal(signal.SIGINT)
    stopped = (resumed.communicate()[1], resumed.returncode)
    last = started(folder, "--resume", "sweep", "--jobs", "2")
    out, err = last.communicate()
    return folder / "sweep", after_kill, stopped, (out, err, last.returncode)


def test_a_kill_costs_nothing_of_the_runs(swept, tmp_path):
    folder, after_kill, (said, status), _ = swept
    assert 0 < after_kill < 30
    assert status == 128 + signal.SIGINT
    assert "Stopped by SIGINT; go on with: zoo sweep --resume sweep" in said
    (tmp_path / "digits.yaml").write_text(CONFIG)
    words = ["--config", str(tmp_path / "digits.yaml"), "--run_dir", str(tmp_path / "run"), "--test", "false"]
    assert main(["fit", *words, "--model.optimizer.lr", "0.001"]) == 0
    whole = errors_in(tmp_path / "run")
    assert len(whole) == 30
    assert errors_in(folder / "001-lr=0.001,seed_everything=0") == whole


def test_the_ranks_are_those_of_the_held_out_errors_and_failing_runs_are_told(swept):
    folder, _, _, (out, err, status) = swept
    assert status == 1
    names = {rate: [f"{n + seed:03d}-lr={rate},seed_everything={seed}" for seed in (0, 1)] for rate, n in
             {"0.001": 1, "0.1": 3, "1e38": 5}.items()}  # fmt: skip
    means = {rate: [errors_in(folder / name)[-1] for name in names[rate]] for rate in ("0.001", "0.1")}
    lines = [line for line in out.splitlines() if line.startswith("| ")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    order = sorted(means, key=lambda rate: statistics.mean(means[rate]))
    assert [row[1] for row in cells] == [*order, "1e38"]
    for place, rate in enumerate(order):
        expected = [
            str(place + 1),
            rate,
            f"{statistics.mean(means[rate]):.2f}",
            f"± {statistics.stdev(means[rate]):.2f}",
        ]
        assert cells[place][:5] == [*expected, "2"]
    assert cells[2][:5] == ["", "1e38", "", "", "0 of 2"]
    for name in names["1e38"]:
        escaped = re.escape(name.replace("_", r"\_"))
        assert re.search(rf"{escaped} failed: The loss is (nan|inf) in step \d", out)
        assert re.search(rf"{re.escape(name)}: failed: The loss is (nan|inf)", err)
    assert f"zoo test --ckpt_path sweep/{names[order[0]][0]}" in out


def test_the_test_set_is_not_looked_at(swept):
    folder, *_ = swept
    assert not list(folder.rglob("record.json"))
    for path in folder.glob("*/metrics.csv"):
        assert "test/" not in path.read_text()


def test_list_runs_shows_them_and_rm_removes_the_sweep_unless_a_run_is_in_progress(swept, capsys, monkeypatch):
    folder, *_ = swept
    assert main(["list", "runs", "--runs", str(folder), "--json"]) == 0
    listed = {one["run"].rpartition("/")[2]: one for one in json.loads(capsys.readouterr().out)}
    assert len(listed) == 6
    ours = listed["003-lr=0.1,seed_everything=0"]
    assert (ours["state"], ours["test_error"]) == ("trained", None)
    assert ours["held_out_error"] == errors_in(folder / "003-lr=0.1,seed_everything=0")[-1]
    files = [path for path in (folder / "003-lr=0.1,seed_everything=0").rglob("*") if path.is_file()]
    assert ours["bytes"] == sum(path.stat().st_size for path in files)
    assert listed["005-lr=1e38,seed_everything=0"]["state"] == "failed"
    with alone(folder / "003-lr=0.1,seed_everything=0" / runs.LOCK):
        assert main(["list", "runs", "--runs", str(folder)]) == 0
        assert "in progress" in capsys.readouterr().out
        assert main(["runs", "rm", str(folder), "--yes"]) == 2
        assert "A process is at work in" in capsys.readouterr().err
    (folder / "notes.txt").write_text("mine")
    assert main(["runs", "rm", str(folder), "--yes"]) == 2
    assert "holds notes.txt, which no run writes" in capsys.readouterr().err
    (folder / "notes.txt").unlink()
    with monkeypatch.context() as inside:
        inside.chdir(folder / "001-lr=0.001,seed_everything=0")
        assert main(["runs", "rm", ".", "--yes"]) == 2
        assert "is the working folder" in capsys.readouterr().err
    assert main(["runs", "rm", str(folder)]) == 2
    assert "add --yes" in capsys.readouterr().err
    before = len(list(folder.rglob("*")))
    assert before > 30
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: "n")
    assert main(["runs", "rm", str(folder)]) == 1
    assert len(list(folder.rglob("*"))) == before
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    assert main(["runs", "rm", str(folder)]) == 0
    assert not folder.exists()


# Without training -----------------------------------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path):
    """Makes a sweep whose runs have the given errors, by their numbers; None failed, others are not over."""

    def make(grid, errors):
        config = tmp_path / "c.yaml"
        config.write_text(CONFIG)
        folder = tmp_path / "sweep"
        folder.mkdir()
        sweep = begin(folder, [config], grid, 200)
        for number, member in enumerate(sweep.grid.members()):
            if number in errors:
                error = errors[number]
                sweep.run_dir(member).mkdir()
                (sweep.run_dir(member) / "metrics.csv").write_text(f"epoch,val/top1_error\n0,99\n1,{error or 50}\n2,\n")
                sweep.keep(member, Outcome(error is None, 3.0, "no room" if error is None else ""))
        return open_sweep(str(folder))

    return make


def test_seeds_share_a_row_and_what_is_missing_is_told(made):
    sweep = made(["--model.optimizer.lr", "1,2,3", "--seed_everything", "0..1"], {0: 8.0, 1: 6.0, 2: 5.0, 3: None})
    rows = ranked(sweep)
    assert [row.values["model.optimizer.lr"] for row in rows] == ["2", "1", "3"]
    assert [row.error for row in rows] == [5.0, 7.0, None]
    table = as_table(sweep, rows)
    assert [row[4] for row in table.rows] == ["1 of 2", "2", "0 of 2"]
    assert rows[0].faults == ("004-lr=2,seed_everything=1 failed: no room",)
    assert rows[2].faults == ("005-lr=3,seed_everything=0 is not over", "006-lr=3,seed_everything=1 is not over")
    # sqrt(p (1 - p) / 200) with one wrong and one right image added, by hand: p = 11 / 202.
    assert "200 images tell an error of 5.00 % to within 3.14 points" in closing_words(sweep, rows)[0]


def test_equal_errors_keep_the_order_of_the_grid(made):
    rows = ranked(made(["--model.optimizer.lr", "3,1,2"], {0: 4.0, 1: 4.0, 2: 1.0}))
    assert [row.values["model.optimizer.lr"] for row in rows] == ["2", "3", "1"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--model.optimizer.lr", "1,2"], "add --config with a file or a shipped name"),
        (["--config", "lenet5_digits", "--model.optimizer.lr", "0.1,0.2"], "add --data.num_held_out N"),
        (["--config", "lenet5_digit", "--model.optimizer.lr", "1,2"], "did you mean lenet5_digits"),
        (["--config", "lenet5_digits", "--model.optimizer.rate", "1,2"], "There is no key"),
        (["--config", "lenet5_digits", "--model.optimizer.lr", "1,a"], "model.optimizer.lr cannot be 'a'"),
        (["--config", "lenet5_digits", "--model.optimizer.lr", "1,a", "--dry_run"], "model.optimizer.lr cannot be 'a'"),
        (["--config", "lenet5_digits", "--jobs", "0"], "at least 1, not 0"),
        (["--config", "lenet5_digits", "--jobs", "two"], "invalid int value"),
        (["--config", "lenet5_digits", "--run_dir", "there"], "holds a sweep already"),
        (["--resume", "nowhere"], "There is no sweep in nowhere"),
        (["--resume", "there", "--model.optimizer.lr", "1"], "leave out --model.optimizer.lr"),
        (["--resume", "broken"], "does not describe a sweep"),
        (["--resume", "foreign"], "add --trust os"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(words, says, in_folder, capsys):
    for name, grid in {"there": ["--model.optimizer.lr", "1"], "foreign": ["--model.optimizer", "os.system"]}.items():
        (in_folder / name).mkdir()
        (in_folder / "c.yaml").write_text(CONFIG)
        begin(in_folder / name, [in_folder / "c.yaml"], grid, 200)
    (in_folder / "broken").mkdir()
    (in_folder / "broken" / "sweep.yaml").write_text("grid: 3\n")
    before = sorted(in_folder.rglob("*"))
    assert main(["sweep", *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert says in line
    assert sorted(in_folder.rglob("*")) == before


def test_a_dry_run_says_the_runs(in_folder, capsys):
    assert main(["sweep", "--config", "lenet5_digits", *GRID, "--dry_run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "003-lr=0.1,seed_everything=0: --model.optimizer.lr 0.1 --seed_everything 0"
    assert lines[-1] == "6 runs"
    assert not list(in_folder.iterdir())


def test_runs_at_a_time_share_cores_and_gpus():
    assert "OMP_NUM_THREADS" not in surroundings(0, 1, 0, {"A": "b", "ZOO_RUN_DIR": "c"})
    assert surroundings(0, 1, 0, {"A": "b", "ZOO_RUN_DIR": "c"})["A"] == "b"
    assert "ZOO_RUN_DIR" not in surroundings(0, 1, 0, {"A": "b", "ZOO_RUN_DIR": "c"})
    assert surroundings(0, 10_000, 0, {})["OMP_NUM_THREADS"] == "1"
    assert surroundings(0, 2, 0, {"OMP_NUM_THREADS": "7"})["OMP_NUM_THREADS"] == "7"
    gpus = [surroundings(slot, 2, 4, {})["CUDA_VISIBLE_DEVICES"] for slot in (0, 1)]
    assert gpus == ["0,2", "1,3"]
    gpus = [surroundings(slot, 3, 2, {"CUDA_VISIBLE_DEVICES": "5,7"})["CUDA_VISIBLE_DEVICES"] for slot in (0, 1, 2)]
    assert gpus == ["5", "7", "5"]
    assert "CUDA_VISIBLE_DEVICES" not in surroundings(0, 2, 1, {})


def test_the_grid_in_a_folder_is_the_one_that_was_typed(made):
    grid = ["--model.optimizer.lr", "1,2", "--seed_everything=0..1"]
    assert made(grid, {}).grid == read_grid(grid)


def test_the_command_of_the_page_is_a_grid_of_nine(in_folder, capsys):
    page = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    block = page.split("```sh\n")[1].split("```")[0].replace("\\\n", " ")
    assert main([*shlex.split(block)[1:], "--dry_run"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "9 runs"
