"""Measures weights anew on the test set that their card names, without a Trainer: on the CPU, in float32."""

from typing import Any

import torch

from zoo.errors import InputError
from zoo.evaluation.collectors import Measures
from zoo.evaluation.metrics import ErrorCounts
from zoo.weights.trained import Weights

BATCH_SIZE = 500


def measure(
    weights: Weights, root: str | None = None, batch_size: int = BATCH_SIZE
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The scores and the measures of weights on the whole test set under their own protocol, as a card has them.

    Measures are counts by class, the confusion matrix, near ties and calibration. Raises InputError where the data in
    ``root`` are not those that the card names.
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
    measures = Measures(named["num_images"], weights.bare_network().num_classes, data.class_names)
    done = 0
    with torch.inference_mode():
        for batch in data.test_dataloader():
            images, labels = data.on_after_batch_transfer(batch, 0)
            logits = model.test_logits(images)
            counts.update(logits, labels, torch.zeros(len(labels)))
            measures.update(torch.arange(done, done + len(labels)), logits, labels)
            done += len(labels)
    found = counts.compute()
    keys = ("n", "top1_wrong", "top5_wrong", "top1_error", "top5_error")
    scores = {"protocol": weights.data.protocol} | {key: found[key] for key in keys} | {"batch_size": batch_size}
    return scores, measures.result()
