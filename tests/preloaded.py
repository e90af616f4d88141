"""Second processes that need not import torch and Lightning, for seconds, again: forks of a server that has done so.

``start`` is subprocess.Popen, and ``run`` is subprocess.run, for ``python -m MODULE``, ``python -c CODE`` and
``python FILE``, each with its words, its working folder, its environment and its output. The processes of pytest-xdist
are such forks themselves. The server knows nothing of the zoo, which every fork imports anew. Processes that a fork
starts with sys.executable are forks of the server, too. Tests of what is imported when, of options of the interpreter
and of pipes need processes of their own.
"""

import atexit
import gc
import json
import logging
import os
import runpy
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import weakref
from contextlib import redirect_stderr, suppress
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import NoReturn

# What runs need that is not the zoo's.
HEAVY = (
    "multiprocessing.spawn", "torch", "torchvision.transforms.v2", "lightning.pytorch.cli", "sklearn.datasets",
    "yaml", "safetensors.torch", "rich.table", "matplotlib.figure",
)  # fmt: skip
# Left by a launcher or by an earlier run in the process of the tests.
STALE = ("LOCAL_RANK", "NODE_RANK", "ZOO_RUN_DIR")
# The folder of the server that several processes of tests have.
SHARED = "ZOO_TESTS_SERVER"
# Of a Unix socket, in bytes.
LONGEST_ADDRESS = 100


class Process:
    """A process, as subprocess.Popen shows it. Its output is kept in files, which cannot fill up as pipes can."""

    def __init__(self, words: list[str], cwd: Path | None, env: dict[str, str] | None, new_session: bool) -> None:
        self.words, self.returncode = words, None
        self._kept = [_nameless(), _nameless()]
        environment = clean_environment() if env is None else env
        asked = {"words": words, "cwd": str(cwd or Path.cwd()), "env": dict(environment), "new_session": new_session}
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(_server() / "server"))
        nothing = os.open(os.devnull, os.O_RDONLY)
        request = json.dumps(asked | {"ends_with_us": False}).encode() + b"\n"
        socket.send_fds(connection, [request], [nothing, *self._kept])
        os.close(nothing)
        self._answers = connection.detach()
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
    *words: object, cwd: Path | None = None, env: dict[str, str] | None = None, check: bool = True,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """``python WORDS``, to its end."""
    if sys.platform == "linux":
        process = start(*words, cwd=cwd, env=env)
        try:
            done = subprocess.CompletedProcess(words, 0, *process.communicate(timeout))
        finally:
            process.kill()
        done.returncode = process.wait()
    else:
        # Elsewhere there are no forks, or none that the threads of frameworks allow.
        done = subprocess.run(
            [sys.executable, *map(str, words)], cwd=cwd, env=clean_environment() if env is None else env,
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
    assert not check or done.returncode == 0, done.stderr
    return done


def clean_environment() -> dict[str, str]:
    """This process's, without what a launcher or an earlier run may have left in it."""
    return {name: value for name, value in os.environ.items() if name not in STALE}


def _nameless() -> int:
    number, path = tempfile.mkstemp()
    os.unlink(path)
    return number


def python(*modules: str) -> str:
    """What starts forks in the place of sys.executable: for processes that the code of a test starts by itself.

    A fork takes time with all that has been imported; where ``modules`` are named, only they have been.
    """
    return str(_server(*modules) / "python") if sys.platform == "linux" else sys.executable


def path_to_zoo() -> str:
    """PATH, with a folder before it that has the command ``zoo`` of these tests, which is a fork, too."""
    return f"{_server() / 'bin'}{os.pathsep}{os.environ['PATH']}"


def _server(*modules: str) -> Path:
    """The folder of a server; the processes of pytest-xdist, which are forks, have one with all that there is."""
    shared = os.environ.get(SHARED)
    return Path(shared) if shared and not modules else _own_server(*modules)


def share() -> str:
    """Lets the processes that this one starts have forks of its server; the words with which a shell starts one.

    The interpreter is named, so that neither it nor the folder for temporary files need have a path of one word, nor
    may programs be forbidden there.
    """
    os.environ[SHARED] = str(_own_server())
    return shlex.join([sys.executable, "-IS", python()])


@cache
def _own_server(*modules: str) -> Path:
    """The folder of this process's server, which is started when it is first asked, and ends when this process does.

    With it end its forks and its folder, however this process came to its end.
    """
    folder = Path(tempfile.mkdtemp(prefix="zoo-forks-"))
    if len(os.fsencode(folder / "server")) > LONGEST_ADDRESS:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="zoo-forks-", dir="/tmp"))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "server"))
    listener.listen(64)
    launcher = folder / "python"
    names = f"SERVER, PYTHON = {str(folder / 'server')!r}, {sys.executable!r}\n"
    launcher.write_text(f"#!{sys.executable} -IS\n{names}{Path(__file__).with_name('launcher.py').read_text()}")
    launcher.chmod(0o700)
    command = folder / "bin" / "zoo"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{launcher}" -m zoo "$@"\n')
    command.chmod(0o700)
    theirs, ours = os.pipe()
    server = subprocess.Popen(
        [sys.executable, __file__, str(listener.fileno()), str(theirs), str(launcher), *(modules or HEAVY)],
        pass_fds=[listener.fileno(), theirs], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        env=clean_environment(), start_new_session=True,
    )  # fmt: skip
    listener.close()
    os.close(theirs)
    atexit.register(_end, ours, server, folder)
    return folder


def _end(ours: int, server: subprocess.Popen, folder: Path) -> None:
    os.close(ours)
    try:
        server.wait(timeout=2)
    except subprocess.TimeoutExpired:
        # It is still importing.
        server.kill()
        server.wait()
    shutil.rmtree(folder, ignore_errors=True)


def pass_over_descriptions() -> None:
    """Has pydantic leave out what W&B's sources say of each field, for which it would look through all of torch's."""
    from pydantic._internal import _fields

    # Another version may have none; then importing W&B takes a second longer.
    if hasattr(_fields, "_update_fields_from_docstrings"):
        _fields._update_fields_from_docstrings = lambda *ignored, **options: None


def preload(modules: list[str]) -> None:
    """Imports them, for forks."""
    pass_over_descriptions()
    # What libraries say of each other while they are imported is no concern of the tests.
    with redirect_stderr(StringIO()):
        for name in modules:
            import_module(name)
    # As torch would take out its operators, one by one, at the end of each fork.
    for finalizer in weakref.finalize._registry:  # type: ignore[attr-defined]
        finalizer.atexit = False
    gc.collect()
    gc.freeze()


def serve(calls: socket.socket, alive: int) -> dict | None:
    """Forks at each call; returns what to run in each fork, and None where ``alive`` says that the tests are over."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Each fork that has not ended, by what shows its end; and who asked for it.
    forks: dict[int, tuple[int, socket.socket, bool]] = {}
    while True:
        waiting = [caller for _, caller, ends_with_it in forks.values() if ends_with_it]
        ready = select.select([calls, alive, *forks, *waiting], [], [])[0]
        if alive in ready:
            for fork, *_ in forks.values():
                os.kill(fork, signal.SIGKILL)
            return None
        for ended, (fork, caller, _) in [*forks.items()]:
            if caller in ready:
                os.kill(fork, signal.SIGKILL)
            if caller in ready or ended in ready:
                answer(caller, os.waitpid(fork, 0)[1])
                os.close(ended)
                caller.close()
                del forks[ended]
        if calls in ready:
            caller, _ = calls.accept()
            asked = received(caller)
            fork = os.fork()
            if not fork:
                os.close(alive)
                for ended, (_, another, _) in forks.items():
                    os.close(ended)
                    another.close()
                calls.close()
                caller.close()
                return asked
            for number in asked["files"]:
                os.close(number)
            answer(caller, fork)
            forks[os.pidfd_open(fork)] = fork, caller, asked["ends_with_us"]


def received(caller: socket.socket) -> dict:
    """What is to be run, with the numbers of its three open files."""
    request, files, *_ = socket.recv_fds(caller, 1 << 20, 3)
    while not request.endswith(b"\n"):
        request += caller.recv(1 << 20)
    return json.loads(request) | {"files": files}


def answer(caller: socket.socket, number: int) -> None:
    """A line with the number, to whoever asked; who may have gone."""
    with suppress(BrokenPipeError):
        caller.sendall(f"{number}\n".encode())


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
    for number, own in enumerate(asked["files"]):
        os.dup2(own, number)
        os.close(own)
    if "numpy" in sys.modules:
        # Python's own random numbers are others in each fork.
        sys.modules["numpy"].random.seed()
    if "lightning" in sys.modules:
        from lightning.fabric.utilities.rank_zero import _get_rank, rank_zero_only

        # As Lightning does when it is imported.
        rank_zero_only.rank = _get_rank() or 0
        for name in ("lightning.pytorch", "lightning.fabric"):
            for handler in logging.getLogger(name).handlers:
                handler.setStream(sys.stderr)
    sys.executable = sys.argv[3]
    first, *words = asked["words"]
    searched = [path for path in asked["env"].get("PYTHONPATH", "").split(os.pathsep) if path and path not in sys.path]
    safe = "PYTHONSAFEPATH" in asked["env"]
    if first == "-m":
        name, *rest = words
        sys.argv, sys.path[0:1] = [name, *rest], [*([] if safe else [os.getcwd()]), *searched]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    elif first == "-c":
        code, *rest = words
        sys.argv, sys.path[0:1] = ["-c", *rest], [*([] if safe else [""]), *searched]
        sys.modules["__main__"] = main = ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), main.__dict__)
    else:
        sys.argv, sys.path[0:1] = [first, *words], [str(Path(first).resolve().parent), *searched]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    preload(sys.argv[4:])
    with socket.socket(fileno=int(sys.argv[1])) as calls:
        asked = serve(calls, int(sys.argv[2]))
    if asked:
        live(asked)
    shutil.rmtree(Path(sys.argv[3]).parent)
    os._exit(0)
