"""Standard output and error that take every text and every end: of ASCII alone, closed, full, or read by nobody."""

import codecs
import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

# What a disk or a network file system says, whoever writes to it; anything else may be a fault of the program.
_OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENAMETOOLONG)


@contextmanager
def any_output() -> Iterator[None]:
    """Whatever is printed in the block is printed, or goes nowhere where an output is closed."""
    streams = {name: getattr(sys, name) for name in ("stdout", "stderr")}
    with ExitStack() as stack:
        for name, stream in streams.items():
            stack.callback(setattr, sys, name, stream)
            if stream is None:
                # The lowest free number, so that no file of ours becomes the output of a library.
                setattr(sys, name, stack.enter_context(open(os.devnull, "w")))
            elif isinstance(stream, io.TextIOWrapper) and _lacks(stream.encoding, stream.errors):
                stack.callback(_reconfigure, stream, stream.errors)
                _reconfigure(stream, _ESCAPED)
        yield


def of_a_disk(error: OSError) -> str | None:
    """The sentence about a disk that refuses, whatever was being written; None for another error."""
    if error.errno not in _OF_DISKS:
        return None
    place = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else "The output"
    return f"{place[:200]} cannot be written ({error.strerror}): make room, or write to another place."


def silence() -> None:
    """Sends what is left of standard output nowhere: the interpreter would complain of it at its exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def sentence(text: str) -> str:
    """An error's text in one line; an error of a loader's worker arrives with that process's traceback around it."""
    if "Traceback (most recent call last)" in text:
        text = text.strip().splitlines()[-1].rpartition("InputError: ")[2]
    # The name of a file may hold anything, a terminal's commands too.
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in " ".join(text.split("\n")).strip())


def _reconfigure(stream: io.TextIOWrapper, errors: str | None) -> None:
    # It writes what is waiting, which may fail again, or find the stream closed.
    with suppress(OSError, ValueError):
        stream.reconfigure(errors=errors)


def _lacks(encoding: str, errors: str | None) -> bool:
    """Whether there is text that a stream refuses; all that UTF-8 lacks are names that the disk has in other bytes."""
    return errors == "strict" or (errors == "surrogateescape" and codecs.lookup(encoding).name != "utf-8")


def _escape(error: UnicodeError) -> tuple[str, int]:
    # As JSON writes it, so that JSON stays JSON.
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2)), error.end


_ESCAPED = "zoo-escaped"
codecs.register_error(_ESCAPED, _escape)
