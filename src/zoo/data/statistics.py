"""Mean image, mean colour and principal components of RGB values, exactly from whole-number sums. NumPy alone."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np


@dataclass
class PixelSums:
    """Sums over uint8 images of one size, all of them whole numbers, so that their order changes nothing.

    ``image`` (C, H, W) is their sum pixel by pixel, ``products`` (C, C) the sum of the products of two channels over
    all pixels: both int64, enough for 10**13 pixels.
    """

    num_images: int
    image: np.ndarray
    products: np.ndarray

    @classmethod
    def zero(cls, channels: int, height: int, width: int) -> Self:
        """Sums over nothing."""
        return cls(0, np.zeros((channels, height, width), np.int64), np.zeros((channels, channels), np.int64))

    def add(self, image: np.ndarray) -> None:
        """Adds one image (C, H, W)."""
        # In float64 the products of one image's bytes are exact up to 2**53 / 255**2 = 1.4e11 pixels.
        flat = image.reshape(len(image), -1).astype(np.float64)
        self.num_images += 1
        self.image += image
        self.products += (flat @ flat.T).astype(np.int64)

    def merge(self, other: "PixelSums") -> None:
        """Adds the images of ``other``."""
        self.num_images += other.num_images
        self.image += other.image
        self.products += other.products


@dataclass(frozen=True)
class PixelStatistics:
    """What the sums say: all on the scale 0..255.

    ``mean_image`` float32 (C, H, W); ``mean`` (C,) the mean colour; ``components`` (C, C), as rows, the principal
    components of the pixels' colours, the largest first, and ``std`` (C,) the standard deviations along them; float64.
    """

    mean_image: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    components: np.ndarray

    @classmethod
    def of(cls, sums: PixelSums) -> Self:
        """Mean and covariance (divided by N - 1) of the pixels that were summed; at least two."""
        channels = len(sums.products)
        n = sums.num_images * sums.image[0].size
        # Python's integers have no largest: each covariance is rounded once, when it is divided.
        totals = [int(total) for total in sums.image.sum((1, 2))]
        products = [[int(product) for product in row] for row in sums.products]
        covariance = np.array(
            [
                [(n * products[i][j] - totals[i] * totals[j]) / (n * (n - 1)) for j in range(channels)]
                for i in range(channels)
            ]
        )
        variances, vectors = np.linalg.eigh(covariance)
        components = vectors.T[::-1]
        # A component and its opposite are the same; the largest entry is made positive so that there is one answer.
        largest = components[np.arange(channels), np.abs(components).argmax(1)]
        return cls(
            (sums.image / sums.num_images).astype(np.float32),
            np.array([total / n for total in totals]),
            np.sqrt(variances[::-1].clip(0)),
            components * np.sign(largest)[:, None],
        )

    @classmethod
    def over(cls, images: np.ndarray) -> Self:
        """Those of uint8 (N, C, H, W)."""
        sums = PixelSums.zero(*images.shape[1:])
        for image in images:
            sums.add(image)
        return cls.of(sums)

    def plain(self) -> dict[str, Any]:
        """All but the mean image, as lists."""
        return {name: getattr(self, name).tolist() for name in ("mean", "std", "components")}

    @classmethod
    def from_plain(cls, mean_image: np.ndarray, plain: dict[str, Any]) -> Self:
        """The way back from ``plain``."""
        return cls(mean_image, *(np.array(plain[name]) for name in ("mean", "std", "components")))
