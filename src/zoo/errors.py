"""The exceptions that the command line turns into one sentence and an exit status."""

import difflib
from collections.abc import Iterable

#: The way out where somebody gave an empty word, as an unset variable of the shell is.
EMPTY = "give it a value, or leave it out (is a variable of your shell unset?)"


class InputError(ValueError):
    """Bad input: a file, key or value that the user gave, or one that is missing.

    The message is one clear sentence that names the thing and the way out. The command line prints it without a
    traceback and exits with status 2; every other exception is a programming error and keeps its traceback.
    """


class Diverged(Exception):  # noqa: N818  (as Stopped)
    """Training or its outcome is no longer made of finite numbers; the message says where, and how to go on."""


class Stopped(Exception):  # noqa: N818  (as KeyboardInterrupt: no error)
    """The run has stopped, which no input caused; the message says how to go on.

    Either a signal asked for it, and the run stopped between two steps: ``status`` is then the exit status that shells
    and schedulers know, 128 and the signal's number. Or its processes lost each other: 1.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def nearest(word: str, known: Iterable[str], count: int = 2) -> str:
    """Ends a sentence about a ``word`` that is not ``known``: with those spelt almost like it, or else with all."""
    there = list(known)
    close = difflib.get_close_matches(word.lower(), there, n=count, cutoff=0.75)
    return f"did you mean {' or '.join(close)}?" if close else f"there is {', '.join(there)}."
