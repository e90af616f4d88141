"""Downloads that show their progress, check what arrived and leave nothing half-written."""

import hashlib
import os
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from zoo.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

CHUNK = 1 << 20


def fetch(url: str, target: Path, digest: str) -> Path:
    """Downloads ``url`` to ``target`` with a progress bar and compares ``digest`` (``"md5:..."`` or ``"sha256:..."``).

    The file gets its name only when it is whole and right; a connection that breaks is taken up where it broke, with
    an HTTP range, at servers that offer it. Raises InputError where the server cannot be reached or
    breaks off, the disk refuses, or what arrived has another checksum.
    """
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    kind, expected = digest.split(":")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        found = _receive(url, partial, kind)
        if found != expected:
            raise InputError(f"{url} arrived with {kind} {found} instead of {expected}; nothing was kept.")
        partial.replace(target)
    except (OSError, HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is an open reply as well
        reason = error.reason if type(error) is urllib.error.URLError else error
        raise InputError(
            f"Could not download {url} ({_one_line(reason)}); fetch it by other means into {target.parent}."
        ) from error
    finally:
        if partial.exists():
            partial.unlink()
    return target


def _receive(url: str, partial: Path, kind: str) -> str:
    """Writes what ``url`` holds to ``partial``; returns its checksum of that ``kind``, as hexadecimal digits.

    A transfer that breaks off goes on where it stopped, while the server can do that and each try brings more.
    """
    from rich.progress import Progress

    with partial.open("wb") as file, Progress() as progress:
        task = progress.add_task(url.rsplit("/", 1)[-1], total=None)
        while True:
            before = file.tell()
            size, resumable = _append(url, file, progress, task)
            # The standard library takes a connection that closes early for the end of the file.
            if size is None or file.tell() >= size:
                break
            if not resumable or file.tell() == before:
                raise ConnectionError(f"it broke off after {file.tell():,} of {size:,} bytes")
    with partial.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _append(url: str, file: BinaryIO, progress: "Progress", task: "TaskID") -> tuple[int | None, bool]:
    """Adds to ``file`` what it lacks of ``url``, until the end or until the connection breaks.

    Returns the size of the whole, None where the server does not say, and whether it can send a rest.
    """
    start = file.tell()
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(request, timeout=60) as response:
        if start and response.status != HTTPStatus.PARTIAL_CONTENT:
            # It sends the whole again.
            file.seek(start := 0)
            file.truncate()
        length = response.headers.get("Content-Length")
        size = start + int(length) if length else None
        progress.update(task, completed=start, total=size)
        try:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                progress.advance(task, len(chunk))
        except (ConnectionError, TimeoutError, HTTPException):
            # Without a size, or at a server that sends no rests, a broken connection is the end of it.
            if size is None or response.headers.get("Accept-Ranges") != "bytes":
                raise
        return size, response.headers.get("Accept-Ranges") == "bytes"


def extract(archive: Path, folder: Path) -> None:
    """Unpacks a tar archive into ``folder``, where its files appear only when all of them are whole.

    Python's "data" filter admits no paths and no links that lead outside. Raises InputError where the archive holds
    one, is broken, or does not fit on the disk.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as staging:
            with tarfile.open(archive) as tar:
                tar.extractall(staging, filter="data")
            for file in [path for path in Path(staging).rglob("*") if not path.is_dir()]:
                target = folder / file.relative_to(staging)
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise InputError(f"{archive} cannot be unpacked ({_one_line(error)}); nothing was kept.") from error


def _one_line(error: object) -> str:
    # Some errors of the standard library quote what a server sent, or list every format they tried.
    return " ".join(str(error).split())
