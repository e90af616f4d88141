"""Caffe's ``.caffemodel`` files by path, with the preprocessing that they were trained with bound to them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

import zoo.data
from zoo.data.photos.transforms import TRANSFORMS, PhotoTransform
from zoo.data.transforms import LessMeanImage
from zoo.errors import InputError
from zoo.weights.sources.caffe_forms import FORMS
from zoo.weights.sources.caffemodel import form_of, mean_image, preprocessing_of, read_state
from zoo.weights.trained import DataUse, Steps, Weights, check_state


class CaffeFile(Weights):
    """A file of one of Caffe's networks with the classes of its data set: ILSVRC's thousand, or ten.

    Which one it is, its net's name says, or its layers, or the file's own name. The CIFAR-10 networks take a mean image
    off, which lies beside the file as ``mean.binaryproto``.
    """

    path: Path

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        self.form = form_of(path)
        form = FORMS[self.form]
        self.data = DataUse(form.data, form.transform, "single view")
        names = self._class_names()
        self.meta: dict[str, Any] = {
            "name": self.name, "network": form.network, "variant": form.variant, "options": {"num_classes": len(names)},
            "class_names": names, "path": self.name, "licence": "as its authors say: see where it came from",
        }  # fmt: skip

    def state(self) -> dict[str, Tensor]:
        """The tensors under the zoo's names, for images in the order red, green, blue."""
        return read_state(self.path, self.form, self.bare_network())

    def verify(self) -> None:
        """Raises InputError unless the file holds the whole network; it comes without a digest to compare."""
        check_state(self.state(), self.bare_network(), self.name)

    def bare_steps(self) -> Steps:
        """Of photographs, the geometry of the authors' examples, then their mean colour subtracted."""
        if self.data.class_name != "ImageNet":
            return super().bare_steps()
        named = TRANSFORMS[str(self.data.transform)]
        mean = preprocessing_of(self.form, (3, named.size, named.size)).mean.flatten().tolist()
        steps: PhotoTransform = replace(named, mean=tuple(mean))
        return steps

    def steps(self) -> Steps:
        """The same with the mean image beside the file. Raises InputError where a CIFAR-10 network has none there."""
        steps = self.bare_steps()
        if not isinstance(steps, LessMeanImage):
            return steps
        file = self.path.with_name("mean.binaryproto")
        if not file.is_file():
            raise InputError(
                f"{self.path} subtracts a mean image, which Caffe keeps apart: put it beside it as {file}."
            )
        return steps.with_mean(mean_image(file, *self.bare_network().input_shape[:2]))

    def _class_names(self) -> list[str]:
        if self.data.class_name == "ImageNet":
            from zoo.weights.sources.torchvision import imagenet_names

            return imagenet_names()
        return list(getattr(zoo.data, self.data.class_name)().class_names)
