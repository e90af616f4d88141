"""``zoo benchmark WEIGHTS...``: networks on the same data are measured together."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities.rank_zero import rank_zero_only

from zoo import runs
from zoo.benchmark.entries import find
from zoo.benchmark.measurements import BenchmarkOptions, JointMeasurement, joint_measurements, measure_together
from zoo.data.base import MOST_IMAGES
from zoo.errors import InputError
from zoo.evaluation.prediction_files import check_writable
from zoo.evaluation.protocols import protocol
from zoo.files import given_path
from zoo.report.tables import of_records
from zoo.results.provenance import git_state
from zoo.results.record import Record
from zoo.training.console import quiet
from zoo.training.memory import enough_for


def benchmark(
    weights: Sequence[str],
    protocols: Sequence[str],
    options: BenchmarkOptions,
    *,
    data: str | None = None,
    data_options: dict[str, Any],
    output: str | None = None,
) -> list[Record]:
    """Measures every network of ``weights`` under every protocol, writes the Records and prints their table.

    Where no protocol is given each network is measured under its own. Returns the Records, none on the processes that
    only help. Raises InputError for bad input, before anything is computed or written where it can be seen so early.
    """
    quiet()
    # Now, before anything is measured: this is the code that has been imported.
    git = git_state()
    if not 1 <= options.batch_size <= MOST_IMAGES:
        raise InputError(f"--batch_size must be at least 1 and at most {MOST_IMAGES:,}, not {options.batch_size}.")
    if options.predictions:
        check_writable(options.predictions)
    asked = [protocol(name) for name in protocols]
    entries = [find(path).on(data, data_options) for path in dict.fromkeys(weights)]
    measurements = joint_measurements(entries, asked, options)
    folder = given_path(output) if output else _new_folder()
    files = _files(measurements, folder, options.as_ensemble)
    records: list[Record] = []
    with output_folder(folder), enough_for(options.batch_size, "--batch_size"):
        for one in measurements:
            for record in measure_together(one, options, git):
                path = files[len(records)]
                record.write(path)
                records.append(record)
    if records:
        sys.stdout.write(of_records(records))
        print(f"Records: {folder}")
    return records


@contextmanager
def output_folder(folder: Path) -> Iterator[None]:
    """The folder on the first process, removed again if nothing was written to it.

    Raises InputError where it cannot be written, before anything is computed.
    """
    if getattr(rank_zero_only, "rank", 0) != 0:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot write to {folder} ({error.strerror}): give another --output.") from error
    try:
        yield
    finally:
        # Somebody may have removed it meanwhile.
        if folder.is_dir() and not any(folder.iterdir()):
            runs.remove(folder)


def _files(measurements: Sequence[JointMeasurement], folder: Path, as_ensemble: bool) -> list[Path]:
    """One file a Record, in the order of the Records. Raises InputError where one is there already."""
    names: list[str] = []
    for one in measurements:
        members = [f"ensemble-of-{len(one.entries)}"] if as_ensemble else [entry.name for entry in one.entries]
        names += [f"{name}-{each.typed}" for name in members for each in one.protocols]
    files = []
    for place, name in enumerate(names):
        again = names[:place].count(name)
        files.append(folder / f"{name}{f'-{again + 1}' if again else ''}.json")
        if files[-1].exists():
            raise InputError(f"{files[-1]} is there already, and a Record is never overwritten: give another --output.")
    return files


def _new_folder() -> Path:
    return Path(runs.RUNS) / "benchmark" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
