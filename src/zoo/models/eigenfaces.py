"""Eigenfaces (Turk and Pentland 1991): principal components of the pixels, then the nearest neighbour."""

import torch
from torch import Tensor, nn

from zoo.layers.neighbours import ROWS, Neighbours
from zoo.layers.projection import PrincipalComponents
from zoo.models.baseline import BaselineNetwork
from zoo.models.network import check_sizes, check_variant


class Eigenfaces(BaselineNetwork):
    """``num_components`` coordinates of an image in the space of "eigenfaces", compared with those of ``num_images``.

    Mean and eigenvectors are of all training images; with fewer images than pixels they come from the small matrix of
    inner products, as the paper has it. The ``k`` nearest stored images, by Euclidean distance, vote.

    Deviations and guesses: the paper compares with the mean coordinates of each person's few images, here with every
    stored image; its thresholds for "no face" and "no known face" are left out; the number of components is left
    to the user. Parameters are the mean, the components and the stored coordinates.
    """

    name = "eigenfaces"
    face_space: PrincipalComponents
    neighbours: Neighbours

    def __init__(
        self,
        variant: str = "paper",
        num_classes: int = 10,
        in_channels: int = 3,
        input_size: int = 32,
        num_images: int = 50_000,
        num_components: int = 30,
        k: int = 1,
    ) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: the paper's form is the only one
            num_classes: how many classes there are logits for
            in_channels: channels of an image: 1 is grey, 3 is colour
            input_size: pixels a side of the image
            num_images: how many training images are stored
            num_components: how many eigenfaces there are
            k: how many of the nearest images vote
        """
        check_variant(variant, ("paper",))
        check_sizes(num_classes=num_classes, in_channels=in_channels, input_size=input_size, num_images=num_images)
        num_features = in_channels * input_size**2
        if not 1 <= num_components <= min(num_features, num_images):
            raise ValueError(
                f"num_components must lie between 1 and {min(num_features, num_images):,}, the smaller of the"
                f" {num_features:,} pixels and the {num_images:,} stored images, not be {num_components}"
            )
        options = {
            "num_classes": num_classes,
            "in_channels": in_channels,
            "input_size": input_size,
            "num_images": num_images,
            "num_components": num_components,
            "k": k,
        }
        layers: dict[str, nn.Module] = {
            "flatten": nn.Flatten(),
            "face_space": PrincipalComponents(num_features, num_components),
            "neighbours": Neighbours(num_images, (num_components,), num_classes, k),
        }
        super().__init__(layers, variant, (in_channels, input_size, input_size), options)
        self.num_stored = num_images

    @torch.no_grad()
    def fit(self, images: Tensor, labels: Tensor) -> None:
        """Finds the eigenfaces, then stores every image's coordinates."""
        pixels = images.flatten(1)
        self.face_space.fit(pixels)
        self.neighbours.store(torch.cat([self.face_space(rows).float() for rows in pixels.split(ROWS)]), labels)
