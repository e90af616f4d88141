"""The Record of one network, or one ensemble, under one protocol."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import torch

from zoo.benchmark.subjects import Subject
from zoo.data.base import ImageDataModule
from zoo.models import work_of
from zoo.models.ledger import compute
from zoo.options import declared
from zoo.results.provenance import environment
from zoo.results.record import Record, finite


def record_of(
    subjects: Sequence[Subject],
    data: ImageDataModule,
    protocol: str,
    counts: dict[str, Any],
    *,
    seconds: float,
    how: dict[str, Any],
    device: torch.device,
    processes: int,
    git: dict[str, Any] | None,
) -> Record:
    """Of several subjects the Record of their ensemble: no seed, parameters added up, digests of all the weights.

    ``counts`` are a result of ``Measurement``; ``seconds`` is the time of the pass, which other protocols and networks
    may have shared; ``how`` goes into the config as ``benchmark``.
    """
    first = subjects[0]
    metrics = {key: value for key, value in counts.items() if key != "n"}
    return Record(
        network="+".join(dict.fromkeys(subject.network.name for subject in subjects)),
        variant="+".join(dict.fromkeys(subject.network.variant for subject in subjects)),
        parameters=sum(p.numel() for subject in subjects for p in subject.network.parameters()),
        dataset=_dataset(data),
        protocol=protocol,
        n=counts["n"],
        metrics=metrics | {"loss": finite(counts["loss"])},
        seed=first.config.get("seed_everything") if len(subjects) == 1 else None,
        timing=_training(subjects)
        | {"test_seconds": round(seconds, 3), "test_images_per_second": round(counts["n"] / seconds, 1)},
        weights=first.origin if len(subjects) == 1 else _of_members(subjects),
        config=first.config | {"benchmark": how},
        git=git,
        environment=environment(torch.cuda.get_device_name(device) if device.type == "cuda" else device.type)
        | {"processes": processes, "threads": torch.get_num_threads()},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        compute=_compute(subjects),
        options=declared(first.config),
    )


def _dataset(data: ImageDataModule) -> dict[str, Any]:
    return {
        "name": data.name,
        "fingerprint": data.fingerprint,
        "fingerprint_of": data.fingerprint_of,
        "split": "test",
        "num_images": len(data.splits["test"]),  # type: ignore[arg-type]
        "num_classes": data.num_classes,
        **data.particulars,
    }


def _training(subjects: Sequence[Subject]) -> dict[str, Any]:
    """What the training took, added up over an ensemble."""
    if len(subjects) == 1:
        return subjects[0].timing
    sums = ("train_seconds", "train_images", "train_epochs")
    return {key: sum(subject.timing[key] for subject in subjects) for key in sums}


def _compute(subjects: Sequence[Subject]) -> dict[str, Any]:
    """The ledger: of one view, and of the training where a Record has its images; added up over an ensemble."""
    ledgers = [compute(each.network, work_of(each.network.name), each.timing["train_images"]) for each in subjects]
    known = all(each.timing["train_images"] for each in subjects)
    sums = {key: [ledger[key] for ledger in ledgers] for key in ("macs", "train_macs")}
    return {
        "macs": None if None in sums["macs"] else sum(sums["macs"]),
        "train_macs": sum(sums["train_macs"]) if known and None not in sums["train_macs"] else None,
        "convention": ledgers[0]["convention"] if known else "the training was not recorded",
    }


def _of_members(subjects: Sequence[Subject]) -> dict[str, Any]:
    members = [subject.sha256 for subject in subjects]
    return {"sha256": hashlib.sha256("".join(members).encode()).hexdigest(), "members": members}
