"""Second processes that need not import torch and Lightning, for seconds, again: forks of a server that has done so.

``start`` is subprocess.Popen, and ``run`` is subprocess.run, for ``python -m MODULE``, ``python -c CODE`` and
``python FILE``, each with its words, its working folder, its environment and its output. The server knows nothing of
the zoo, which every fork imports anew. Tests of what is imported when, of options of the interpreter and of pipes need
processes of their own.
"""

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import redirect_stderr
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import NoReturn

# What runs need that is not the zoo's.
HEAVY = (
    "torch", "torchvision.transforms.v2", "lightning.pytorch.cli", "sklearn.datasets", "yaml", "safetensors.torch",
    "rich.table", "matplotlib.figure",
)  # fmt: skip
# Left by a launcher or by an earlier run in the process of the tests.
STALE = ("LOCAL_RANK", "NODE_RANK", "ZOO_RUN_DIR")


class Process:
    """A process, as subprocess.Popen shows it. Its output is kept in files, which cannot fill up as pipes can."""

    def __init__(self, words: list[str], cwd: Path | None, env: dict[str, str] | None, new_session: bool) -> None:
        self.words, self.returncode = words, None
        self._kept = [_nameless(), _nameless()]
        environment = clean_environment() if env is None else env
        asked = {"words": words, "cwd": str(cwd or Path.cwd()), "env": dict(environment), "new_session": new_session}
        self._answers, theirs = os.pipe()
        try:
            socket.send_fds(_server(), [json.dumps(asked).encode() + b"\n"], [*self._kept, theirs])
        finally:
            os.close(theirs)
        self.pid = int(self._answer(None))

    def __del__(self) -> None:
        for number in (*self._kept, self._answers):
            os.close(number)

    def poll(self) -> int | None:
        """The exit status, below 0 where a signal ended it; None while it runs."""
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end."""
        if self._wait(timeout) is None:
            raise subprocess.TimeoutExpired(self.words, timeout)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Waits for the end; what was said on standard output and on standard error."""
        self.wait(timeout)
        return self.said(), self.told()

    def said(self) -> str:
        """What it has said on standard output until now."""
        return os.pread(self._kept[0], 1 << 30, 0).decode()

    def told(self) -> str:
        """What it has said on standard error until now."""
        return os.pread(self._kept[1], 1 << 30, 0).decode()

    def send_signal(self, number: int) -> None:
        """Sends it, unless the process is known to have ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it at once."""
        self.send_signal(signal.SIGKILL)

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None and (said := self._answer(timeout)):
            self.returncode = os.waitstatus_to_exitcode(int(said))
        return self.returncode

    def _answer(self, timeout: float | None) -> str:
        """The next line of the server's; nothing where none comes in time."""
        if not select.select([self._answers], [], [], timeout)[0]:
            return ""
        line = b""
        while not line.endswith(b"\n"):
            part = os.read(self._answers, 1)
            assert part, "the server of processes has died"
            line += part
        return line.decode()


def start(
    *words: str, cwd: Path | None = None, env: dict[str, str] | None = None, new_session: bool = False
) -> Process:
    """``python WORDS``, begun; in a clean environment unless one is given."""
    return Process([*map(str, words)], cwd, env, new_session)


def run(
    *words: object, check: bool = True, timeout: float | None = None, **options
) -> subprocess.CompletedProcess[str]:
    """``python WORDS``, to its end."""
    process = start(*words, **options)
    try:
        said, told = process.communicate(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert not check or process.returncode == 0, told
    return subprocess.CompletedProcess(process.words, process.returncode, said, told)


def clean_environment() -> dict[str, str]:
    """This process's, without what a launcher or an earlier run may have left in it."""
    return {name: value for name, value in os.environ.items() if name not in STALE}


def _nameless() -> int:
    number, path = tempfile.mkstemp()
    os.unlink(path)
    return number


@cache
def _server() -> socket.socket:
    """The server of this process, started when it is first asked; it ends when this process does."""
    ours, theirs = socket.socketpair()
    server = subprocess.Popen(
        [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=clean_environment(),
    )  # fmt: skip
    theirs.close()
    atexit.register(lambda: (ours.close(), server.wait()))
    return ours


def serve(number: int) -> dict | None:
    """Forks at each call of the socket; returns what to run in each fork, and None at the end of the calls."""
    # What libraries say of each other while they are imported is no concern of the tests.
    with redirect_stderr(StringIO()):
        for name in HEAVY:
            import_module(name)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    calls, waited = socket.socket(fileno=number), 0
    while True:
        asked, numbers, *_ = socket.recv_fds(calls, 1 << 20, 3)
        if not asked:
            return None
        while not asked.endswith(b"\n"):
            asked += calls.recv(1 << 20)
        if not os.fork():
            # Waits for the process, while the server answers other calls.
            calls.close()
            child = os.fork()
            if not child:
                os.close(numbers[2])
                return json.loads(asked) | {"output": numbers[:2]}
            os.write(numbers[2], f"{child}\n".encode())
            os.write(numbers[2], f"{os.waitpid(child, 0)[1]}\n".encode())
            os._exit(0)
        for own in numbers:
            os.close(own)
        waited += 1
        while waited and os.waitpid(-1, os.WNOHANG)[0]:
            waited -= 1


def live(asked: dict) -> NoReturn:
    """Is the process that was asked for, to its end. What was imported is not taken down: that would take seconds."""
    status = 1
    try:
        become(asked)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if not isinstance(end.code, int | None):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def become(asked: dict) -> None:
    """Makes a fork of the server the process that was asked for, and runs it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if asked["new_session"]:
        os.setsid()
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    for own, number in zip(asked["output"], (1, 2), strict=True):
        os.dup2(own, number)
        os.close(own)
    first, *words = asked["words"]
    searched = [path for path in asked["env"].get("PYTHONPATH", "").split(os.pathsep) if path and path not in sys.path]
    if first == "-m":
        name, *rest = words
        sys.argv, sys.path[0:1] = [name, *rest], [os.getcwd(), *searched]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    elif first == "-c":
        code, *rest = words
        sys.argv, sys.path[0:1] = ["-c", *rest], ["", *searched]
        sys.modules["__main__"] = main = ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), main.__dict__)
    else:
        sys.argv, sys.path[0:1] = [first, *words], [str(Path(first).resolve().parent), *searched]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    asked = serve(int(sys.argv[1]))
    if asked:
        live(asked)
    os._exit(0)
