"""Weights in a ``.safetensors`` file with their card beside it: those shipped, and those that somebody passes on."""

from pathlib import Path
from typing import Any

from torch import Tensor

from zoo.data.transforms import LessMeanImage
from zoo.errors import InputError
from zoo.weights.cards import read_card, read_checked
from zoo.weights.tensors import MEAN_IMAGE, PREPROCESSING, parsed
from zoo.weights.trained import DataUse, Steps, Weights, check_state


class WeightsWithCard(Weights):
    """The pair ``X.json`` and ``X.safetensors``; no byte of the second is looked at before its sha256 is the card's."""

    path: Path

    def __init__(self, card: Path) -> None:
        self.card, self.path = card, card.with_suffix(".safetensors")
        self.meta: dict[str, Any] = read_card(card)
        self.name = self.meta["name"]
        data, record = self.meta["data"], self.meta["record"]
        scores = self.meta["scores"] or record
        self.data = DataUse(data["class"], data["transform"], scores["protocol"])
        self.config = record["config"]

    def state(self) -> dict[str, Tensor]:
        """The network's tensors, as stored."""
        return {key: tensor for key, tensor in self._tensors().items() if not key.startswith(PREPROCESSING)}

    def verify(self) -> None:
        """Raises InputError unless sha256, keys, shapes and numbers are those that card and network ask for."""
        check_state(self.state(), self.bare_network(), str(self.path))
        self.steps()

    def steps(self) -> Steps:
        """The preprocessing; its mean image is the file's own, so that no training image is needed."""
        steps = super().steps()
        if not isinstance(steps, LessMeanImage):
            return steps
        image = self._tensors().get(MEAN_IMAGE)
        if image is None or image.ndim != 3 or not image.isfinite().all():
            raise InputError(f"{self.path} lacks the mean image that its transform {self.data.transform} takes off.")
        return steps.with_mean(image.float())

    def _tensors(self) -> dict[str, Tensor]:
        # Hashed and parsed are the same bytes: the file may be replaced in between.
        return parsed(read_checked(self.path, self.meta), self.path)
