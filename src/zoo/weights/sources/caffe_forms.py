"""Caffe's networks that are read here: whatever is true of one, said here alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class CaffeForm:
    """One of Caffe's networks: the zoo's ``network`` and ``variant``, what it was trained on, and what its files need.

    ``data`` is a class of ``zoo.data``, ``transform`` its preprocessing. ``mean`` is the mean colour, on the scale of
    pixels, that is taken off before they are multiplied by ``scale``, and ``mean_source`` where it is from; ``mean`` is
    None where a mean image is taken off, which lies beside the file. ``resize`` says how an image comes to its size.
    ``channels`` is the order in which the first convolution reads colours. ``layers`` are the names of layers in the
    file where they are not the zoo's; ``told_by`` are all its layers with weights, where these tell which net it is.
    """

    network: str
    variant: str
    data: Literal["ImageNet", "MNIST", "CIFAR10"]
    transform: str
    resize: str
    mean: tuple[float, ...] | None = None
    mean_source: str = ""
    scale: float = 1.0
    channels: Literal["RGB", "BGR"] = "RGB"
    layers: Mapping[str, str] = field(default_factory=dict)
    told_by: frozenset[str] | None = None


def _of_ilsvrc(network: str, variant: str) -> CaffeForm:
    return CaffeForm(
        network=network, variant=variant, data="ImageNet", transform="caffe",
        # OpenCV decodes photographs into this order.
        channels="BGR",
        resize="both sides to 256, whatever the shape",
        mean=(122.6789143, 116.6687676, 104.0069879), mean_source="the mean colour of Caffe's ILSVRC 2012 mean image",
    )  # fmt: skip


_RESIZE_CIFAR10 = "none: CIFAR-10's images as they are"
#: By the names that Caffe's own examples and models have.
FORMS = {
    "alexnet": _of_ilsvrc("alexnet", "caffe"),
    "caffenet": _of_ilsvrc("alexnet", "caffenet"),
    "vgg16": CaffeForm(
        network="vgg16", variant="paper", data="ImageNet", transform="vgg", channels="BGR", resize="short side to 256",
        mean=(123.68, 116.779, 103.939), mean_source="the VGG authors' model card",
    ),
    "lenet": CaffeForm(
        network="lenet5", variant="caffe", data="MNIST", transform="caffe", scale=1 / 256,
        resize="none: MNIST's digits as they are", mean=(0.0,), mean_source="none is taken off",
        told_by=frozenset(("conv1", "conv2", "ip1", "ip2")),
    ),
    "cifar10_quick": CaffeForm(
        network="cuda_convnet", variant="quick", data="CIFAR10", transform="mean_image", resize=_RESIZE_CIFAR10,
        layers={"fc64": "ip1", "fc10": "ip2"}, told_by=frozenset(("conv1", "conv2", "conv3", "ip1", "ip2")),
    ),
    "cifar10_full": CaffeForm(
        network="cuda_convnet", variant="18pct", data="CIFAR10", transform="mean_image", resize=_RESIZE_CIFAR10,
        layers={"fc10": "ip1"}, told_by=frozenset(("conv1", "conv2", "conv3", "ip1")),
    ),
}  # fmt: skip
