"""Histograms of oriented gradients, computed by scikit-image."""

import torch
from torch import Tensor, nn

from zoo.errors import InputError


class HOG(nn.Module):
    """Dalal and Triggs (2005): images (N, C, S, S) to features (N, num_features), whatever their scale of pixels.

    Cells of ``cell_size`` pixels a side, blocks of ``block_size`` cells a side one cell apart, ``orientations`` over
    0 to 180 degrees, of each pixel the channel with the steepest gradient, blocks normalised by L2-Hys.
    """

    def __init__(self, image_size: int, cell_size: int = 8, block_size: int = 2, orientations: int = 9) -> None:
        super().__init__()
        if cell_size < 1 or image_size < cell_size * block_size:
            raise ValueError(
                f"HOG needs {block_size} cells of at least one pixel along each side:"
                f" images of {image_size}x{image_size} have none with a cell_size of {cell_size}"
            )
        self.cell_size, self.block_size, self.orientations = cell_size, block_size, orientations
        self.num_features = (image_size // cell_size - block_size + 1) ** 2 * block_size**2 * orientations

    def forward(self, images: Tensor) -> Tensor:
        """On the CPU, an image at a time, wherever the images are. Raises InputError without scikit-image."""
        features = images.new_empty(len(images), self.num_features)
        if images.is_meta:
            return features
        # Imported here: only this network needs it.
        try:
            from skimage.feature import hog
        except ModuleNotFoundError as error:
            raise InputError("hog_svm computes its features with scikit-image: pip install scikit-image.") from error

        cell, block = (self.cell_size,) * 2, (self.block_size,) * 2
        for row, image in zip(features, images.detach().double().movedim(1, -1).cpu().numpy(), strict=True):
            row.copy_(torch.from_numpy(hog(image, self.orientations, cell, block, channel_axis=-1)))
        return features

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return f"cell_size={self.cell_size}, block_size={self.block_size}, orientations={self.orientations}"
