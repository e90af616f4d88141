"""Kuzushiji-MNIST, from its four IDX files."""

from zoo.catalog import DATA
from zoo.data.idx import IDXImages
from zoo.data.transforms import KMNIST as TRANSFORMS


class KMNIST(IDXImages):
    """60,000 + 10,000 cursive Japanese characters, 28x28 grey (Clanuwat and others 2018).

    Reads the IDX files, plain or gzipped, from ``root``, ``root/KMNIST/raw`` (torchvision's place) or ``root/kmnist``;
    ``transform`` as of ``MNIST``.

    Deviations and guesses: mean and deviation of "standard" are the figures that everybody passes on.
    """

    facts = DATA["KMNIST"]
    mirror = "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"
    sums = (
        "md5:bdb82020997e1d708af4cf47b453dcf7",
        "md5:e144d726b3acfaa3e44228e80efcd344",
        "md5:5c965bf0a639b31b8f53240b1b52f4d7",
        "md5:7320c461ea6c1c855c0b718fb2a4b134",
    )
    folders = ("KMNIST/raw", "kmnist")
    names_of_classes = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    transforms = TRANSFORMS
