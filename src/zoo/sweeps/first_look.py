"""Whether a sweep can be trained at all, found out before its first run: words, data, images held out."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from zoo.errors import InputError
from zoo.sweeps.grid import Grid
from zoo.training.arguments import complete
from zoo.training.cli import understood


def look(configs: Sequence[Path], grid: Grid) -> int:
    """How many images the runs are ranked on. Data that are to be downloaded are, once for all runs.

    Raises InputError for a value that is not understood, data that are missing, and where nothing is held out.
    """
    with _apart():
        data = _data_of(configs, grid)
        data.prepare_data()
        data.setup("fit")
    if not data.num_held_out:
        raise InputError(
            f"data.num_held_out is 0, so there is no slice of {data.name} to rank the runs on: add"
            " --data.num_held_out N; the test set never chooses."
        )
    return data.num_held_out


def look_at_words(configs: Sequence[Path], grid: Grid) -> None:
    """Looks at no data. Raises InputError for a value that is not understood."""
    with _apart():
        _data_of(configs, grid)


def _data_of(configs: Sequence[Path], grid: Grid) -> Any:
    """The data module of the first run, once all have been understood."""
    words = [word for config in configs for word in ("--config", str(config))]
    data = None
    with TemporaryDirectory() as folder:
        for number, member in enumerate(grid.samples()):
            run_dir = str(Path(folder) / str(number))
            _, understood_data = understood(complete("fit", [*words, "--run_dir", run_dir, *member.words]))
            # Only of the first: a network with its trainer may be large.
            data = data or understood_data
    assert data is not None
    return data


@contextmanager
def _apart() -> Iterator[None]:
    """Leaves the environment as it was: the runs of other processes must not take what is there for theirs."""
    before = {**os.environ}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
