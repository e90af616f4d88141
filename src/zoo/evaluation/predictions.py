"""Predictions of a whole test set as a CSV file."""

import csv
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer

TOP = 5


def write_predictions(trainer: Trainer, outputs: Any, class_names: list[str], path: Path) -> None:
    """One row an image, in the official order: index, label, and the five most probable classes with probabilities.

    ``outputs`` are this process's results of ``trainer.predict``; the first process gathers and writes them all.
    """
    shares: list[Any] = [outputs]
    if trainer.world_size > 1:
        shares = [None] * trainer.world_size
        torch.distributed.all_gather_object(shares, outputs)
    if not trainer.is_global_zero:
        return
    # A step's images lie in contiguous shares, in the order of the processes.
    batches = [share[step] for step in range(len(outputs)) for share in shares]
    labels = torch.cat([batch["labels"] for batch in batches]).tolist()
    top = torch.cat([batch["probabilities"] for batch in batches]).topk(min(TOP, len(class_names)))
    header = [
        "index",
        "label",
        *(f"{what}{k}" for k in range(1, top.values.shape[1] + 1) for what in ("class", "probability")),
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for index, (label, classes, values) in enumerate(
            zip(labels, top.indices.tolist(), top.values.tolist(), strict=True)
        ):
            pairs = [cell for c, p in zip(classes, values, strict=True) for cell in (class_names[c], f"{p:.6f}")]
            writer.writerow([index, class_names[label], *pairs])
