"""The seal of a checkpoint: the sha256 of its bytes, kept as the comment of the zip archive that torch writes."""

import hashlib
import zipfile
from pathlib import Path
from typing import IO

from zoo.errors import InputError

_WORDS = b"zoo sha256:"
# An archive's last two bytes say how long its comment is; torch writes none.
_LENGTH = 2
_SEAL = len(_WORDS) + hashlib.sha256().digest_size * 2
_BLOCK = 1 << 20


class Sealing:
    """What torch.save may write to: hands everything on to ``file`` and, at the end, seals it.

    The seal depends on the bytes alone, and needs no second look at them.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Writes on, from front to back."""
        self._digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Torch asks for it."""
        self._file.flush()

    def seal(self) -> None:
        """Adds the comment, when the archive is whole."""
        comment = _WORDS + self._digest.hexdigest().encode()
        self._file.seek(-_LENGTH, 2)
        self._file.write(len(comment).to_bytes(_LENGTH, "little") + comment)


def check_whole(path: Path) -> None:
    """Raises InputError where a checkpoint is not, bit for bit, what was written.

    One without a seal, which another program or an older zoo wrote, is held to the checksums of its archive; what is
    no archive at all is left to its reader. Errors of the disk are OSErrors.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _SEAL))
        seal = file.read()
        if seal.startswith(_WORDS):
            whole = seal == _WORDS + _digest_before_seal(file, size).encode()
        else:
            whole = not zipfile.is_zipfile(file) or _keeps_checksums(file)
    if not whole:
        raise InputError(
            f"{path} is damaged: its bytes are not those that were written; give another checkpoint or a copy of it."
        )


def _digest_before_seal(file: IO[bytes], size: int) -> str:
    digest, left = hashlib.sha256(), size - _SEAL - _LENGTH
    file.seek(0)
    while left > 0 and (block := file.read(min(_BLOCK, left))):
        digest.update(block)
        left -= len(block)
    # The length is checked by hand: the digest is that of the archive without a comment.
    if file.read(_LENGTH) == _SEAL.to_bytes(_LENGTH, "little"):
        digest.update(bytes(_LENGTH))
    return digest.hexdigest()


def _keeps_checksums(file: IO[bytes]) -> bool:
    """Whether every part of the archive has its checksum; a comment that is no seal was one."""
    try:
        with zipfile.ZipFile(file) as archive:
            return not archive.comment and archive.testzip() is None
    except Exception:
        # The reader of zip files fails on other bytes in a dozen ways.
        return False
