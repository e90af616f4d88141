"""The library of 2014 that trains a network in the page: taken from npm as it is, never part of this package."""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from zoo.errors import InputError

PACKAGE = "convnetjs@0.3.0"
#: The file in the package, and its digest: the page has it unchanged or not at all.
MEMBER = "package/build/convnet-min.js"
DIGEST = "d2afd132be97424be688b023e44ccb3b567ac07310cd7946ded7e24f3d4101e1"
_SECONDS = 60
_WAY_OUT = "give the file build/convnet-min.js of that package by --convnetjs FILE, or --convnetjs none"


def convnetjs(given: Path | None = None) -> bytes:
    """ConvNetJS, from a file or from npm. Raises InputError where there is neither, or where it is another version."""
    content = _from_npm() if given is None else _read(given)
    if hashlib.sha256(content).hexdigest() != DIGEST:
        where = given or f"What npm gives as {PACKAGE}"
        raise InputError(f"{where} is not the file build/convnet-min.js of {PACKAGE}: {_WAY_OUT}.")
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {_WAY_OUT}.") from error


def _from_npm() -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise InputError(f"The page trains with {PACKAGE}, but there is no npm here to fetch it: {_WAY_OUT}.")
    with tempfile.TemporaryDirectory() as folder:
        words = [npm, "pack", PACKAGE, "--silent", "--prefer-offline", "--ignore-scripts", "--fetch-retries=0"]
        try:
            subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=_SECONDS)
            with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
                file = archive.extractfile(MEMBER)
                assert file is not None
                return file.read()
        except (subprocess.SubprocessError, OSError, StopIteration, tarfile.TarError, KeyError) as error:
            raise InputError(f"npm cannot fetch {PACKAGE}, with which the page trains: {_WAY_OUT}.") from error
