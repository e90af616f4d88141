"""Files that are far larger than what they are said to be: told before they fill the memory."""

import gzip
import os

import numpy as np
import pytest
import scipy.io

from zoo.cli import main
from zoo.data import CIFAR10, CIFAR100, MNIST, STL10, SVHN, svhn
from zoo.errors import InputError
from zoo.files import read_text
from zoo.results.record import Record

MOST = 300 << 30


def endless(path, size=MOST):
    """A file of so many zeros, which take no room on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, size)


@pytest.mark.parametrize("data", [CIFAR10, CIFAR100])
@pytest.mark.parametrize("python", [False, True])
def test_no_batch_of_300_gb_is_read(tmp_path, data, python):
    for name in data.counts:
        endless(tmp_path / data.folders[python] / (name if python else f"{name}.bin"))
    with pytest.raises(InputError, match=rf"{next(iter(data.counts))}.* has 322,122,547,200 bytes"):
        data(str(tmp_path)).read()


def test_no_other_file_of_300_gb_is_read(tmp_path, monkeypatch):
    for name in STL10.sums:
        endless(tmp_path / name)
    with pytest.raises(InputError, match=r"train_X.bin has 322,122,547,200 bytes"):
        STL10(str(tmp_path)).read()
    for name in SVHN.sums:
        scipy.io.savemat(tmp_path / name, {"X": np.zeros((32, 32, 3, 9), np.uint8), "y": np.ones((9, 1))})
    SVHN(str(tmp_path)).read()
    # Packed, a few bytes stand for any number of them.
    monkeypatch.setattr(svhn, "MOST_NUMBERS", 20_000)
    with pytest.raises(InputError, match=r"train_32x32.mat is not one of SVHN's files \(it holds more than 20,000"):
        SVHN(str(tmp_path)).read()


def test_no_file_of_digits_of_300_gb_is_read(tmp_path):
    for name in MNIST.shapes:
        endless(tmp_path / name)
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte is not the official MNIST file: more bytes"):
        MNIST(str(tmp_path)).read()


def test_a_packed_file_is_unpacked_no_further_than_it_may_reach(tmp_path, monkeypatch):
    with gzip.open(tmp_path / "bomb", "wb", compresslevel=1) as file:
        for _ in range(200):
            file.write(bytes(1 << 20))
    for name in MNIST.shapes:
        (tmp_path / f"{name}.gz").symlink_to(tmp_path / "bomb")
    seen = []
    read = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda self, size=-1: seen.append(size) or read(self, size))
    with pytest.raises(InputError, match="more bytes unpacked"):
        MNIST(str(tmp_path)).read()
    assert seen == [47_040_017]


def test_no_text_of_300_gb_is_read(in_folder, capsys):
    endless(in_folder / "run" / "record.json")
    endless(in_folder / "c.yaml")
    with pytest.raises(InputError, match="it has 322,122,547,200 bytes"):
        Record.read(in_folder / "run" / "record.json")
    for words in (["fit", "--config", "c.yaml"], ["table", "--records", "run"], ["reproduce", "run"]):
        assert main(words) == 2
        assert "it has 322,122,547,200 bytes" in capsys.readouterr().err


def test_no_text_is_read_from_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is a device or a pipe"):
        read_text(tmp_path / "pipe")
    (tmp_path / "text").write_text("é", encoding="utf-8")
    assert read_text(tmp_path / "text", most=2) == "é"
    with pytest.raises(OSError, match="it has 2 bytes"):
        read_text(tmp_path / "text", most=1)
