"""What the zoo holds, as plain data: the commands that only list things import nothing heavier than this."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Published:
    """The counts that a source states for one form of a network; ``macs`` as it prints them, so with its rounding."""

    parameters: int
    source: str
    macs: str | None = None


@dataclass(frozen=True)
class Entry:
    """One network: where its classes live, its variants (the first is the default), and what was published.

    ``published`` is keyed by variant and holds for the network's default options.
    """

    module: str
    network: str
    model: str
    year: int
    variants: tuple[str, ...]
    summary: str
    published: dict[str, Published] = field(default_factory=dict)


NETWORKS = {
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
        "zoo.models.perceptron", "Perceptron", "PerceptronModel", 1960, ("paper",),
        "threshold units on pixels, Rosenblatt's error-correction rule",
    ),
    "linear": Entry(
        "zoo.models.linear", "Linear", "LinearModel", 1958, ("paper",),
        "softmax regression on pixels with L2",
    ),
    "mlp": Entry(
        "zoo.models.mlp", "MLP", "MLPModel", 1986, ("paper",),
        "fully connected layers of any width, six activations",
    ),
    "lenet5": Entry(
        "zoo.models.lenet5", "LeNet5", "LeNet5Model", 1998, ("paper", "modern"),
        "C3 table, trainable subsampling, RBF outputs; or ReLU, max-pooling, softmax",
        {
            "paper": Published(60_000, "LeCun et al. 1998, section II.B"),
            "modern": Published(61_706, "the form most tutorials quote"),
        },
    ),
    "alexnet": Entry(
        "zoo.models.alexnet", "AlexNet", "AlexNetModel", 2012, ("paper", "torchvision", "cifar"),
        "two groups with response normalisation; or torchvision's one column; or for 32x32",
        {
            "paper": Published(60_965_224, "the 2012 code, layers-145.cfg; the paper says 60 million"),
            "torchvision": Published(61_100_840, "torchvision, AlexNet_Weights.IMAGENET1K_V1", "0.714 G"),
        },
    ),
    "vgg16": Entry(
        "zoo.models.vgg16", "VGG16", "VGG16Model", 2014, ("paper", "bn"),
        "thirteen 3x3 convolutions and three fully connected layers",
        {
            "paper": Published(
                138_357_544, "torchvision, VGG16_Weights.IMAGENET1K_V1; the paper says 138 million", "15.47 G"
            ),
            "bn": Published(138_365_992, "torchvision, VGG16_BN_Weights.IMAGENET1K_V1", "15.47 G"),
        },
    ),
}  # fmt: skip

DATA = {
    "Digits": "1,797 handwritten digits, 8x8, carried by scikit-learn: needs no download",
    "MNIST": "60,000 + 10,000 handwritten digits, 28x28",
    "CIFAR10": "50,000 + 10,000 colour photographs, 32x32, 10 classes",
    "ImageNet": "ILSVRC folders train/<wnid>/*.JPEG and val/, any number of classes",
    "SmokeImageNet": "ten classes of generated JPEG files in ImageNet's layout, for a quick try",
}


def list_models() -> list[str]:
    """The names that ``get_model`` knows, in the order of the ladder."""
    return list(NETWORKS)
