"""``zoo benchmark WEIGHTS...``: subjects that look at the same data share a pass over it."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from zoo import runs
from zoo.benchmark.records import record_of
from zoo.benchmark.subjects import Subject, find
from zoo.console import progress_bar, quiet
from zoo.data.looks import Looks
from zoo.errors import InputError
from zoo.evaluation.measurement import Measurement, input_size
from zoo.evaluation.protocols import Protocol, protocol
from zoo.evaluation.protocols.plan import check_fits
from zoo.evaluation.recorder import check_count
from zoo.models.dense import fully_convolutional
from zoo.report.tables import of_records
from zoo.results.record import Record


@dataclass(frozen=True)
class Pass:
    """Subjects on the same data, and the protocols that they are measured under."""

    subjects: tuple[Subject, ...]
    protocols: tuple[Protocol, ...]
    looks: Looks

    @classmethod
    def of(cls, subjects: Sequence[Subject], protocols: tuple[Protocol, ...], batch_size: int) -> "Pass":
        """Reads the data; raises InputError where they are missing, or do not fit the networks or the protocols."""
        scales = {scale for one in protocols for scale in one.scales or (None,)}
        looks = Looks(subjects[0].data_module(), scales, batch_size)
        looks.prepare_data()
        looks.setup("test")
        for subject in subjects:
            subject.check_data(looks.data.num_classes, looks.channels)
            for one in protocols:
                check_fits(one, input_size(subject.network), looks.own)
        return cls(tuple(subjects), protocols, looks)


def benchmark(
    weights: Sequence[str],
    *,
    data: str | None,
    data_options: dict[str, Any],
    protocols: Sequence[str],
    output: str | None,
    as_ensemble: bool,
    batch_size: int,
    devices: str,
) -> list[Record]:
    """Measures every network of ``weights`` under every protocol, writes the Records and prints their table.

    Where no protocol is given each network is measured under its own. Returns the Records, none on the processes that
    only help. Raises InputError for bad input, before anything is computed or written where it can be seen so early.
    """
    quiet()
    if batch_size < 1:
        raise InputError(f"--batch_size must be at least 1, not {batch_size}.")
    asked = [protocol(name) for name in protocols]
    subjects = [find(path).on(data, data_options) for path in dict.fromkeys(weights)]
    passes = _passes(subjects, asked, as_ensemble, batch_size)
    folder = Path(output) if output else _new_folder()
    files = _files(passes, folder, as_ensemble)
    records: list[Record] = []
    with _output(folder):
        for one in passes:
            for record in _measured(one, as_ensemble, batch_size, devices):
                path = files[len(records)]
                record.write(path)
                # Reading is what validates.
                records.append(Record.read(path))
    if records:
        sys.stdout.write(of_records(records))
        print(f"Records: {folder}")
    return records


@contextmanager
def _output(folder: Path) -> Iterator[None]:
    """The folder on the first process, taken away again where nothing was written to it.

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
        if not any(folder.iterdir()):
            folder.rmdir()


def _passes(subjects: Sequence[Subject], asked: Sequence[Protocol], as_ensemble: bool, batch_size: int) -> list[Pass]:
    """Subjects with the same data and protocols together; raises InputError where an ensemble cannot be one."""
    found: dict[tuple[str, ...], tuple[list[Subject], tuple[Protocol, ...]]] = {}
    for subject in subjects:
        chosen = tuple(dict.fromkeys(asked)) or (protocol(subject.protocol),)
        check_dense(subject, chosen)
        key = (subject.data, *(one.name for one in chosen))
        found.setdefault(key, ([], chosen))[0].append(subject)
    if as_ensemble and (len(found) > 1 or len(subjects) < 2):
        raise InputError(
            "An ensemble is two or more networks with the same data, preprocessing and protocol: "
            + ("give more weights." if len(subjects) < 2 else "these differ in one of them.")
        )
    return [Pass.of(members, chosen, batch_size) for members, chosen in found.values()]


def check_dense(subject: Subject, protocols: Sequence[Protocol]) -> None:
    """Raises InputError where a protocol moves a network over whole images and the network cannot be moved."""
    for one in protocols:
        if one.dense:
            try:
                fully_convolutional(subject.network)
            except ValueError as error:
                raise InputError(f"{one.typed} does not fit {subject.name}: {error}; choose centre, say.") from error


def _measured(one: Pass, as_ensemble: bool, batch_size: int, devices: str) -> list[Record]:
    """One pass over the data; the Records on the first process, none elsewhere."""
    looks, networks = one.looks, [subject.network for subject in one.subjects]
    measurement = Measurement(networks, one.protocols, looks.own, batch_size, fully_convolutional, as_ensemble)
    trainer = _trainer(devices)
    trainer.test(measurement, datamodule=looks, verbose=False)
    if not trainer.is_global_zero:
        return []
    how = {"protocols": [each.typed for each in one.protocols], "batch_size": batch_size}
    if as_ensemble:
        how["members"] = [subject.name for subject in one.subjects]
    groups = [one.subjects] if as_ensemble else [(subject,) for subject in one.subjects]
    records = []
    for members, results in zip(groups, measurement.results, strict=True):
        for each, counts in zip(one.protocols, results, strict=True):
            check_count(int(counts["n"]), looks.num_images, looks.num_images, steps=1)
            record = record_of(
                members, looks.data, each.name, counts, seconds=measurement.seconds, how=how,
                device=measurement.device, processes=trainer.world_size,
            )  # fmt: skip
            records.append(record)
    return records


def _trainer(devices: str) -> Trainer:
    try:
        return Trainer(
            devices=int(devices) if devices.isdigit() else devices,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            callbacks=[progress_bar()],
        )
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise InputError(f"--devices {devices} cannot be had ({' '.join(str(error).split())}).") from error


def _files(passes: Sequence[Pass], folder: Path, as_ensemble: bool) -> list[Path]:
    """One file a Record, in the order of the Records. Raises InputError where one is there already."""
    names: list[str] = []
    for one in passes:
        members = [f"ensemble-of-{len(one.subjects)}"] if as_ensemble else [subject.name for subject in one.subjects]
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
