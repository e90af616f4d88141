"""CIFAR-100, from the python version that torchvision leaves or the official binary version."""

from collections.abc import Mapping
from typing import ClassVar

from zoo.catalog import DATA
from zoo.data.cifar import CIFARImages, Form
from zoo.data.transforms import CIFAR100 as TRANSFORMS

CLASS_NAMES = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish",
    "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion",
    "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange",
    "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
    "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk",
    "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
    "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale",
    "willow_tree", "wolf", "woman", "worm",
)  # fmt: skip


class CIFAR100(CIFARImages):
    """50,000 + 10,000 colour images, 32x32, a hundred classes (Krizhevsky 2009).

    Reads ``root/cifar-100-python`` or ``root/cifar-100-binary/*.bin``; ``root`` may be either folder itself. The
    labels are the fine ones; ``transform`` as of ``CIFAR10``.

    Deviations and guesses: mean and deviation of "standard" and its like are the figures that everybody passes on.
    """

    facts = DATA["CIFAR100"]
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    digest = "md5:eb9058c3a382ffc7106e4002c42a8d85"
    folders = ("cifar-100-binary", "cifar-100-python")
    counts: ClassVar[Mapping[str, int]] = {"train": 50_000, "test": 10_000}
    sums: ClassVar[Mapping[str, str]] = {
        "train": "md5:16019d7e3df5f24257cddd939b257f8d",
        "test": "md5:f0ef6b0ae62326f3e7ffdfab6717acfc",
    }
    form = Form(facts.title, CLASS_NAMES, "fine_labels", 2)
    transforms = TRANSFORMS
