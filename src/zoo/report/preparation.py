"""What ``zoo data prepare`` prints."""

from zoo.data.statistics import PixelStatistics
from zoo.data.store.format import Store


def print_store(store: Store) -> None:
    """Counts, room taken, statistics, and how to train from it."""
    for split, table in store.tables.items():
        print(f"{split}: {len(table):,} pictures in {len(store.shards[split]):,} shards")
    print(f"storage {sum(shard.bytes for shard in store.all_shards()) / 1e6:,.1f} MB, short side {store.size} pixels")
    print_statistics("training pictures", store.statistics)
    print(f"source {store.index['source']['files']}")
    print(f"Train from it with --data.root {store.folder}")


def print_statistics(name: str, statistics: PixelStatistics) -> None:
    """Mean colour and principal components, pixels from 0 to 255; the mean image by its range."""
    image = statistics.mean_image
    channels, height, width = image.shape
    print(f"mean image of the {name}: {width}x{height}, from {image.min():.2f} to {image.max():.2f}")
    print(f"mean {_row(statistics.mean)}")
    if channels == 1:
        print(f"standard deviation {_row(statistics.std)}")
        return
    for std, component in zip(statistics.std, statistics.components, strict=True):
        print(f"component ({_row(component, 4)}) with standard deviation {std:.3f}")


def _row(values: object, digits: int = 2) -> str:
    return ", ".join(f"{value:.{digits}f}" for value in values)  # type: ignore[attr-defined]
