"""Weights in a ``.safetensors`` file with their card: those shipped or fetched, and those that somebody passes on."""

from pathlib import Path
from typing import Any

from torch import Tensor

from zoo.data.transforms import LessMeanImage
from zoo.errors import InputError
from zoo.weights.cards import read_card, read_checked
from zoo.weights.sources.asset import place_of, read_asset
from zoo.weights.tensors import MEAN_IMAGE, PREPROCESSING, parsed
from zoo.weights.trained import DataUse, Steps, Weights, check_state


class WeightsWithCard(Weights):
    """The pair ``X.json`` and ``X.safetensors``; no byte of the second is looked at before its sha256 is the card's.

    Where only the card is there and has a ``url``, the file is fetched when its tensors are first asked for, once and
    for all, to where torch.hub keeps its files; ``path`` is that place. Raises InputError where there is neither.
    """

    path: Path

    def __init__(self, card: Path) -> None:
        self.card, self.path = card, card.with_suffix(".safetensors")
        self.meta: dict[str, Any] = read_card(card)
        self.name, self.url = self.meta["name"], self.meta.get("url")
        self._fetched = self.url is not None and not self.path.is_file()
        if self._fetched:
            self.path = place_of(self.meta)
        elif not self.path.is_file():
            raise InputError(f"There are no weights at {self.path}, and {card.name} has no url to fetch them from.")
        data, record = self.meta["data"], self.meta["record"]
        scores = self.meta["scores"] or record
        self.data = DataUse(data["class"], data["transform"], scores["protocol"])
        self.config = record["config"]

    def state(self) -> dict[str, Tensor]:
        """The network's tensors, as stored. Raises InputError where they cannot be fetched or are others."""
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
        content = read_asset(self.path, self.meta) if self._fetched else read_checked(self.path, self.meta)
        return parsed(content, self.path)
