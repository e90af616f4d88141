"""How many images each class of the full ILSVRC 2012 set has."""

from collections.abc import Iterator
from pathlib import Path

from zoo.data.photos.synsets import read_synsets
from zoo.data.photos.val_labels import DEVKIT, META
from zoo.data.verification import Finding

NUM_CLASSES, NUM_TRAIN, NUM_VAL = 1000, 1_281_167, 50
# The smallest and the largest class of train.
FEWEST, MOST = 732, 1300


def wrong_counts(root: Path, counts: dict[str, dict[str, int]]) -> Iterator[Finding]:
    """Classes of a full ILSVRC 2012 set with more or fewer images than it has officially.

    A folder of other than 1,000 classes is a selection, of which nothing is expected. The counts of train are those of
    the development kit's ``meta.mat`` where it lies in ``root``; without it, the limits and the total are checked.
    """
    if len(counts["train"]) != NUM_CLASSES:
        return
    for name, number in counts["val"].items():
        if number != NUM_VAL and name != "?":
            yield Finding("wrong count", f"val/{name}", f"{number:,} images instead of {NUM_VAL}")
    official = _official(root)
    for name, number in counts["train"].items():
        expected = official.get(name)
        if expected is not None and number != expected:
            yield Finding("wrong count", f"train/{name}", f"{number:,} images instead of {expected:,}")
        elif expected is None and not FEWEST <= number <= MOST:
            detail = f"{number:,} images, but every class of ILSVRC 2012 has {FEWEST} to {MOST:,}"
            yield Finding("wrong count", f"train/{name}", detail)
    for split, expected in (("train", NUM_TRAIN), ("val", NUM_VAL * NUM_CLASSES)):
        total = sum(counts[split].values())
        if total != expected:
            yield Finding("wrong count", split, f"{total:,} images in all instead of {expected:,}")


def _official(root: Path) -> dict[str, int]:
    """Training images of each wnid by ``meta.mat``; nothing where it is missing or cannot be read."""
    meta = next((folder / META for folder in (root, root / DEVKIT) if (folder / META).is_file()), None)
    if meta is None:
        return {}
    try:
        return {wnid: int(images) for wnid, images in read_synsets(meta, "WNID", "num_train_images")}
    except ValueError:  # the limits are checked without it
        return {}
