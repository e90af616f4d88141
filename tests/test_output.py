"""What is printed to a standard output of ASCII, to a closed or a full one, and to nobody."""

import errno
import io
import json
import os
import subprocess
import sys

import pytest

from zoo import cli
from zoo.cli import main
from zoo.errors import InputError
from zoo.output import any_output, of_a_disk, sentence

TEXT = "5 ± 1 é \U0001f600 a\udcff"


def written(encoding, errors="strict"):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding, errors)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        with any_output():
            print(json.dumps(TEXT, ensure_ascii=False))
        assert sys.stdout is stream
        assert stream.errors == errors
    stream.flush()
    return raw.getvalue().decode(encoding, "surrogateescape").strip()


@pytest.mark.parametrize(
    ("encoding", "errors"), [("ascii", "strict"), ("ascii", "surrogateescape"), ("latin-1", "strict")]
)
def test_what_an_encoding_lacks_is_escaped_as_in_json(encoding, errors):
    text = written(encoding, errors)
    assert json.loads(text) == TEXT
    assert ("é" in text) == (encoding == "latin-1")


def test_utf8_stays_as_it_is_and_names_of_other_bytes_are_escaped():
    assert written("utf-8") == '"5 ± 1 é \U0001f600 a\\udcff"'
    # So it is in the locale C: the very bytes of the name.
    assert written("utf-8", "surrogateescape") == f'"{TEXT}"'


def test_closed_outputs_take_everything(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["--version"]) == 0
    assert main(["lits"]) == 2
    assert main(["table", "digits"]) == 0
    assert (sys.stdout, sys.stderr) == (None, None)


@pytest.mark.parametrize(
    ("words", "redirected", "status", "said"),
    [
        ("--help", "| true", 1, ""),
        ("list configs", "| true", 1, ""),
        ("--help", ">&-", 0, ""),
        ("list models", ">&-", 0, ""),
        ("list modes", ">&- 2>&-", 2, ""),
        ("--help", "> /dev/full", 2, "zoo: The output cannot be written (No space left on device): make room, or"),
    ],
)
def test_the_command_ends_in_order_whatever_becomes_of_its_output(tmp_path, words, redirected, status, said):
    # The interpreter starts only when nobody reads any more.
    wait = "sleep 0.3; " if "|" in redirected else ""
    script = f"({wait}exec '{sys.executable}' -m zoo {words}) {redirected}; echo ${{PIPESTATUS[0]}} > status"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert int((tmp_path / "status").read_text()) == status
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == (1 if said else 0)


def test_a_file_that_a_closed_output_leaves_room_for_is_none_of_ours(tmp_path):
    code = """
import os, sys
from zoo.output import any_output
with any_output(), open("f", "wb") as file:
    os.write(1, b"x")
    print(file.fileno() > 1, file=sys.stderr)
"""
    words = f"exec '{sys.executable}' -c \"$1\" >&-"
    done = subprocess.run(["bash", "-c", words, "bash", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == "True\n"
    assert (tmp_path / "f").read_bytes() == b""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_disk_that_nobody_foresaw_is_told_in_one_sentence(monkeypatch, capsys, number):
    def refuse(verb, args):
        raise OSError(number, os.strerror(number), "/some/where")

    monkeypatch.setattr(cli, "_run", refuse)
    assert main(["list"]) == 2
    assert capsys.readouterr().err == (
        f"zoo: /some/where cannot be written ({os.strerror(number)}): make room, or write to another place.\n"
    )


def test_other_errors_of_the_system_are_the_programs_own(monkeypatch):
    assert of_a_disk(OSError(errno.EBADF, "Bad file descriptor")) is None

    def fail(verb, args):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(cli, "_run", fail)
    with pytest.raises(OSError, match="Bad file descriptor"):
        main(["list"])


def test_a_sentence_is_one_line_without_commands_to_the_terminal():
    assert sentence("a\nb.png is \x1b[31mred, \udcff") == "a b.png is \\x1b[31mred, \\udcff"
    worker = "Caught InputError in worker 0.\nTraceback (most recent call last):\n  x\nzoo.errors.InputError: Give é.\n"
    assert sentence(worker) == "Give é."


def test_a_name_with_a_line_break_is_told_in_one_line(in_folder, capsys):
    (in_folder / "a\nb.png").write_bytes(b"")
    assert main(["classify", "lenet5/digits", "a\nb.png"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert issubclass(InputError, ValueError)
