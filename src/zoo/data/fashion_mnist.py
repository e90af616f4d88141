"""Fashion-MNIST, from its four IDX files."""

from zoo.catalog import DATA
from zoo.data.idx import IDXImages
from zoo.data.transforms import FASHION_MNIST as TRANSFORMS


class FashionMNIST(IDXImages):
    """60,000 + 10,000 pictures of clothes, 28x28 grey, light on black (Xiao, Rasul and Vollgraf 2017).

    Reads the IDX files, plain or gzipped, from ``root``, ``root/FashionMNIST/raw`` (torchvision's place) or
    ``root/fashion-mnist``; ``transform`` as of ``MNIST``.

    Deviations and guesses: mean and deviation of "standard" are the figures that everybody passes on.
    """

    facts = DATA["FashionMNIST"]
    mirror = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
    sums = (
        "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "md5:25c81989df183df01b3e8a0aad5dffbe",
        "md5:bef4ecab320f06d8554ea6380940ec79",
        "md5:bb300cfdad3c16e7a12a480ee83cd310",
    )
    folders = ("FashionMNIST/raw", "fashion-mnist")
    names_of_classes = (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    )  # fmt: skip
    transforms = TRANSFORMS
