"""A flat ``val/`` put into class folders: each image moved once, all checks before the first move."""

from collections import Counter
from pathlib import Path

from zoo.data.photos.folders import folders_in, images_in
from zoo.data.photos.ilsvrc import NUM_CLASSES, NUM_VAL
from zoo.data.photos.val_labels import ValLabels, find_labels, wnid_of
from zoo.errors import InputError


def arrange_val(root: Path, labels_file: Path | None = None) -> tuple[int, int]:
    """Moves the images that lie flat in ``root/val`` into ``root/val/<wnid>``; how many, and how many there are.

    A move is a renaming, whole or not at all. Stopped half-way it goes on where it was; until then, training refuses
    the folder. Raises InputError, before anything is moved, where labels and images do not fit each other.
    """
    if labels_file is not None and not labels_file.is_file():
        raise InputError(f"There is no file {labels_file} to read labels from.")
    val = root / "val"
    loose = sorted(images_in(val))
    placed = [file for folder in folders_in(val) for file in sorted(images_in(folder))]
    if not loose:
        if not placed:
            raise InputError(f"{val} holds no .JPEG file: unpack ILSVRC2012_img_val.tar there.")
        return 0, len(placed)
    labels = find_labels(root, labels_file)
    _check(root, labels, loose, placed)
    moved = 0
    try:
        for wnid in sorted({wnid_of(file, labels) for file in loose}):
            (val / wnid).mkdir(exist_ok=True)
        for file in loose:
            file.rename(val / wnid_of(file, labels) / file.name)
            moved += 1
    except OSError as error:
        raise InputError(
            f"{val} is half arranged: {moved:,} of {len(loose):,} images were moved before {error.filename} was refused"
            f" ({error.strerror}); run the same command again, and it goes on."
        ) from error
    return moved, len(loose) + len(placed)


def _check(root: Path, labels: ValLabels, loose: list[Path], placed: list[Path]) -> None:
    """Raises InputError unless there is one image for each label, and none in a folder of another class."""
    for file in placed:
        if wnid_of(file, labels) != file.parent.name:
            raise InputError(
                f"{file} is of class {labels.wnids[file.stem]} by {labels.source}: move it there, or fetch the right"
                " labels."
            )
    times = Counter(file.stem for file in (*loose, *placed))
    for file in loose:
        wnid_of(file, labels)
        if times[file.stem] > 1:
            raise InputError(f"{file} lies in {root / 'val'} more than once: remove all but one.")
    missing = sorted(set(labels.wnids) - set(times))
    if missing:
        raise InputError(
            f"{root / 'val'} has {len(times):,} of the {len(labels.wnids):,} images in {labels.source}; missing are"
            f" {missing[0]}{f' and {len(missing) - 1:,} more' if len(missing) > 1 else ''}: nothing was moved."
        )
    _check_classes(root, labels)


def _check_classes(root: Path, labels: ValLabels) -> None:
    counts = Counter(labels.wnids.values())
    wrong = next((wnid for wnid, number in sorted(counts.items()) if number != NUM_VAL), None)
    if len(labels.wnids) == NUM_CLASSES * NUM_VAL and wrong is not None:
        raise InputError(
            f"{labels.source} gives {counts[wrong]:,} images to {wrong}, but each class has {NUM_VAL}: fetch it again."
        )
    train = root / "train"
    known = {folder.name for folder in folders_in(train)} if train.is_dir() else set()
    unknown = sorted(set(counts) - known)
    if known and unknown:
        raise InputError(f"{labels.source} has the class {unknown[0]}, which {train} does not have: nothing was moved.")
