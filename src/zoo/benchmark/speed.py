"""``zoo benchmark --speed``: images a second of the zoo's networks, for training and evaluation, as speed records."""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.benchmark.timing import evaluation_step, forms_of, timed, training_step
from zoo.benchmark.verb import output_folder
from zoo.catalog import NETWORKS
from zoo.data.base import MOST_IMAGES
from zoo.errors import InputError
from zoo.evaluation.record_builder import device_name
from zoo.models.classifier import Classifier
from zoo.results.provenance import environment, git_state
from zoo.results.speed import FORMS, SpeedRecord
from zoo.training.allocator import keep_freed_memory
from zoo.training.memory import enough_for
from zoo.weights.names import network_and_variant


def measure(
    names: Sequence[str], batch_sizes: Sequence[int], output: Path, *, warmup: int, repeats: int, forms: Sequence[str]
) -> list[Path]:
    """Measures each network on the best device there is and writes its speed record into ``output``.

    ``forms`` limits the forms; without any, all that device and network have. Prints a line a row. Raises InputError
    for a name or a number that will not do, and where a record is there already.
    """
    if max(batch_sizes, default=0) > MOST_IMAGES:
        raise InputError(f"--batch_sizes must be at most {MOST_IMAGES:,}, not {max(batch_sizes)}.")
    if min(batch_sizes, default=0) < 1 or warmup < 1 or repeats < 2:
        raise InputError("--batch_sizes and --warmup must be at least 1, and --repeats 2, to have a spread.")
    git = git_state()  # now, before anything is measured: of the code that has been imported
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    keep_freed_memory(device)  # as zoo fit has it
    models = {name: built(name) for name in names}
    for name, model in models.items():
        _chosen(name, model, device, forms)
    paths = {name: output / f"{name}-{device.type}.json" for name in names}
    for path in paths.values():
        if path.exists():
            raise InputError(f"{path} is there already, and no record is overwritten: give another --output.")
    with output_folder(output), enough_for(max(batch_sizes), "--batch_sizes"):
        for name, model in models.items():
            before, rows = _load(), []
            for row in speed_rows(model.to(device), batch_sizes, device, warmup=warmup, repeats=repeats, forms=forms):
                print(_line(name, row), flush=True)
                rows.append(row)
            network: Any = model.network
            SpeedRecord(
                network=network.name,
                variant=network.variant,
                parameters=sum(parameter.numel() for parameter in network.parameters()),
                input_shape=list(network.input_shape),
                warmup=warmup,
                repeats=repeats,
                rows=rows,
                load_average=None if before is None else [before, _load() or 0.0],
                git=git,
                environment=environment(device_name(device)) | {"threads": torch.get_num_threads()},
                created=datetime.now(UTC).isoformat(timespec="seconds"),
            ).write(paths[name])
    return [*paths.values()]


def built(name: str) -> Classifier:
    """The model of ``<network>`` or ``<network>-<variant>`` with its initial weights. Raises InputError for others."""
    network, variant = network_and_variant(name)
    entry = NETWORKS[network]
    options: dict[str, Any] = dict(entry.model_options)
    if variant and variant != entry.variants[0]:
        options["variant"] = variant
    model: Classifier = getattr(import_module(entry.model_module), entry.model)(**options)
    return model


def speed_rows(
    model: Classifier,
    batch_sizes: Sequence[int],
    device: torch.device,
    *,
    warmup: int,
    repeats: int,
    forms: Sequence[str] = (),
) -> Iterator[dict[str, Any]]:
    """The rows of one model, which lies on ``device``: every form, evaluation and training, every batch size.

    A model with a learning rule of its own is timed in evaluation only.
    """
    network = model.network
    for form in _chosen(network.name, model, device, forms):
        for size in batch_sizes:
            images, labels = _batch(model, size, device)
            step = evaluation_step(network, form, images)
            yield {"mode": "eval", "form": form, **timed(step, size, device, warmup, repeats)}
            if model.automatic_optimization and any(parameter.requires_grad for parameter in network.parameters()):
                step = training_step(network, form, images, labels, model.losses)
                yield {"mode": "train", "form": form, **timed(step, size, device, warmup, repeats)}


def _chosen(name: str, model: Classifier, device: torch.device, forms: Sequence[str]) -> list[str]:
    """Those of ``forms`` that model and device have, all if none are given. Raises InputError where none is left."""
    unknown = [form for form in forms if form not in FORMS]
    if unknown:
        raise InputError(f"There is no form {unknown[0]!r}: there is {', '.join(FORMS)}.")
    there = forms_of(model.network, device)
    chosen = [form for form in there if form in forms or not forms]
    if not chosen:
        raise InputError(
            f"{name} has none of the forms {', '.join(forms)} on {device.type}: it has {', '.join(there)}."
        )
    return chosen


def _batch(model: Classifier, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(size, *model.network.input_shape, generator=generator)
    labels = torch.randint(model.network.num_classes, (size,), generator=generator)
    return images.to(device), labels.to(device)


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _line(name: str, row: dict[str, Any]) -> str:
    rate = row["images_per_second"]
    spread = f"({rate['q1']:,.1f} to {rate['q3']:,.1f})"
    return f"{name} {row['mode']} {row['form']} batch {row['batch_size']}: {rate['median']:,.1f} images/s {spread}"
