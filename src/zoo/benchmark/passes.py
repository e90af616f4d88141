"""A pass over the data: the networks and protocols that share it, and what comes out of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from zoo.benchmark.records import record_of
from zoo.benchmark.subjects import Subject
from zoo.console import progress_bar
from zoo.data.looks import Looks
from zoo.errors import InputError
from zoo.evaluation.measurement import Measurement, input_size
from zoo.evaluation.predictions import Predictions
from zoo.evaluation.protocols import Protocol, protocol
from zoo.evaluation.protocols.plan import check_fits
from zoo.models.dense import fully_convolutional
from zoo.results.record import Record


@dataclass(frozen=True)
class How:
    """How to measure: an ensemble or each network, images a step, devices; where predictions are to be written."""

    as_ensemble: bool = False
    batch_size: int = 128
    devices: str = "auto"
    predictions: Path | None = None


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


def passes_of(subjects: Sequence[Subject], asked: Sequence[Protocol], how: How) -> list[Pass]:
    """Subjects with the same data and protocols together, each under its own protocol where none is ``asked``.

    Raises InputError where an ensemble cannot be one, and where predictions would be of several measurements.
    """
    found: dict[tuple[str, ...], tuple[list[Subject], tuple[Protocol, ...]]] = {}
    for subject in subjects:
        chosen = tuple(dict.fromkeys(asked)) or (protocol(subject.protocol),)
        _check_dense(subject, chosen)
        key = (subject.data, *(one.name for one in chosen))
        found.setdefault(key, ([], chosen))[0].append(subject)
    if how.as_ensemble and (len(found) > 1 or len(subjects) < 2):
        raise InputError(
            "An ensemble is two or more networks with the same data, preprocessing and protocol: "
            + ("give more weights." if len(subjects) < 2 else "these differ in one of them.")
        )
    outcomes = sum(len(chosen) * (1 if how.as_ensemble else len(members)) for members, chosen in found.values())
    if how.predictions and outcomes != 1:
        raise InputError(f"--predictions is for one network under one protocol, and these are {outcomes} measurements.")
    return [Pass.of(members, chosen, how.batch_size) for members, chosen in found.values()]


def measured(one: Pass, how: How, git: dict[str, Any] | None) -> list[Record]:
    """The Records of a pass, by network and then by protocol, on the first process; none elsewhere.

    ``git`` is the state of the code that measures.
    """
    looks, networks = one.looks, [subject.network for subject in one.subjects]
    predictions = [Predictions(how.predictions)] if how.predictions else []
    measurement = Measurement(
        networks, one.protocols, looks.own, how.batch_size, fully_convolutional, how.as_ensemble, predictions
    )
    trainer = _trainer(how.devices)
    trainer.test(measurement, datamodule=looks, verbose=False)
    for each in predictions:
        each.write(looks.data)
    if not trainer.is_global_zero:
        return []
    noted: dict[str, Any] = {"batch_size": how.batch_size}
    if how.as_ensemble:
        noted["members"] = [subject.name for subject in one.subjects]
    groups = [one.subjects] if how.as_ensemble else [(subject,) for subject in one.subjects]
    return [
        record_of(
            members, looks.data, each.name, result, seconds=measurement.seconds, how=noted | {"protocol": each.typed},
            device=measurement.device, processes=trainer.world_size, git=git,
        )
        for members, results in zip(groups, measurement.results, strict=True)
        for each, result in zip(one.protocols, results, strict=True)
    ]  # fmt: skip


def _check_dense(subject: Subject, protocols: Sequence[Protocol]) -> None:
    """Raises InputError where a protocol moves a network over whole images and the network cannot be moved."""
    for one in protocols:
        if one.dense:
            try:
                fully_convolutional(subject.network)
            except ValueError as error:
                raise InputError(f"{one.typed} does not fit {subject.name}: {error}; choose centre, say.") from error


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
