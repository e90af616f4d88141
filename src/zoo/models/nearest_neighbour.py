"""Nearest neighbours on pixels: the training images are the model."""

import torch
from torch import Tensor

from zoo.layers.neighbours import Metric, PixelNeighbours
from zoo.models.baseline import BaselineNetwork
from zoo.models.network import check_sizes, check_variant


class NearestNeighbour(BaselineNetwork):
    """The ``k`` of ``num_images`` stored images that are nearest to an image vote for its class.

    The distance of two images is the sum of the absolute ("l1") or squared ("l2") differences of their pixels, 0 to
    255, in exact whole numbers (Cover and Hart 1967 for the rule; CS231n, "Image Classification", for images).

    Deviations and guesses: parameters are the stored pixels, and macs one for each of them, a difference added up;
    with "l1" most are skipped, because sums over 4x4 pixels already tell an image too far, which changes no result.
    Of images at the same distance, and of classes with equal votes, those of smaller labels come first; classes
    without a vote follow in the order of their nearest images, for the top-5 error.
    """

    name = "nearest_neighbour"
    neighbours: PixelNeighbours

    def __init__(
        self,
        variant: str = "paper",
        num_classes: int = 10,
        in_channels: int = 3,
        input_size: int = 32,
        num_images: int = 50_000,
        k: int = 1,
        metric: Metric = "l1",
    ) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: the paper's form is the only one
            num_classes: how many classes there are logits for
            in_channels: channels of an image: 1 is grey, 3 is colour
            input_size: pixels a side of the image
            num_images: how many training images are stored
            k: how many of the nearest images vote
            metric: the distance: l1 sums absolute differences of pixels, l2 squared ones
        """
        check_variant(variant, ("paper",))
        check_sizes(num_classes=num_classes, in_channels=in_channels, input_size=input_size, num_images=num_images)
        shape = (in_channels, input_size, input_size)
        options = {
            "num_classes": num_classes,
            "in_channels": in_channels,
            "input_size": input_size,
            "num_images": num_images,
            "k": k,
            "metric": metric,
        }
        super().__init__(
            {"neighbours": PixelNeighbours(num_images, shape, num_classes, k, metric)}, variant, shape, options
        )
        self.num_stored = num_images

    @torch.no_grad()
    def fit(self, images: Tensor, labels: Tensor) -> None:
        """Stores the images."""
        self.neighbours.store(images, labels)
