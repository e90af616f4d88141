"""Mean image, mean colour and principal components of the training images of a data set in memory."""

from zoo.data.base import InMemoryDataModule
from zoo.data.statistics import PixelStatistics, PixelSums


def statistics_of(data: InMemoryDataModule) -> PixelStatistics:
    """Over all official training images of ``data``, as stored; raises InputError where they cannot be read."""
    data.prepare_data()
    images, _ = data.read()["train"]
    sums = PixelSums.zero(*images.shape[1:])
    for image in images.numpy():
        sums.add(image)
    return PixelStatistics.of(sums)
