"""The kinds of pictures as plain data: what each is of, which options it takes, where it is drawn. Imports no torch."""

from dataclasses import dataclass
from typing import Any

from zoo.errors import InputError, nearest


@dataclass(frozen=True)
class Kind:
    """One kind of picture.

    ``home`` is the module that draws it, in a function of the kind's own name; it is called otherwise, so that
    ``zoo.figures.templates`` is always the function. ``fewest`` and ``most`` say how many names it is given, None
    that there is no limit; ``names`` what they are names of. ``options`` are keys of ``OPTIONS``, which the function
    takes under the same names.
    """

    home: str
    about: str
    names: str = "WEIGHTS"
    fewest: int = 1
    most: int | None = 1
    options: tuple[str, ...] = ()


#: The options of all kinds, as argparse declares them; each kind takes some of them.
OPTIONS: dict[str, dict[str, Any]] = {
    "layer": {"metavar": "NAME", "help": "the layer, as zoo info names it"},
    "over": {"choices": ("steps", "epochs", "images"), "help": "what the curves are over, steps by default"},
    "metric": {"nargs": "+", "metavar": "M", "help": "these metrics, as metrics.csv names them"},
    "records": {"metavar": "DIR", "help": "where the Records are (default: those that come with zoo)"},
    "units": {"type": int, "nargs": "+", "metavar": "N", "help": "these units of the layer, counted from 0"},
    "images": {"nargs": "+", "metavar": "IMAGE", "help": "your own images or folders of them, not test images"},
    "count": {"type": int, "metavar": "N", "help": "so many test images"},
    "seed": {"type": int, "metavar": "N", "help": "which test images, and where t-SNE begins (default: 0)"},
    "root": {"metavar": "DIR", "help": "the folder that holds the data"},
    "download": {"choices": ("true", "false"), "help": "whether to fetch the data where they are missing"},
}
#: How an option is typed where that is not its own name.
TYPED = {"root": "data.root", "download": "data.download"}
#: The name under which images themselves are compared.
PIXELS = "pixels"
_DATA = ("count", "seed", "root", "download")

KINDS: dict[str, Kind] = {
    "templates": Kind(
        "unit_templates",
        "weights of units that read pixels, each as an image: linear, perceptron, MLP",
        options=("layer", "units"),
    ),
    "filters": Kind("first_filters", "kernels of the first convolution, those of two towers apart"),
    "feature-maps": Kind(
        "maps_of_image", "one image, and what each layer makes of it", options=("images", "seed", "root", "download")
    ),
    "deconv": Kind(
        "deconvnet",
        "images that excite units most, and what in them does (Zeiler and Fergus 2013)",
        options=("layer", "units", "images", *_DATA),
    ),
    "saliency": Kind("gradients", "which pixels the answer depends on", options=("images", *_DATA)),
    "grad-cam": Kind(
        "gradients", "where the maps of a layer speak for the answer", options=("layer", "images", *_DATA)
    ),
    "tsne": Kind(
        "embedding", "test images laid out by t-SNE of the last hidden layer, or of pixels", most=None, options=_DATA
    ),
    "retrieval": Kind(
        "neighbours", "test images and their nearest by the last hidden layer, or by pixels", most=None, options=_DATA
    ),
    "top5": Kind("answers", "images and their five likeliest classes", options=("images", *_DATA)),
    "arithmetic": Kind(
        "sliding_window", "a filter sliding over an image; of a network its receptive fields", "NETWORK", fewest=0
    ),
    "rbf": Kind("output_codes", "the bitmaps behind LeNet-5's output units", options=("root", "download")),
    "confusion": Kind("confusions", "which class is taken for which, from a run, a Record or predictions", "RUN"),
    "calibration": Kind(
        "reliability", "how sure and how often right, of runs, Records or predictions", "RUN", most=None
    ),
    "mistakes": Kind("surest_mistakes", "test images of which a network is surest and wrong", options=_DATA),
    "curves": Kind(
        "learning", "losses and errors of runs while they were trained", "RUN", most=None, options=("over", "metric")
    ),
    "ladder": Kind(
        "contest",
        "error over year, parameters and multiply-accumulates, beside published ones",
        "DATA",
        fewest=0,
        options=("records",),
    ),
    "ilsvrc": Kind("contest", "the ImageNet challenge 2010 to 2017", "DATA", fewest=0, most=0, options=("records",)),
}


def kind_named(name: str) -> Kind:
    """The kind of this name. Raises InputError, with the nearest, where there is none."""
    if name not in KINDS:
        raise InputError(f"There is no figure {name!r}: {nearest(name, KINDS)}")
    return KINDS[name]


def function_of(name: str) -> str:
    """The name of the function that draws a kind."""
    return name.replace("-", "_")


def typed(option: str) -> str:
    """An option as it is typed: ``--data.root``."""
    return f"--{TYPED.get(option, option)}"
