"""Where a Record is put together, for ``zoo fit``, ``zoo test`` and ``zoo benchmark`` alike."""

import hashlib
import inspect
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from zoo.results.provenance import environment
from zoo.results.record import Record, finite


def build_record(
    networks: Sequence[Any],
    data: Any,
    protocol: str,
    results: dict[str, Any],
    *,
    device: torch.device,
    processes: int,
    left_out: dict[str, Any] | None = None,
    **rest: Any,
) -> Record:
    """The Record of a network, or of an ensemble of several, on the test split of a data module.

    ``results`` are what ``ErrorCounts`` and ``Measures`` say, ``left_out`` what the data module says of training
    images left out. ``rest`` are the fields that only the caller knows: seed, timing, weights, config, git, compute.
    """
    metrics = {key: value for key, value in results.items() if key != "n"}
    return Record(
        network="+".join(dict.fromkeys(network.name for network in networks)),
        variant="+".join(dict.fromkeys(network.variant for network in networks)),
        parameters=sum(p.numel() for network in networks for p in network.parameters()),
        dataset={
            "name": data.name,
            "fingerprint": data.fingerprint,
            "fingerprint_of": data.fingerprint_of,
            "split": "test",
            "num_images": len(data.splits["test"]),
            "num_classes": data.num_classes,
            **data.particulars,
            **(left_out or {}),
        },
        protocol=protocol,
        n=results["n"],
        metrics=metrics | {"loss": finite(results["loss"])},
        environment=environment(device_name(device)) | {"processes": processes, "threads": torch.get_num_threads()},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        own=_own([network for network in networks if network.is_own]),
        **rest,
    )


def _own(networks: Sequence[Any]) -> dict[str, Any] | None:
    """Of networks that are not the zoo's: their class, and the digest of the file with its code."""
    if not networks:
        return None
    digests = []
    for network in networks:
        file = inspect.getsourcefile(type(network.root))
        digests.append(hashlib.sha256(Path(file).read_bytes()).hexdigest() if file and Path(file).is_file() else None)
    names = list(dict.fromkeys(network.name for network in networks))
    return {"class": "+".join(names), "source_sha256": digests[0] if len(set(digests)) == 1 else None}


def device_name(device: torch.device) -> str:
    """What the hardware calls itself, where it does."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
