"""Locks between processes."""

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
