"""The Record of one network, or one ensemble, under one protocol."""

import hashlib
from collections.abc import Sequence
from typing import Any

import torch

from zoo.benchmark.entries import BenchmarkEntry
from zoo.data.base import ImageDataModule
from zoo.evaluation.record_builder import build_record
from zoo.models import work_of
from zoo.models.ledger import compute
from zoo.options import declared
from zoo.results.record import Record


def record_of(
    entries: Sequence[BenchmarkEntry],
    data: ImageDataModule,
    protocol: str,
    counts: dict[str, Any],
    *,
    seconds: float,
    settings: dict[str, Any],
    device: torch.device,
    processes: int,
    git: dict[str, Any] | None,
) -> Record:
    """The Record of one entry, or of the ensemble of several: no seed, parameters added up, digests of all weights.

    ``counts`` are a result of ``Measurement``; ``seconds`` is the time of the measurement, which other protocols and
    networks may have shared; ``settings`` go into the config as ``benchmark``.
    """
    first, alone = entries[0], len(entries) == 1
    speed = {"test_seconds": round(seconds, 3), "test_images_per_second": round(counts["n"] / seconds, 1)}
    return build_record(
        [entry.network for entry in entries],
        data,
        protocol,
        counts,
        device=device,
        processes=processes,
        seed=first.config.get("seed_everything") if alone else None,
        timing=_training(entries) | speed,
        weights=first.origin if alone else _of_members(entries),
        config=first.config | {"benchmark": settings},
        git=git,
        compute=_compute(entries),
        options=declared(first.config),
        batch_norm_images=first.record.get("batch_norm_images") if alone else None,
    )


def _training(entries: Sequence[BenchmarkEntry]) -> dict[str, Any]:
    """What the training took, added up over an ensemble."""
    if len(entries) == 1:
        return entries[0].timing
    sums = ("train_seconds", "train_images", "train_epochs")
    return {key: sum(entry.timing[key] for entry in entries) for key in sums}


def _compute(entries: Sequence[BenchmarkEntry]) -> dict[str, Any]:
    """The ledger: of one view, and of the training where a Record has its images; added up over an ensemble."""
    ledgers = [compute(each.network, work_of(each.network.name), each.timing["train_images"]) for each in entries]
    known = all(each.timing["train_images"] for each in entries)
    sums = {key: [ledger[key] for ledger in ledgers] for key in ("macs", "train_macs")}
    return {
        "macs": None if None in sums["macs"] else sum(sums["macs"]),
        "train_macs": sum(sums["train_macs"]) if known and None not in sums["train_macs"] else None,
        "convention": ledgers[0]["convention"] if known else "the training was not recorded",
    }


def _of_members(entries: Sequence[BenchmarkEntry]) -> dict[str, Any]:
    members = [entry.sha256 for entry in entries]
    return {"sha256": hashlib.sha256("".join(members).encode()).hexdigest(), "members": members}
