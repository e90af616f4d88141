"""Networks on the same data are measured together, each image read once for all of them and their protocols."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from zoo.benchmark.entries import BenchmarkEntry
from zoo.benchmark.records import record_of
from zoo.data.protocol_images import ProtocolImages
from zoo.errors import InputError
from zoo.evaluation.measurement import Measurement, input_size
from zoo.evaluation.predictions import Predictions
from zoo.evaluation.protocols import Protocol, protocol
from zoo.evaluation.protocols.plan import check_fits
from zoo.models.dense import fully_convolutional
from zoo.results.record import Record
from zoo.training.allocator import keep_freed_memory
from zoo.training.progress import progress_bar


@dataclass(frozen=True)
class BenchmarkOptions:
    """An ensemble or each network, images a step, devices, and where predictions are to be written."""

    as_ensemble: bool = False
    batch_size: int = 128
    devices: str = "auto"
    predictions: Path | None = None


@dataclass(frozen=True)
class JointMeasurement:
    """Entries on the same data, and the protocols that they are measured under."""

    entries: tuple[BenchmarkEntry, ...]
    protocols: tuple[Protocol, ...]
    split: ProtocolImages

    @classmethod
    def of(
        cls, entries: Sequence[BenchmarkEntry], protocols: tuple[Protocol, ...], batch_size: int
    ) -> "JointMeasurement":
        """Reads the data; raises InputError where they are missing, or do not fit the networks or the protocols."""
        scales = {scale for one in protocols for scale in one.scales or (None,)}
        split = ProtocolImages(entries[0].data_module(), scales, batch_size)
        split.prepare_data()
        split.setup("test")
        for entry in entries:
            entry.check_data(split.data.num_classes, split.channels)
            for one in protocols:
                check_fits(one, input_size(entry.network), split.own)
        return cls(tuple(entries), protocols, split)


def joint_measurements(
    entries: Sequence[BenchmarkEntry], asked: Sequence[Protocol], options: BenchmarkOptions
) -> list[JointMeasurement]:
    """Entries with the same data and protocols together, each under its own protocol where none is ``asked``.

    Raises InputError where an ensemble cannot be one, and where predictions would be of several measurements.
    """
    found: dict[tuple[str, ...], tuple[list[BenchmarkEntry], tuple[Protocol, ...]]] = {}
    for entry in entries:
        chosen = tuple(dict.fromkeys(asked)) or (protocol(entry.protocol),)
        _check_dense(entry, chosen)
        key = (entry.data, *(one.name for one in chosen))
        found.setdefault(key, ([], chosen))[0].append(entry)
    if options.as_ensemble and (len(found) > 1 or len(entries) < 2):
        raise InputError(
            "An ensemble is two or more networks with the same data, preprocessing and protocol: "
            + ("give more weights." if len(entries) < 2 else "these differ in one of them.")
        )
    outcomes = sum(len(chosen) * (1 if options.as_ensemble else len(members)) for members, chosen in found.values())
    if options.predictions and outcomes != 1:
        raise InputError(f"--predictions is for one network under one protocol, and these are {outcomes} measurements.")
    return [JointMeasurement.of(members, chosen, options.batch_size) for members, chosen in found.values()]


def measure_together(one: JointMeasurement, options: BenchmarkOptions, git: dict[str, Any] | None) -> list[Record]:
    """The Records of a joint measurement, by network and then by protocol, on the first process; none elsewhere.

    ``git`` is the state of the code that measures.
    """
    split, networks = one.split, [entry.network for entry in one.entries]
    predictions = [Predictions(options.predictions)] if options.predictions else []
    measurement = Measurement(
        networks, one.protocols, split.own, options.batch_size, fully_convolutional, options.as_ensemble, predictions
    )
    trainer = _trainer(options.devices)
    keep_freed_memory(trainer.strategy.root_device)
    trainer.test(measurement, datamodule=split, verbose=False)
    for each in predictions:
        each.write(split.data)
    if not trainer.is_global_zero:
        return []
    settings: dict[str, Any] = {"batch_size": options.batch_size}
    if options.as_ensemble:
        settings["members"] = [entry.name for entry in one.entries]
    groups = [one.entries] if options.as_ensemble else [(entry,) for entry in one.entries]
    return [
        record_of(
            members, split.data, each.name, result, seconds=measurement.seconds,
            settings=settings | {"protocol": each.typed},
            # Not the network's own, which is back on the CPU by now.
            device=trainer.strategy.root_device, processes=trainer.world_size, git=git,
        )
        for members, results in zip(groups, measurement.results, strict=True)
        for each, result in zip(one.protocols, results, strict=True)
    ]  # fmt: skip


def _check_dense(entry: BenchmarkEntry, protocols: Sequence[Protocol]) -> None:
    """Raises InputError where a protocol moves a network over whole images and the network cannot be moved."""
    for one in protocols:
        if one.dense:
            try:
                fully_convolutional(entry.network)
            except ValueError as error:
                raise InputError(f"{one.typed} does not fit {entry.name}: {error}; choose centre, say.") from error


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
        raise InputError(f"--devices {devices} is not available ({' '.join(str(error).split())}).") from error
