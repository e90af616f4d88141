"""What Windows and macOS lack is not needed: signals, locks by fcntl, forks; a stand-in for them runs here."""

import errno
import os
import sys
import types

import preloaded
import pytest
from conftest import record_of
from own_images import write_folder

from zoo.files import alone, lock

# Lightning and torch look for some of these when they are imported, as on any system.
AS_ON_WINDOWS = """
import multiprocessing, os, signal, sys, types
import lightning.pytorch
for name in ("fork", "register_at_fork", "sched_getaffinity", "getloadavg", "killpg", "setsid"):
    vars(os).pop(name, None)
# For what is imported from here on: Lightning asks its own question of the system before it uses these.
less = types.ModuleType("signal")
vars(less).update({name: value for name, value in vars(signal).items() if name not in
                   ("SIGUSR1", "SIGUSR2", "SIGHUP", "SIGKILL")})
sys.modules["signal"] = less
sys.modules |= {"fcntl": None, "resource": None}
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lambda *words: None)
multiprocessing.set_start_method("spawn")
from zoo.cli import main
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""
FIT = (
    "fit", "--data", "ImageFolder", "--data.root", "flowers", "--data.transform", "crop_flip", "--model", "LeNet5Model",
    "--model.variant", "modern", "--model.in_channels", "3", "--model.num_classes", "3", "--trainer.max_epochs", "1",
    "--trainer.accelerator", "cpu", "--keep", "2",
)  # fmt: skip


def test_a_run_with_spawned_workers_and_without_what_windows_lacks_has_the_same_bits(in_folder):
    write_folder(in_folder / "flowers", whole=10)
    (in_folder / "start.py").write_text(AS_ON_WINDOWS)
    ways = {"windows": ["start.py"], "here": ["-m", "zoo"]}
    for name, start in ways.items():
        workers = ["--data.num_workers", "1" if name == "windows" else "0"]
        preloaded.run(*start, *FIT, *workers, "--run_dir", name)
    windows, here = (record_of(in_folder / name) for name in ways)
    assert windows["weights"]["sha256"] == here["weights"]["sha256"]
    assert windows["metrics"] == here["metrics"]


@pytest.fixture
def locks(monkeypatch):
    """Windows' locks as its documentation has them: one holder a byte, any other is told that it may not."""
    held = {}

    def locking(descriptor, mode, num):
        place = (os.fstat(descriptor).st_ino, os.lseek(descriptor, 0, os.SEEK_CUR))
        if held.setdefault(place, descriptor) != descriptor:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(LK_NBLCK=2, locking=locking))
    return held


def test_a_lock_of_windows_keeps_others_out(locks, tmp_path):
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open("w") as second:
        assert lock(first)
        assert not lock(second)
        with pytest.raises(BlockingIOError), alone(tmp_path / "lock", wait=False):
            pass
        # Far beyond what is written, which others may read.
        ((_, place),) = locks
        assert place >= 1 << 30
        locks.clear()
        assert lock(second, wait=True)
