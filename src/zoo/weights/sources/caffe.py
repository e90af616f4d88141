"""Caffe's ``.caffemodel`` files by path, with the preprocessing that they were trained with bound to them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from zoo.data.photos.transforms import TRANSFORMS, PhotoTransform
from zoo.weights.sources.caffemodel import FORMS, form_of, from_caffemodel, preprocessing_of
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
        from zoo.weights.sources.torchvision import imagenet_names

        self.meta: dict[str, Any] = {
            "name": self.name, "network": network, "variant": variant, "options": {"num_classes": 1000},
            "class_names": imagenet_names(), "path": self.name, "licence": "as its authors say: see where it came from",
        }  # fmt: skip

    def state(self) -> dict[str, Tensor]:
        """The tensors under the zoo's names, for images in the order red, green, blue."""
        return from_caffemodel(self.path, self.form).state

    def verify(self) -> None:
        """Raises InputError unless the file holds the whole network; it comes without a digest to compare."""
        check_state(self.state(), self.bare_network(), self.name)

    def bare_steps(self) -> Steps:
        """The geometry of the authors' examples, then their mean colour subtracted."""
        named = TRANSFORMS[str(self.data.transform)]
        mean = preprocessing_of(self.form, named.size).mean.flatten().tolist()
        steps: PhotoTransform = replace(named, mean=tuple(mean))
        return steps
