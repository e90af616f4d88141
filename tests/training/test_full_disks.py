"""Run folders that nothing can be written to, and disks that fill during a run: a sentence, and no half of a file."""

import csv
import errno
import os
import resource
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import yaml

from zoo import runs
from zoo.cli import main
from zoo.errors import InputError
from zoo.training import loggers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and pipes of POSIX")
FIT = (
    "fit --data Digits --data.transform raw --model LinearModel --model.in_channels 1 --model.input_size 8"
    " --trainer.max_epochs 2 --trainer.accelerator cpu --trainer.enable_progress_bar false"
)


@contextmanager
def files_of_at_most(num_bytes):
    """As on a disk that fills: no file of this process grows beyond it, whoever the user is."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.MonkeyPatch.context() as patched:
        # The interpreter would not notice that it writes half of a module's bytes.
        patched.setattr(sys, "dont_write_bytecode", True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run, never written to."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    os.environ.pop("ZOO_RUN_DIR", None)
    assert main([*FIT.split(), "--run_dir", str(folder)]) == 0
    return folder


@pytest.mark.parametrize(
    ("words", "num_bytes", "says"),
    [
        (f"{FIT} --run_dir r", 500, "r/config.yaml cannot be written (File too large): make room"),
        (f"{FIT} --run_dir r", 2000, "r/checkpoints/last.ckpt cannot be written (File too large): make room."),
        ("test --ckpt_path {run} --run_dir r", 2000, "The Record cannot be written to r/record.json (File too large)"),
        ("predict --ckpt_path {run} --run_dir r", 2000, "cannot be written to r/predictions.csv (File too large)"),
        ("test --ckpt_path {run} --run_dir r --predictions p.npz", 8000, "cannot be written to p.npz (File too large)"),
        ("table digits --output t.md", 500, "Cannot write t.md: File too large."),
        ("table digits --chart t.png", 5000, "Cannot write t.png: File too large."),
        ("export {run} --format hub --output hub", 2000, "Cannot write hub: File too large."),
        ("export {run} --format safetensors --output w.safetensors", 2000, "Cannot write w.safetensors: File too"),
        ("benchmark {run} --output b", 2000, "The Record cannot be written to b/run-seed0-centre.json (File"),
        ("benchmark linear --speed --batch_sizes 1 --forms float32 --output b", 900, "b/linear-cpu.json cannot be"),
    ],
)  # fmt: skip
def test_a_disk_that_fills_costs_a_sentence_and_leaves_nothing(
    run, in_folder, capsys, monkeypatch, words, num_bytes, says
):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available=False: None)
    with files_of_at_most(num_bytes):
        status = main(words.format(run=run).split())
    said = capsys.readouterr().err
    assert status == 2, said
    assert says in said.splitlines()[-1]
    assert said.splitlines()[-1].startswith("zoo: ")
    assert [path for path in in_folder.rglob("*") if path.is_file()] == []
    assert not (in_folder / "r").exists()


def test_a_run_whose_metrics_filled_the_disk_goes_on_as_if_they_had_not(run, in_folder, capsys, monkeypatch):
    words = [*FIT.split(), "--save_every_n_steps", "3"]

    class Full(csv.DictWriter):
        def writerows(self, rows):
            if any(int(row["step"]) > 44 for row in rows):
                self.writer.writerow(["half", "a"])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().writerows(rows)

    with monkeypatch.context() as patched:
        patched.setattr(loggers.csv, "DictWriter", Full)
        assert main([*words, "--run_dir", "r"]) == 2
    assert "zoo fit --resume r." in capsys.readouterr().err
    assert "half" not in Path("r/metrics.csv").read_text()
    assert sorted(path.name for path in Path("r").iterdir()) == ["checkpoints", "config.yaml", "metrics.csv"]
    assert main(["fit", "--resume", "r"]) == 0
    assert rows(Path("r")) == rows(run)


def rows(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return [
            {k: v for k, v in row.items() if k not in ("train/images_per_second", "train/waiting")}
            for row in csv.DictReader(file)
        ]


def test_a_config_that_cannot_be_written_leaves_the_one_before(tmp_path):
    runs.keep_config(tmp_path, "seed_everything: 0\n")
    with files_of_at_most(10), pytest.raises(InputError, match=r"config.yaml cannot be written \(File too large\)"):
        runs.keep_config(tmp_path, "seed_everything: 1\n")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
    runs.keep_config(tmp_path, "seed_everything: 2\n")
    assert yaml.safe_load((tmp_path / "config.yaml").read_text()) == {"seed_everything": 2}
    assert yaml.safe_load((tmp_path / "config.1.yaml").read_text()) == {"seed_everything": 0}


PLACES = {
    "file": ("file", "file cannot be written (File exists)"),
    "under a file": ("file/a/b", "file/a/b cannot be written (Not a directory)"),
    "a device": ("/dev/null", "/dev/null cannot be written (File exists)"),
    "under a device": ("/dev/null/r", "/dev/null/r cannot be written (Not a directory)"),
    "too long": ("a" * 300, f"{'a' * 40}... is too long for the name of a file"),
    "too long below": (f"new/{'a' * 300}", "cannot be written (File name too long)"),
    "read-only": ("locked/r", "locked/r cannot be written (Read-only file system)"),
}


@pytest.mark.parametrize("verb", ["fit", "test", "predict"])
@pytest.mark.parametrize("place", PLACES)
def test_a_run_folder_that_cannot_be_made(run, in_folder, capsys, monkeypatch, verb, place):
    Path("file").write_text("")
    refuse_to_make(monkeypatch, "locked")
    given, says = PLACES[place]
    words = FIT if verb == "fit" else f"{verb} --ckpt_path {run}"
    assert main([*words.split(), "--run_dir", given]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert [path.name for path in in_folder.iterdir()] == ["file"]


@pytest.mark.parametrize("given", ["file", "file/a", "/dev/null", "a" * 300])
def test_what_cannot_be_a_run_folder_is_not_gone_on_with(in_folder, capsys, given):
    Path("file").write_text("")
    for words in (["fit"], FIT.split(), ["test", "--ckpt_path", given]):
        assert main([*words, *(["--resume", given] if "--ckpt_path" not in words else [])]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert [path.name for path in in_folder.iterdir()] == ["file"]


def test_a_run_on_a_disk_that_became_read_only_is_not_gone_on_with(run, in_folder, capsys, monkeypatch):
    folder = Path("r")
    (folder / "checkpoints").mkdir(parents=True)
    for name in (runs.CONFIG, runs.CHECKPOINT):
        (folder / name).write_bytes((run / name).read_bytes())
    refuse_to_make(monkeypatch, "r")
    assert main(["fit", "--resume", "r"]) == 2
    assert capsys.readouterr().err == "zoo: r cannot be written (Read-only file system): give another --run_dir.\n"


def refuse_to_make(monkeypatch, name):
    """Nothing can be made in the folder ``name``, as on a read-only disk, whoever the user is."""
    make, opened = os.mkdir, Path.open

    def refuse(path):
        if Path(path).parts[:1] == (name,):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def mkdir(path, *rest, **options):
        refuse(path)
        make(path, *rest, **options)

    def opens(path, mode="r", *rest, **options):
        if set(mode) & set("wax+"):
            refuse(path)
        return opened(path, mode, *rest, **options)

    monkeypatch.setattr(os, "mkdir", mkdir)
    monkeypatch.setattr(Path, "open", opens)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("export {run} --format safetensors --output p.safetensors", "p.safetensors"),
        ("export {run} --format safetensors --output p.safetensors", "p.json"),
        ("export {run} --format hub --output p", "p"),
        ("predict --ckpt_path {run} --run_dir r --predictions p.csv", "p.csv"),
        ("data info Digits --output p.png", "p.png"),
        ("data verify Digits --output p.json", "p.json"),
    ],
)
def test_no_file_takes_the_place_of_a_pipe(run, in_folder, capsys, words, name):
    os.mkfifo(name)
    assert main(words.format(run=run).split()) == 2
    assert name in capsys.readouterr().err.splitlines()[-1]
    assert [path.name for path in in_folder.iterdir()] == [name]
    assert Path(name).is_fifo()


@pytest.mark.parametrize("words", ["table digits --output p.md", "table digits --chart p.svg"])
def test_a_table_goes_into_a_pipe(in_folder, words):
    pipe, read = Path(words.split()[-1]), []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    assert main(words.split()) == 0
    reader.join()
    assert pipe.is_fifo()
    assert main([*words.split()[:-1], f"q{pipe.suffix}"]) == 0
    assert read == [Path(f"q{pipe.suffix}").read_text()]


def test_what_a_link_leads_to_is_written_and_the_link_stays(run, in_folder):
    Path("link.csv").symlink_to("p.csv")
    assert main(["predict", "--ckpt_path", str(run), "--run_dir", "r", "--predictions", "link.csv"]) == 0
    assert Path("link.csv").is_symlink()
    assert Path("p.csv").read_text().startswith("index,label,")
