"""How images of any size become a network's input: as ImageNet's photographs, or made small and kept in memory."""

from dataclasses import replace
from functools import partial
from typing import Literal

from zoo.data.photos.transforms import TRANSFORMS as PHOTOS
from zoo.data.photos.transforms import PhotoTransform
from zoo.data.transforms import CIFAR10, MEAN_CIFAR10, MNIST, STD_CIFAR10, Preprocessing, Transform
from zoo.views import shifted_and_flipped

Name = Literal[
    "torchvision",
    "alexnet",
    "alexnet_formula",
    "caffe",
    "vgg",
    "vgg_384",
    "vgg_256_512",
    "standard",
    "crop_flip",
    "crop_flip_cutout",
    "convnetjs",
    "mean_image",
    "cuda_convnet",
    "raw",
    "standard_64",
    "crop_flip_64",
    "grey",
    "lenet5",
    "lenet5_distorted",
]
_SQUARE = Transform(MEAN_CIFAR10, STD_CIFAR10, stored=(3, 64, 64))
_PHOTOS = ("torchvision", "alexnet", "alexnet_formula", "caffe", "vgg", "vgg_384", "vgg_256_512")
# Those of photographs without a mean image, which only a prepared store has; then CIFAR-10's and MNIST's own under the
# names that they have there, so that networks of theirs can be trained on.
TRANSFORMS: dict[str, PhotoTransform | Preprocessing] = {
    **{name: PHOTOS[name] for name in _PHOTOS},
    **{name: replace(steps, stored=(3, 32, 32)) for name, steps in CIFAR10.items()},
    "standard_64": _SQUARE,
    "crop_flip_64": replace(_SQUARE, augment=partial(shifted_and_flipped, reach=8), num_random=3),
    "grey": replace(MNIST["standard"], stored=(1, 28, 28)),
    "lenet5": replace(MNIST["lenet5"], stored=(1, 28, 28)),
    "lenet5_distorted": replace(MNIST["lenet5_distorted"], stored=(1, 28, 28)),
}
