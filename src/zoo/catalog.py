"""What the zoo holds, as plain data: the commands that only list things import nothing heavier than this."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from zoo.errors import InputError, nearest

T = TypeVar("T")


@dataclass(frozen=True)
class Published:
    """The counts that a source states for one form of a network; ``macs`` as it prints them, so with its rounding."""

    parameters: int
    source: str
    macs: str | None = None


@dataclass(frozen=True)
class Entry:
    """One network: where its classes live, its variants (the first is the default), and what was published.

    ``published`` is keyed by variant and holds for the network's default options. ``model_options`` make a model
    class that trains several networks train this one.
    """

    module: str
    network: str
    model: str
    year: int
    variants: tuple[str, ...]
    summary: str
    published: dict[str, Published] = field(default_factory=dict)
    model_options: dict[str, int] = field(default_factory=dict)

    @property
    def model_module(self) -> str:
        """Where ``model`` lives: the zoo's beside the network's file, so that who wants a network needs no Lightning.

        What another package adds has both in one.
        """
        return f"{self.module}_model" if self.module.startswith("zoo.models.") else self.module


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """One data set: where its data module lives, and whatever is true of it; all that speaks of it reads it here.

    ``name`` is what a Record calls it, ``title`` what tables and model cards do, ``summary`` what ``zoo list data``
    says. ``storage`` is how it lies there for training: whole in memory, as files of photos in ImageNet's folders or of
    any images, or as a stream; ``source`` how one comes by it: by download, with a package, made by this one, by
    registration with its owners, or as one's own. ``stored``
    is (C, H, W) of its images before any preprocessing, None where they have any size or are no images. ``hub`` is
    its name on Hugging Face's hub, None where it is not there, or not under one name. ``taken_for``
    is what an image from elsewhere is taken for, so that it goes the way that the set's own went: ``ink`` that makes
    digits, or a ``photo``; None where it is only scaled. ``transforms`` is where its preprocessings are, by name, for
    what needs no data module and so no Lightning; None where only the module makes them.

    Of data that come from elsewhere ``images`` counts those of each official split, one number or one for each class,
    ``test_split`` is the official name of what this zoo calls test, and ``fingerprints`` says of the digest of a copy
    how many test images in it are ``altered``, and what it is, as a ``note``.
    """

    module: str
    name: str
    title: str
    summary: str
    storage: Literal["memory", "photos", "files", "stream"]
    source: Literal["download", "package", "made", "registration", "own"]
    stored: tuple[int, int, int] | None
    hub: str | None
    taken_for: Literal["ink", "photo"] | None = None
    transforms: str | None = None
    images: dict[str, int | tuple[int, ...]] = field(default_factory=dict)
    test_split: str = "test"
    fingerprints: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def num_images(self) -> dict[str, int]:
        """How many images each official split has."""
        return {split: number if isinstance(number, int) else sum(number) for split, number in self.images.items()}


class Catalogue(Mapping[str, T]):
    """What the zoo holds, and behind it what installed packages add by the entry points of ``group``.

    An entry point names an ``Entry``, or a ``DataSet``. They are looked for when something is not the zoo's, or when
    everything is listed; what cannot be loaded is told on standard error, and left out.
    """

    def __init__(self, group: str, kind: type[T], own: dict[str, T]) -> None:
        self._group, self._kind, self.own = group, kind, own
        self._added: dict[str, T] | None = None

    def __getitem__(self, name: str) -> T:
        if name in self.own:
            return self.own[name]
        return self._everything()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._everything())

    def __len__(self) -> int:
        return len(self._everything())

    def is_added(self, name: str) -> bool:
        """Whether another package adds it."""
        return name not in self.own and name in self._everything()

    def _everything(self) -> dict[str, T]:
        if self._added is None:
            # While they are loaded, a package may ask for what there is.
            self._added = {}
            self._added = self._loaded()
        return {**self.own, **self._added}

    def _loaded(self) -> dict[str, T]:
        from importlib.metadata import entry_points

        found: dict[str, T] = {}
        for point in entry_points(group=self._group):
            origin = f"{point.name} of {point.dist.name}" if point.dist else point.name
            try:
                entry = point.load()
            except Exception as error:
                # Somebody else's code, which fails in its own ways, must not keep the zoo from working.
                entry, reason = None, f"{type(error).__name__}: {' '.join(str(error).split())}"
            else:
                reason = f"it is no {self._kind.__name__} of zoo.catalog"
            if point.name in self.own or point.name in found:
                print(f"zoo: {origin} is left out: there is one of this name.", file=sys.stderr)
            elif isinstance(entry, self._kind):
                found[point.name] = entry
            else:
                print(f"zoo: {origin} is left out: {reason}.", file=sys.stderr)
        return found


NETWORKS = Catalogue("zoo.networks", Entry, {
    "nearest_neighbour": Entry(
        "zoo.models.nearest_neighbour", "NearestNeighbour", "NearestNeighbourModel", 1967, ("paper",),
        "the k nearest training images vote, L1 or L2 on pixels",
    ),
    "eigenfaces": Entry(
        "zoo.models.eigenfaces", "Eigenfaces", "EigenfacesModel", 1991, ("paper",),
        "principal components of the pixels, then the nearest neighbour",
    ),
    "hog_svm": Entry(
        "zoo.models.hog_svm", "HOGSVM", "HOGSVMModel", 2005, ("paper",),
        "histograms of oriented gradients, then linear support vector machines",
    ),
    "perceptron": Entry(
        "zoo.models.perceptron", "Perceptron", "PerceptronModel", 1960, ("paper", "mark1"),
        "threshold units on pixels or behind random A-units, Rosenblatt's error-correction rule",
        {"mark1": Published(4_096, "512 A-units times 8 R-units, as secondary sources give the Mark I")},
    ),
    "linear": Entry(
        "zoo.models.linear", "Linear", "LinearModel", 1958, ("paper",),
        "softmax regression on pixels with L2",
    ),
    "neocognitron": Entry(
        "zoo.models.neocognitron", "Neocognitron", "NeocognitronModel", 1980, ("paper",),
        "S-cells and C-cells, unsupervised reinforcement of the winners",
        {"paper": Published(29_472, "the sum over the cells and connectable areas of Fukushima 1980")},
    ),
    "mlp": Entry(
        "zoo.models.mlp", "MLP", "MLPModel", 1986, ("paper",),
        "fully connected layers of any width, six activations",
    ),
    "symmetry": Entry(
        "zoo.models.symmetry", "SymmetryNetwork", "SymmetryModel", 1986, ("paper",),
        "six inputs, two hidden units, one output: finds mirror symmetry by back-propagation",
        {"paper": Published(17, "Rumelhart, Hinton and Williams 1986, Figure 1: 14 weights and 3 biases")},
    ),
    "lenet5": Entry(
        "zoo.models.lenet5", "LeNet5", "LeNet5Model", 1998, ("paper", "linear", "modern", "caffe"),
        "C3 table, trainable subsampling, RBF outputs; or ReLU, max-pooling, softmax",
        {
            "paper": Published(60_000, "LeCun et al. 1998, section II.B"),
            "modern": Published(61_706, "the form most tutorials quote"),
        },
    ),
    "cuda_convnet": Entry(
        "zoo.models.cuda_convnet", "CudaConvnet", "CudaConvnetModel", 2011,
        ("11pct", "13pct", "18pct", "26pct", "quick"),
        "Krizhevsky's CIFAR-10 networks, named by their error: local layers, response normalisation",
        {
            "11pct": Published(2_112_970, "cuda-convnet, layers-conv-local-11pct.cfg"),
            "13pct": Published(1_116_490, "cuda-convnet, layers-conv-local-13pct.cfg"),
            "18pct": Published(89_578, "cuda-convnet, layers-18pct.cfg; Caffe's cifar10_full is as large"),
            "26pct": Published(145_578, "cuda-convnet, layers-80sec.cfg; Caffe's cifar10_quick is as large"),
            "quick": Published(145_578, "BVLC/caffe, examples/cifar10, cifar10_quick"),
        },
    ),
    "alexnet": Entry(
        "zoo.models.alexnet", "AlexNet", "AlexNetModel", 2012,
        ("paper", "torchvision", "cifar", "one_gpu", "joined", "caffe", "caffenet", "bearpaw"),
        "two towers with response normalisation, and the forms that others gave it",
        {
            "paper": Published(60_965_224, "the 2012 code, layers-145.cfg; the paper says 60 million"),
            "one_gpu": Published(59_798_312, "the 2012 code, layers-145-half.cfg"),
            "caffe": Published(60_965_224, "BVLC/caffe, models/bvlc_alexnet"),
            "caffenet": Published(60_965_224, "BVLC/caffe, models/bvlc_reference_caffenet"),
            "torchvision": Published(61_100_840, "torchvision, AlexNet_Weights.IMAGENET1K_V1", "0.714 G"),
            "bearpaw": Published(2_472_266, "bearpaw/pytorch-classification, whose README says 2.47 million"),
        },
    ),
    "convnetjs": Entry(
        "zoo.models.convnetjs", "ConvNetJS", "ConvNetJSModel", 2014, ("paper",),
        "three small 5x5 convolutions: the demo that trains on CIFAR-10 in a browser",
        {"paper": Published(22_466, "karpathy/convnetjs, demo/cifar10.html")},
    ),
    "vgg11": Entry(
        "zoo.models.vgg", "VGG11", "VGGModel", 2014, ("paper", "bn", "lrn"),
        "configuration A: eight 3x3 convolutions and three fully connected layers",
        {
            "paper": Published(132_863_336, "torchvision, VGG11_Weights.IMAGENET1K_V1", "7.609 G"),
            "bn": Published(132_868_840, "torchvision, VGG11_BN_Weights.IMAGENET1K_V1", "7.609 G"),
        },
        {"depth": 11},
    ),
    "vgg13": Entry(
        "zoo.models.vgg", "VGG13", "VGGModel", 2014, ("paper", "bn"),
        "configuration B: ten 3x3 convolutions",
        {
            "paper": Published(133_047_848, "torchvision, VGG13_Weights.IMAGENET1K_V1", "11.308 G"),
            "bn": Published(133_053_736, "torchvision, VGG13_BN_Weights.IMAGENET1K_V1", "11.308 G"),
        },
        {"depth": 13},
    ),
    "vgg16": Entry(
        "zoo.models.vgg", "VGG16", "VGGModel", 2014, ("paper", "bn", "1x1"),
        "configuration D: thirteen 3x3 convolutions; or C, three of them 1x1",
        {
            "paper": Published(
                138_357_544, "torchvision, VGG16_Weights.IMAGENET1K_V1; the paper says 138 million", "15.47 G"
            ),
            "bn": Published(138_365_992, "torchvision, VGG16_BN_Weights.IMAGENET1K_V1", "15.47 G"),
        },
        {"depth": 16},
    ),
    "vgg19": Entry(
        "zoo.models.vgg", "VGG19", "VGGModel", 2014, ("paper", "bn"),
        "configuration E: sixteen 3x3 convolutions",
        {
            "paper": Published(143_667_240, "torchvision, VGG19_Weights.IMAGENET1K_V1", "19.632 G"),
            "bn": Published(143_678_248, "torchvision, VGG19_BN_Weights.IMAGENET1K_V1", "19.632 G"),
        },
        {"depth": 19},
    ),
})  # fmt: skip

_IMAGENET: dict[str, Any] = {
    "name": "imagenet", "title": "ImageNet, ILSVRC-2012", "source": "registration", "stored": None,
    "hub": "ILSVRC/imagenet-1k", "images": {"val": 50_000, "test": 100_000},
    # The labels of the official test images are not public, so that test is the validation images here.
    "test_split": "val", "transforms": "zoo.data.photos.transforms.TRANSFORMS",
}  # fmt: skip
DATA = Catalogue("zoo.data", DataSet, {
    "Digits": DataSet(
        module="zoo.data.digits", name="digits", title="Digits (scikit-learn)",
        summary="1,797 handwritten digits, 8x8, carried by scikit-learn: needs no download",
        storage="memory", source="package", stored=(1, 8, 8), hub=None,
        transforms="zoo.data.transforms.DIGITS",
        images={"test": 360},
        fingerprints={
            "sha256:51a2e67013355661fc9c324e26f90f1925b2b882af0fc7df33f42bea7af6da32":
                {"altered": 0, "note": "as scikit-learn carries them"},
        },
    ),
    "FiveDigits": DataSet(
        module="zoo.data.five_digits", name="five-digits", title="Five digits",
        summary="the digits 0 to 4 as strokes on 16x16, under shifts: needs no download",
        storage="memory", source="made", stored=(1, 16, 16), hub=None,
    ),
    "MNIST": DataSet(
        module="zoo.data.mnist", name="mnist", title="MNIST",
        summary="60,000 + 10,000 handwritten digits, 28x28",
        storage="memory", source="download", stored=(1, 28, 28), hub="ylecun/mnist",
        transforms="zoo.data.transforms.MNIST",
        taken_for="ink",
        images={
            "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
            "test": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
        },
        fingerprints={
            "sha256:3ee7f568b8fdc8915ba79f8c2e5cfce6e08e6def379bae044b8ec31ae87c0afb":
                {"altered": 0, "note": "the official files"},
        },
    ),
    "CIFAR10": DataSet(
        module="zoo.data.cifar10", name="cifar10", title="CIFAR-10",
        summary="50,000 + 10,000 colour photographs, 32x32, 10 classes",
        storage="memory", source="download", stored=(3, 32, 32), hub="uoft-cs/cifar10",
        transforms="zoo.data.transforms.CIFAR10",
        taken_for="photo",
        images={"train": (5000,) * 10, "test": (1000,) * 10},
        fingerprints={
            "sha256:544cbd86fdf2e6fa2cebd03d568d02a0f9e83381e920c6d5ae1f14cfa3d7981a": {
                "altered": 20,
                "note": "the data differ slightly from the official: 73 training and 20 test images went through JPEG",
            },
        },
    ),
    "CIFAR100": DataSet(
        module="zoo.data.cifar100", name="cifar100", title="CIFAR-100",
        summary="50,000 + 10,000 colour photographs, 32x32, 100 classes",
        storage="memory", source="download", stored=(3, 32, 32), hub="uoft-cs/cifar100",
        transforms="zoo.data.transforms.CIFAR100",
        images={"train": (500,) * 100, "test": (100,) * 100},
    ),
    "FashionMNIST": DataSet(
        module="zoo.data.fashion_mnist", name="fashion-mnist", title="Fashion-MNIST",
        summary="60,000 + 10,000 pictures of clothes, 28x28, 10 classes",
        storage="memory", source="download", stored=(1, 28, 28), hub="zalando-datasets/fashion_mnist",
        transforms="zoo.data.transforms.FASHION_MNIST",
        images={"train": (6000,) * 10, "test": (1000,) * 10},
    ),
    "KMNIST": DataSet(
        module="zoo.data.kmnist", name="kmnist", title="Kuzushiji-MNIST",
        summary="60,000 + 10,000 cursive Japanese characters, 28x28, 10 classes",
        storage="memory", source="download", stored=(1, 28, 28), hub=None,
        transforms="zoo.data.transforms.KMNIST",
        images={"train": (6000,) * 10, "test": (1000,) * 10},
    ),
    "SVHN": DataSet(
        module="zoo.data.svhn", name="svhn", title="Street View House Numbers",
        summary="73,257 + 26,032 digits of house numbers, 32x32 in colour",
        storage="memory", source="download", stored=(3, 32, 32), hub="ufldl-stanford/svhn",
        transforms="zoo.data.transforms.SVHN",
        images={
            "train": (4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659),
            "test": (1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595),
        },
    ),
    "STL10": DataSet(
        module="zoo.data.stl10", name="stl10", title="STL-10",
        summary="5,000 + 8,000 colour photographs, 96x96, 10 classes",
        storage="memory", source="download", stored=(3, 96, 96), hub=None,
        transforms="zoo.data.transforms.STL10",
        images={"train": (500,) * 10, "test": (800,) * 10},
    ),
    "TinyImageNet": DataSet(
        module="zoo.data.tiny_imagenet", name="tiny-imagenet", title="Tiny ImageNet",
        summary="100,000 + 10,000 colour photographs, 64x64, 200 of ImageNet's classes",
        storage="files", source="download", stored=None, hub="zh-plus/tiny-imagenet",
        images={"train": (500,) * 200, "val": (50,) * 200}, test_split="val",
    ),
    "ImageFolder": DataSet(
        module="zoo.data.image_folder", name="image-folder", title="Own images in folders",
        summary="your own images of any size in one folder a class, with or without train/, val/ and test/",
        storage="files", source="own", stored=None, hub=None,
    ),
    "CSVImages": DataSet(
        module="zoo.data.csv_images", name="csv-images", title="Own images in a table",
        summary="your own images of any size, named with their classes in a CSV or Parquet file",
        storage="files", source="own", stored=None, hub=None,
    ),
    "HuggingFaceImages": DataSet(
        module="zoo.data.huggingface", name="huggingface-images", title="Own images in a datasets folder",
        summary="your own images of any size in a folder of Hugging Face's datasets, as save_to_disk leaves it",
        storage="files", source="own", stored=None, hub=None,
    ),
    "ImageNet": DataSet(
        module="zoo.data.imagenet", storage="photos", **_IMAGENET,
        summary="ILSVRC folders train/<wnid>/*.JPEG and val/, or a store made of them, any number of classes",
    ),
    "StreamedImageNet": DataSet(
        module="zoo.data.stream.module", storage="stream", **_IMAGENET,
        summary="ILSVRC as LitData chunks in a folder or object storage (zoo data stream packs them)",
    ),
    "Symmetry": DataSet(
        module="zoo.data.symmetry", name="symmetry", title="Mirror symmetry of six bits",
        summary="all 64 patterns of six bits, eight of them mirror symmetric: needs no download",
        storage="memory", source="made", stored=None, hub=None,
    ),
    "SmokeImageNet": DataSet(
        module="zoo.data.smoke", name="smoke-imagenet", title="Generated photographs",
        summary="ten classes of generated JPEG files in ImageNet's layout, for a quick try",
        storage="photos", source="made", stored=None, hub=None,
        transforms="zoo.data.photos.transforms.TRANSFORMS",
    ),
})  # fmt: skip


def data_named(name: str) -> DataSet | None:
    """The data set that a Record calls ``name``; None where it is one of somebody else's."""
    return next((data for data in DATA.values() if data.name == name), None)


def no_network(name: str) -> InputError:
    """What to raise for a name that is none, with those that are spelt almost like it."""
    return InputError(f"There is no network {name!r}: {nearest(name, NETWORKS)}")


def networks_by_year() -> list[str]:
    """The names of the networks, by the year of their paper, then by name."""
    return sorted(NETWORKS, key=lambda name: (NETWORKS[name].year, name))
