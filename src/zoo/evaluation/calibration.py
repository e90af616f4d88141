"""Whether a network's probabilities mean what they say: negative log-likelihood, calibration error, reliability."""

import math
from typing import Any

import torch
from torch import Tensor

from zoo.evaluation.metrics import label_ranks
from zoo.evaluation.processes import summed

BINS = 15


class Calibration:
    """Sorts images by their confidence, the probability of the first class, into ``BINS`` bins of equal width.

    Bin b holds the confidences in (b / BINS, (b + 1) / BINS], as Guo et al. 2017, "On calibration of modern neural
    networks", section 2, has it. Counts are integers; the sums are float64, so that another order of the same
    images changes no more than their last digits.
    """

    def __init__(self) -> None:
        self.images, self.right = torch.zeros(BINS, dtype=torch.int64), torch.zeros(BINS, dtype=torch.int64)
        self.confidence = torch.zeros(BINS, dtype=torch.float64)
        self.nll = torch.tensor(0.0, dtype=torch.float64)
        self._edges = torch.arange(1, BINS, dtype=torch.float64) / BINS

    def update(self, indices: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Adds a batch: logits or log-probabilities (N, classes), labels int64 (N,), on the CPU."""
        log_probabilities = logits.double().log_softmax(dim=1)
        confidence = log_probabilities.max(dim=1).values.exp()
        # An edge belongs to the bin below it.
        bins = torch.bucketize(confidence, self._edges)
        self.images += torch.bincount(bins, minlength=BINS)
        self.right += torch.bincount(bins[label_ranks(logits, labels) == 0], minlength=BINS)
        self.confidence += torch.bincount(bins, weights=confidence, minlength=BINS)
        self.nll -= log_probabilities.gather(1, labels[:, None]).sum()

    def result(self) -> dict[str, Any] | None:
        """NLL in nats an image, ECE as a fraction, and the reliability data of the bins, over all processes.

        ``mean_confidence`` and ``accuracy`` of an empty bin are None. None where an output was NaN; ``nll`` is None
        where a label had probability 0.
        """
        images, right, confidence, nll = (summed(part) for part in (self.images, self.right, self.confidence, self.nll))
        if not confidence.isfinite().all():
            return None
        n = int(images.sum())
        mean = [_ratio(total, count) for total, count in zip(confidence.tolist(), images.tolist(), strict=True)]
        accuracy = [_ratio(total, count) for total, count in zip(right.tolist(), images.tolist(), strict=True)]
        return {
            "nll": float(nll) / n if math.isfinite(float(nll)) else None,
            "ece": float((right - confidence).abs().sum()) / n,
            "bins": BINS,
            "images": images.tolist(),
            "right": right.tolist(),
            "mean_confidence": mean,
            "accuracy": accuracy,
        }


def _ratio(total: float, count: int) -> float | None:
    return total / count if count else None
