"""Downloads that show their progress, check what arrived and leave nothing half-written."""

import hashlib
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from zoo.data.unfinished_download import Source, UnfinishedDownload
from zoo.errors import InputError
from zoo.files import alone, replace

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

CHUNK = 1 << 20


def fetch(url: str, target: Path, digest: str) -> Path:
    """Downloads ``url`` to ``target`` with a progress bar and compares ``digest`` (``"md5:..."`` or ``"sha256:..."``).

    The file gets its name only when it is whole and right. A transfer that breaks is taken up where it broke, with an
    HTTP range, at servers that offer it: at once while that brings more, else by the next call, from a ``.part`` file.
    Raises InputError where the server cannot be reached or breaks off, the disk refuses, another process is at it, or
    what arrived has another checksum.
    """
    unfinished = UnfinishedDownload(target, url)
    kind, expected = digest.split(":")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.alone():
            found = _receive(unfinished, kind)
            if found != expected:
                unfinished.forget()
                raise InputError(f"{url} arrived with {kind} {found} instead of {expected}; nothing was kept.")
            replace(unfinished.file, target)
    except BlockingIOError as error:
        raise InputError(f"Another process is writing {unfinished.file}: wait for it.") from error
    except (OSError, HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is an open reply as well
        reason = error.reason if type(error) is urllib.error.URLError else error
        kept, way = unfinished.num_kept(), f"fetch it by other means into {target.parent}"
        if kept:
            way = f"its first {kept:,} bytes are kept, and the same call goes on from there, or {way}"
        raise InputError(f"Could not download {url} ({_one_line(reason)}); {way}.") from error
    return target


def _receive(unfinished: UnfinishedDownload, kind: str) -> str:
    """Writes what is missing of ``unfinished``; returns the checksum of the whole, as hexadecimal digits.

    A transfer that breaks off goes on where it stopped, while the server can do that and each try brings more.
    """
    from rich.console import Console
    from rich.progress import Progress

    # Standard output is for what was asked, perhaps as JSON: weights are fetched on the way to it.
    progress = Progress(console=Console(stderr=True))
    task = progress.add_task(unfinished.url.rsplit("/", 1)[-1], total=None)
    try:
        with unfinished.opened() as file:
            while True:
                before = file.tell()
                reply = unfinished.source
                if reply is None or file.tell() != reply.size:
                    reply = _append(unfinished, file, progress, task)
                # The standard library takes a connection that closes early for the end of the file.
                if reply.size is None or file.tell() >= reply.size:
                    break
                if not reply.resumable or file.tell() == before:
                    raise ConnectionError(f"it broke off after {file.tell():,} of {reply.size:,} bytes")
    finally:
        if progress.live.is_started:
            progress.stop()
    with unfinished.file.open("rb") as whole:
        return hashlib.file_digest(whole, kind).hexdigest()


def _append(unfinished: UnfinishedDownload, file: BinaryIO, progress: "Progress", task: "TaskID") -> Source:
    """Adds to ``file`` what it lacks, until the end or until the connection breaks; returns what the server said."""
    start = file.tell()
    known = unfinished.source
    request = urllib.request.Request(unfinished.url, headers=known.headers(start) if known else {})
    with urllib.request.urlopen(request, timeout=60) as response:
        rest = response.status == HTTPStatus.PARTIAL_CONTENT
        reply = Source.of(response.headers, start if rest else 0)
        if start and not (rest and unfinished.source and reply.same_as(unfinished.source)):
            # It sends the whole, or the rest of something else.
            file.seek(0)
            file.truncate()
            if rest:
                unfinished.note(None)
                return _append(unfinished, file, progress, task)
        unfinished.note(reply)
        progress.update(task, completed=file.tell(), total=reply.size)
        # Not before there is a server that answers: where there is none, the error is all there is to see.
        progress.start()
        try:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                progress.advance(task, len(chunk))
        except (ConnectionError, TimeoutError, HTTPException):
            # Without a size, or at a server that sends no parts of a file, a broken connection is the end of it.
            if not reply.resumable:
                raise
        return reply


def fetch_unpacked(url: str, digest: str, folder: Path, title: str, is_there: Callable[[], bool]) -> None:
    """Downloads an archive and unpacks it into ``folder``, unless another process has just done so; it is not kept.

    ``is_there`` says whether all that is wanted of it is in its place. Raises InputError as ``fetch`` and ``extract``
    do, and where nothing can be written.
    """
    archive = folder / url.rsplit("/", 1)[-1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # From the first byte to the last file, so that of processes that start together one fetches.
        with alone(archive.with_name(f"{archive.name}.lock")):
            if is_there():
                return
            fetch(url, archive, digest)
            try:
                extract(archive, folder)
            finally:
                archive.unlink()
    except OSError as error:
        raise InputError(
            f"{title} cannot be written to {folder.absolute()} ({error.strerror}): point --data.root at another folder."
        ) from error


def extract(archive: Path, folder: Path) -> None:
    """Unpacks a tar or zip archive into ``folder``, where its files appear only when all of them are whole.

    Python's "data" filter admits no paths and no links that lead outside, and its zip reader makes none. Raises
    InputError where the archive holds one, is broken, or does not fit on the disk.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as staging:
            if archive.suffix == ".zip":
                with zipfile.ZipFile(archive) as packed:
                    packed.extractall(staging)
            else:
                with tarfile.open(archive) as tar:
                    tar.extractall(staging, filter="data")
            for file in [path for path in Path(staging).rglob("*") if not path.is_dir()]:
                target = folder / file.relative_to(staging)
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise InputError(f"{archive} cannot be unpacked ({_one_line(error)}); nothing was kept.") from error


def _one_line(error: object) -> str:
    # Some errors of the standard library quote what a server sent, or list every format they tried.
    return " ".join(str(error).split())
