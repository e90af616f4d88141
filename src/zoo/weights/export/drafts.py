"""Files and folders that are either whole or not there."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import InputError


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
