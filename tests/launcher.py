"""What stands in for the interpreter in processes of ``preloaded``: has the server fork, and is like its fork.

``preloaded.python`` writes it, behind the two names below, as a program. It begins in a hundredth of a second, so that
nothing but the standard library is imported.
"""

import json
import os
import signal
import socket
import sys
from typing import TextIO

# SERVER, the address, and PYTHON, the interpreter, stand above.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)


def main() -> None:
    """Hands on signals, ends as the fork ends; where it is gone itself, the server kills the fork."""
    words, environment = sys.argv[1:], dict(os.environ)
    if words[:1] == ["-u"]:
        # execnet asks for it, and flushes what it writes.
        words = words[1:]
    if words[:1] == ["-P"]:
        words, environment["PYTHONSAFEPATH"] = words[1:], "1"
    if not words or (words[0] not in ("-m", "-c") and words[0].startswith("-")):
        os.execv(PYTHON, [PYTHON, *sys.argv[1:]])  # noqa: F821
    # Until there is a fork, which takes seconds where the server itself is only beginning, a signal ends this process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    server = socket.socket(socket.AF_UNIX)
    server.connect(SERVER)  # noqa: F821
    asked = {"words": words, "cwd": os.getcwd(), "env": environment, "new_session": False, "ends_with_us": True}
    socket.send_fds(server, [json.dumps(asked).encode() + b"\n"], [0, 1, 2])
    answers = server.makefile()
    child = answer(answers)
    for number in SIGNALS:
        signal.signal(number, lambda number, frame: os.kill(child, number))
    status = os.waitstatus_to_exitcode(answer(answers))
    if status < 0:
        if -status in SIGNALS:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def answer(answers: TextIO) -> int:
    """The server's next one; where the tests are over and it is gone, so is this process."""
    try:
        return int(answers.readline())
    except (ConnectionResetError, ValueError):
        os._exit(1)


main()
