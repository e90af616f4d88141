"""Files that are whole or not there, names that no file can have, and locks between processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from zoo.errors import InputError
from zoo.files import alone, end_of_links, given_path, is_device, keep_as, whole, write


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
from zoo.errors import InputError
from zoo.files import alone, end_of_links, given_path, is_device, keep_as, whole, write
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


@pytest.mark.parametrize("name", ["/dev/null", "pipe", "to_null"])
def test_nothing_takes_the_place_of_a_device_or_a_pipe(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("to_null").symlink_to("/dev/null")
    before = sorted(tmp_path.iterdir())
    assert is_device(Path(name))
    with pytest.raises(FileExistsError, match="it is a device or a pipe"), whole(Path(name)) as draft:
        draft.write_text("new")
    assert sorted(tmp_path.iterdir()) == before
    assert is_device(Path(name))


def test_what_became_a_device_while_a_file_was_written_stays_one(tmp_path):
    path = tmp_path / "file"

    def work():
        with whole(path):
            os.mkfifo(path)

    with pytest.raises(FileExistsError):
        work()
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert is_device(path)


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    write(path, b"old")

    def fail():
        with whole(path) as draft:
            draft.write_bytes(b"new")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"file": b"old"}


def test_a_link_leads_to_the_file_that_is_written(tmp_path):
    link, file = tmp_path / "link", tmp_path / "file"
    link.symlink_to(file)
    write(link, b"content")
    assert link.is_symlink()
    assert file.read_bytes() == b"content"
    assert end_of_links(link) == file
    assert end_of_links(file) == file


def test_a_second_name_outlives_the_first(tmp_path, monkeypatch):
    write(tmp_path / "one", b"content")

    def refuse(*ignored):
        raise OSError("one name a file")

    for name, link in (("linked", os.link), ("copied", refuse)):
        monkeypatch.setattr(os, "link", link)
        keep_as(tmp_path / "one", tmp_path / name)
    (tmp_path / "one").unlink()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"linked": b"content", "copied": b"content"}


@pytest.mark.parametrize(
    ("name", "says"),
    [("a" * 300, "a... is too long"), ("a\0b", "embedded null"), ("a\ud800", "surrogates"), ("b/" * 3000, "too long")],
)
def test_names_that_no_file_can_have(name, says):
    with pytest.raises(InputError, match=says):
        given_path(name)
    assert given_path("somewhere/else") == Path("somewhere/else")
