"""Caffe's ``.caffemodel`` files by path, with the preprocessing that they were trained with bound to them."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from zoo.data.photos import TRANSFORMS, PhotoTransform
from zoo.errors import InputError
from zoo.weights.caffe import FORMS, CaffeWeights, form_of, from_caffemodel
from zoo.weights.trained import DataUse, Steps, Weights, check_state


class CaffeFile(Weights):
    """A file of Caffe's AlexNet, CaffeNet or VGG-16 with the thousand classes of ILSVRC.

    Which one it is, its net's name says, or its layers, or the file's own name.
    """

    path: Path

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        self.form = form_of(path)
        network, variant = FORMS[self.form]
        transform = "vgg" if self.form == "vgg16" else "caffe"
        self.data = DataUse("ImageNet", transform, "single view")
        from zoo.weights.of_torchvision import imagenet_names

        self.meta: dict[str, Any] = {
            "name": self.name, "network": network, "variant": variant, "options": {"num_classes": 1000},
            "class_names": imagenet_names(), "path": self.name, "licence": "as its authors say: see where it came from",
        }  # fmt: skip

    @cached_property
    def _read(self) -> CaffeWeights:
        return from_caffemodel(self.path, self.form)

    def state(self) -> dict[str, Tensor]:
        """The tensors under the zoo's names, for images in the order red, green, blue."""
        return self._read.state

    def verify(self) -> None:
        """Raises InputError unless the file holds the whole network; it comes without a digest to compare."""
        check_state(self.state(), self.bare_network(), self.name)

    def steps(self) -> Steps:
        """The mean colour that the file's authors took off, after the geometry of their examples."""
        mean = self._read.preprocessing.mean.flatten().tolist()
        if len(mean) != 3:
            raise InputError(f"{self.name} has a mean image, which ImageNet's preprocessing does not take.")
        steps: PhotoTransform = replace(TRANSFORMS[self.data.transform or "caffe"], mean=tuple(mean))
        return steps
