"""Downloads that show their progress, check what arrived and leave nothing half-written."""

import hashlib
import os
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

from zoo.errors import InputError

CHUNK = 1 << 20


def fetch(url: str, target: Path, digest: str) -> Path:
    """Downloads ``url`` to ``target`` with a progress bar and compares ``digest`` (``"md5:..."`` or ``"sha256:..."``).

    The file gets its name only when it is whole and right. Raises InputError where the server cannot be reached, the
    disk refuses, or what arrived has another checksum.
    """
    from rich.progress import Progress

    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    kind, expected = digest.split(":")
    found = hashlib.new(kind)
    try:
        with urllib.request.urlopen(url, timeout=60) as response, partial.open("wb") as file, Progress() as progress:
            size = response.headers.get("Content-Length")
            task = progress.add_task(target.name, total=int(size) if size else None)
            while chunk := response.read(CHUNK):
                file.write(chunk)
                found.update(chunk)
                progress.advance(task, len(chunk))
        if found.hexdigest() != expected:
            raise InputError(f"{url} arrived with {kind} {found.hexdigest()} instead of {expected}; nothing was kept.")
        partial.replace(target)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise InputError(f"Could not download {url} ({reason}); fetch it by other means into {target.parent}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return target


def extract(archive: Path, folder: Path) -> None:
    """Unpacks a tar archive into ``folder`` with Python's "data" filter: no absolute paths, no links outside."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
