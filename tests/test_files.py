"""Locks between processes."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from zoo.files import alone


def test_one_is_alone_and_the_file_is_gone_afterwards(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(20):
            with alone(tmp_path / "lock"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 160
    assert list(tmp_path.iterdir()) == []


def test_an_error_lets_the_next_one_in(tmp_path):
    with pytest.raises(ZeroDivisionError), alone(tmp_path / "lock"):
        _ = 1 / 0
    with alone(tmp_path / "lock"):
        assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    assert list(tmp_path.iterdir()) == []


HOLDER = """
import os, sys, time
from pathlib import Path
from zoo.files import alone
with alone(Path(sys.argv[1])):
    if not os.fork():
        # It has let go by now.
        print(os.getpid(), flush=True)
    time.sleep(60)
"""


def test_the_death_of_the_one_inside_ends_its_turn_though_a_fork_of_it_lives_on(tmp_path):
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    child = int(holder.stdout.readline())
    try:
        with pytest.raises(BlockingIOError), alone(path, wait=False):
            pass
        holder.kill()
        holder.wait()
        os.kill(child, 0)  # alive
        with alone(path, wait=False):
            assert path.exists()
    finally:
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()
