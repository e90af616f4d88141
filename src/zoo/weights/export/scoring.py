"""Measures weights anew on the test set that their card names, without a Trainer: on the CPU, in float32."""

from typing import Any

import torch

from zoo.errors import InputError
from zoo.evaluation.metrics import ErrorCounts
from zoo.weights.trained import Weights

BATCH_SIZE = 500


def measure(weights: Weights, root: str | None = None, batch_size: int = BATCH_SIZE) -> dict[str, Any]:
    """The scores of weights on the whole test set under their own protocol, as a card has them.

    Raises InputError where the data in ``root`` are not those that the card names.
    """
    data = weights.data_module(root, batch_size=batch_size)
    data.setup("test")
    # A run's meta has its Record's words, a card its own.
    named = weights.meta.get("data") or weights.meta["record"]["dataset"]
    if data.fingerprint != named["fingerprint"]:
        raise InputError(
            f"The {data.name} in {root or 'data'} has the fingerprint {data.fingerprint}, but {weights.name} was"
            f" measured on {named['fingerprint']}: these are different images."
        )
    model, counts = weights.model().eval(), ErrorCounts()
    with torch.inference_mode():
        for batch in data.test_dataloader():
            images, labels = data.on_after_batch_transfer(batch, 0)
            counts.update(model.test_logits(images), labels, torch.zeros(len(labels)))
    found = counts.compute()
    keys = ("n", "top1_wrong", "top5_wrong", "top1_error", "top5_error")
    return {"protocol": weights.data.protocol} | {key: found[key] for key in keys} | {"batch_size": batch_size}
