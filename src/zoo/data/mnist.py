"""MNIST, from the four official IDX files."""

from zoo.catalog import DATA
from zoo.data.idx import IDXImages
from zoo.data.transforms import MNIST as TRANSFORMS


class MNIST(IDXImages):
    """60,000 + 10,000 handwritten digits, 28x28 grey (LeCun, Bottou, Bengio and Haffner 1998, section III.A).

    Reads the IDX files, plain or gzipped, from ``root``, ``root/MNIST/raw`` (torchvision's place) or ``root/mnist``.
    ``transform`` "lenet5" gives float32 (N, 1, 32, 32), "lenet5_distorted" also shifts, scales, squeezes and shears the
    training images; "standard" gives (N, 1, 28, 28) with mean 0 and variance 1, "raw" the same shape with pixels from
    0 to 255, "caffe" with those divided by 256, as Caffe's LeNet takes them.
    """

    facts = DATA["MNIST"]
    mirror = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    sums = (
        "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "md5:d53e105ee54ea40749a09fcbcd1e9432",
        "md5:9fb629c4189551a2d022fa330f9573f3",
        "md5:ec29112dd5afa0611ce80d1b7f02629c",
    )
    folders = ("MNIST/raw", "mnist")
    names_of_classes = tuple("0123456789")
    transforms = TRANSFORMS
