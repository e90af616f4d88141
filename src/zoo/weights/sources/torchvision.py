"""torchvision's trained AlexNet and VGG-16: fetched once, checked against their hash, under the papers' names."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.errors import InputError
from zoo.weights.cards import TORCHVISION, digest_of
from zoo.weights.sources.convert import from_torchvision
from zoo.weights.trained import DataUse, Weights, check_state

_FORMS = {"alexnet": ("alexnet", "torchvision"), "vgg16": ("vgg16", "paper"), "vgg16_bn": ("vgg16", "bn")}


class TorchvisionWeights(Weights):
    """``torchvision/<name>``: the weights IMAGENET1K_V1, kept where torch.hub keeps its files."""

    path: Path
    url: str

    def __init__(self, name: str) -> None:
        if name not in TORCHVISION:
            raise InputError(f"There are no weights {name!r}: of torchvision's there is {', '.join(TORCHVISION)}.")
        self.name, self.theirs = name, name.partition("/")[2]
        found = _weights_of(self.theirs)
        self.url = str(found.url)
        self.path = Path(torch.hub.get_dir()) / "checkpoints" / self.url.rpartition("/")[2]
        self.data = DataUse("ImageNet", "torchvision", "single view")
        network, variant = _FORMS[self.theirs]
        self.meta = {
            "name": name, "network": network, "variant": variant, "options": {"num_classes": 1000},
            "class_names": list(found.meta["categories"]), "parameters": found.meta["num_params"],
            "published": found.meta["_metrics"], "recipe": found.meta["recipe"], "url": self.url,
            "sha256_begins": self._hash(), "licence": "BSD-3-Clause, as torchvision",
        }  # fmt: skip

    def state(self) -> dict[str, Tensor]:
        """The tensors under the papers' names; fetched on first use, and refused where the hash is another."""
        if not self.path.is_file():
            self._fetch()
        # Not only while it is fetched, as torch.hub does: the file may have been changed since, or put there by hand.
        if not digest_of(self.path).startswith(self._hash()):
            raise self._wrong_file()
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            # What is no file of torch fails in a dozen ways.
            raise self._wrong_file() from error
        return from_torchvision(state, self.theirs)

    def verify(self) -> None:
        """Raises InputError unless the file, fetched where it is not there, has its hash and fits the network."""
        check_state(self.state(), self.bare_network(), self.name)

    def _fetch(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(self.url, str(self.path), self._hash(), progress=False)
        except OSError as error:
            reason = getattr(error, "reason", None) or error.strerror or error
            raise InputError(
                f"{self.name} cannot be fetched from {self.url} ({reason}): get that file on a machine with a network"
                f" and put it at {self.path}."
            ) from error
        except RuntimeError as error:
            raise InputError(
                f"What {self.url} sends does not have the hash that its name says: try again later."
            ) from error

    def _wrong_file(self) -> InputError:
        return InputError(f"{self.path} is not the file of {self.url}: delete it, so that it is fetched again.")

    def _hash(self) -> str:
        found = re.search(r"-([0-9a-f]{8,})\.pth$", self.url)
        assert found, self.url
        return found[1]


def imagenet_names() -> list[str]:
    """The 1,000 classes of ILSVRC in the order of their wnids, as torchvision words them."""
    return list(_weights_of("alexnet").meta["categories"])


def _weights_of(theirs: str) -> Any:
    from torchvision.models import get_model_weights

    return get_model_weights(theirs)["IMAGENET1K_V1"]
