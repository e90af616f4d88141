"""CIFAR-10, from the official binary version or the python version that torchvision leaves."""

from collections.abc import Mapping
from typing import ClassVar

from zoo.catalog import DATA
from zoo.data.cifar import CIFARImages, Form
from zoo.data.transforms import CIFAR10 as TRANSFORMS

BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class CIFAR10(CIFARImages):
    """50,000 + 10,000 colour images, 32x32, ten classes (Krizhevsky 2009, "Learning multiple layers of features").

    Reads ``root/cifar-10-batches-bin/*.bin`` or ``root/cifar-10-batches-py``; ``root`` may be either folder itself.
    Batches are float32 (N, 3, 32, 32). ``transform`` "standard" subtracts the mean and divides by the standard
    deviation of each channel; "crop_flip" also shifts by up to 4 pixels and mirrors while training;
    "crop_flip_cutout" erases a square of 12 pixels, too (and shifts the mean colour in). "convnetjs" is
    p / 255 - 0.5 with shifts of up to 2 pixels, grey moving in, and mirrors. "mean_image" subtracts from pixels of
    0..255 the mean of the training images; "cuda_convnet" also cuts (N, 3, 24, 24) out of them, anywhere, and mirrors
    while training, and leaves it to the model to crop the whole images that the other two splits give.
    "raw" leaves pixels from 0 to 255.
    """

    facts = DATA["CIFAR10"]
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    digest = "md5:c32a1d4ab5d03f1284b67883e8d87530"
    folders = ("cifar-10-batches-bin", "cifar-10-batches-py")
    counts: ClassVar[Mapping[str, int]] = dict.fromkeys(BATCHES, 10_000)
    form = Form(facts.title, CLASS_NAMES, "labels", 1)
    transforms = TRANSFORMS
