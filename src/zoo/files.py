"""Files and folders that are either whole or not there, and locks between processes. Standard library only."""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from zoo.errors import InputError

_LOCKED_BYTE = 1 << 30


def given_path(name: str | Path) -> Path:
    """The path that the user named, whether or not something is there.

    Raises InputError for what no file can be called: pathlib fails on it at whatever looks at it first.
    """
    try:
        os.lstat(name)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(f"{str(name)[:40]}... is too long for the name of a file: give another.") from error
    except ValueError as error:  # a null character, or what no encoding has
        raise InputError(f"{str(name)!r} can be the name of no file ({error}): give another.") from error
    return Path(name)


def given_output(name: str | Path) -> Path:
    """The path of a file that the user wants to be written.

    Raises InputError where its folder is none: what takes minutes to compute is not lost for want of a place.
    """
    path = given_path(name)
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} to: make it first.")
    return path


def is_utf8(name: str) -> bool:
    """Whether a name that the disk has is UTF-8; Python stands in for other bytes by what no text may hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_text(path: Path, most: int = 100_000_000) -> str:
    """The text of a file in UTF-8. Raises OSError, too, for what has no end and for more bytes than such a file has."""
    if is_device(path):
        raise OSError(errno.EINVAL, "it is a device or a pipe", str(path))
    size = path.stat().st_size
    if size > most:
        raise OSError(errno.EFBIG, f"it has {size:,} bytes", str(path))
    return path.read_text(encoding="utf-8")


@contextmanager
def whole(path: Path, draft: Path | None = None, *, durable: bool = False) -> Iterator[Path]:
    """A place beside ``path`` to write to; what was written there takes the name of ``path`` when the block ends.

    If the block fails, the new file is removed and whatever ``path`` was stays. ``draft`` is the place, one of this
    process's own unless given; a large file has a fixed one, so that what a killed process left is overwritten. Where
    ``durable``, the file has its name only when it is on the disk. Errors of the disk are OSErrors, and so is a
    ``path`` that is a device, a pipe or a folder.
    """
    _check_no_device(path)
    draft = draft or path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        if durable:
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
        replace(draft, path)
        if durable:
            _sync_folder(path.parent)
    finally:
        with suppress(OSError):
            draft.unlink()


def write(path: Path, content: bytes) -> None:
    """Writes a whole file; a device or a pipe, such as /dev/stdout, is written to as it is. Errors are OSErrors."""
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    with whole(end_of_links(path)) as draft:
        draft.write_bytes(content)


def replace(draft: Path, path: Path) -> None:
    """Gives ``draft`` the name ``path``, in one step. Raises OSError where a device or a pipe has it, and stays one."""
    _check_no_device(path)
    draft.replace(path)


def end_of_links(path: Path) -> Path:
    """The file that a name typed by the user leads to: a link stays, and what it leads to is written anew."""
    return path.resolve() if path.is_symlink() and (path.is_file() or not path.exists()) else path


def is_device(path: Path) -> bool:
    """Whether something is there that is neither a file nor a folder, such as /dev/null.

    Nothing may take its place, and reading from it may have no end.
    """
    return not path.is_file() and path.exists() and not path.is_dir()


def _check_no_device(path: Path) -> None:
    if is_device(path):
        raise FileExistsError(errno.EEXIST, "it is a device or a pipe", str(path))


def keep_as(path: Path, name: Path) -> None:
    """Gives a file a second name, or a copy where the disk has one name a file. Errors of the disk are OSErrors."""
    with whole(name) as draft:
        try:
            os.link(path, draft)
        except OSError:
            shutil.copyfile(path, draft)


def write_output(path: Path, content: bytes) -> None:
    """As ``write``, of a file that the user asked for by name: raises InputError where it cannot be written."""
    try:
        write(path, content)
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror or error}.") from error


def _sync_folder(folder: Path) -> None:
    # Without it a power cut may forget the renaming; Windows cannot open a folder.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def drafts(path: Path) -> Iterator[Path]:
    """An empty folder beside ``path``: what was written and checked there can take its name in one step.

    At the end the folder is gone with all that is left in it. Raises InputError where ``path`` cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
            yield Path(folder)
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror or error}.") from error


@contextmanager
def alone(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Lets one process at a time into the block; ``path`` is a file for this alone, gone afterwards.

    The others wait, or where they do not ``wait`` get a BlockingIOError. The death of a process ends its turn, whether
    or not its children live on. Where there are no locks it keeps nobody out. Errors of the disk are OSErrors.
    """
    while True:
        with path.open("w") as file:
            if not lock(file, wait=wait):
                raise BlockingIOError(f"{path} is locked")
            # The one before us removed it: who comes now locks a new file, and would not know of us.
            if not _has_name(file, path):
                continue
            _held.add(file)
            try:
                yield
            finally:
                _held.remove(file)
                with suppress(OSError):
                    path.unlink()
            return


# A fork, such as a loader's worker, has all open files, and would keep the locks of a process that is killed.
_held: set[IO] = set()


def _let_go() -> None:
    for file in _held:
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _has_name(file: IO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def lock(file: IO, *, wait: bool = False) -> bool:
    """Keeps ``file`` for this process until it is closed; False where another process has it and we do not ``wait``.

    True as well where there are no such locks, on some network file systems: there, nobody keeps two processes apart.
    """
    try:
        import fcntl
    except ImportError:
        return _lock_on_windows(file, wait)
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _lock_on_windows(file: IO, wait: bool) -> bool:
    # mypy knows msvcrt on Windows alone.
    msvcrt: Any = import_module("msvcrt")
    # A byte beyond whatever is written: there, others cannot read what is locked.
    os.lseek(file.fileno(), _LOCKED_BYTE, os.SEEK_SET)
    while True:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            return True
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EDEADLK):
                return True
        if not wait:
            return False
        time.sleep(0.1)
